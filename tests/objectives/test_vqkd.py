from pathlib import Path

import numpy as np
import pytest
import torch

from ilk import saved
from ilk.encoders import Encoder, build, patchify
from ilk.encoders.projected import project
from ilk.encoders.vit import ViT
from ilk.errors import OptionError
from ilk.objectives.vqkd import VQKD, passed

from ..contract.samples import images


def small(codes: int = 32, **options: object) -> VQKD:
    torch.manual_seed(0)
    vit = ViT(1, 16, 12, 4, width=32, depth=2, heads=2)  # 16 patches
    return VQKD(vit, size=16, codes=codes, decoder_width=16, **options)  # type: ignore[arg-type]


def kept(encoder: Encoder, folder: Path) -> str:
    saved.save(encoder.eval(), folder, Encoder)
    return str(folder)


def test_rounding_lets_the_gradient_through_unchanged() -> None:
    z = torch.tensor([[0.6, 0.8]], requires_grad=True)
    rounded = torch.tensor([[1.0, 0.0]])
    out = passed(z, rounded)
    assert torch.equal(out, rounded)
    out.backward(torch.tensor([[3.0, -2.0]]))
    assert z.grad is not None
    assert z.grad.tolist() == [[3.0, -2.0]]


def test_both_terms_are_those_worked_out_beside_it() -> None:
    objective = small(commitment=2.0)
    x = images().batch(np.arange(6))
    with torch.no_grad():
        objective.tell.weight.zero_()
        objective.tell.bias.copy_(torch.arange(16.0))
        terms = objective.loss(x, progress=0)
        z = objective.encoder.directions(x)
    truth = patchify(objective.standardise(x), 4).numpy()  # (6, 16, 16)
    line = np.arange(16.0)
    cosines = (truth @ line) / np.linalg.norm(truth, axis=2) / np.linalg.norm(line)
    assert terms["teacher"].item() == pytest.approx(1 - cosines.mean(), rel=1e-4)
    nearest = (z[:, :, None] - objective.encoder.book.book).square().sum(3).amin(2)  # (6, 16)
    assert terms["commitment"].item() == pytest.approx(2 * nearest.mean().item() / 12, rel=1e-4)


def test_a_teacher_of_patches_is_asked_patch_by_patch(tmp_path: Path) -> None:
    torch.manual_seed(1)
    teacher = ViT(1, 16, 12, 8, width=20, depth=1, heads=2, registers=1)  # 2 x 2 patches, not 4 x 4
    objective = small(teacher=kept(teacher, tmp_path))
    x = images().batch(np.arange(3))
    truth = objective.truth(x)
    assert truth.shape == (3, 16, 20)
    # Corners lie beyond the middles of the coarse patches: they are the coarse ones
    coarse = teacher.eval().tokens(x)[:, 2:]
    torch.testing.assert_close(truth[:, [0, 3, 12, 15]], coarse)


def test_any_other_teacher_is_asked_for_the_picture(tmp_path: Path) -> None:
    source = images()
    teacher = project(build("pixels", source.traits), source, 7)
    objective = small(teacher=kept(teacher, tmp_path))
    x = source.batch(np.arange(3))
    torch.testing.assert_close(objective.truth(x), teacher(x)[:, None])
    assert objective.loss(x, progress=0)["teacher"].isfinite()


def test_the_teacher_stays_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(1)
    teacher = build("convnet", {"channels": 1, "size": 16}, dim=8, width=4)
    objective = small(teacher=kept(teacher, tmp_path)).train()
    before = saved.fingerprint(teacher)
    torch.stack(
        list(objective.loss(*objective.views(images().batch(np.arange(8))), progress=0).values())
    ).sum().backward()
    assert objective.asked is not None
    assert saved.fingerprint(objective.asked.encoder) == before
    assert all(p.grad is None for p in objective.asked.parameters())


def test_a_teacher_of_other_pictures_is_refused(tmp_path: Path) -> None:
    teacher = build("convnet", {"channels": 3, "size": 16}, dim=8, width=4)
    with pytest.raises(OptionError, match="takes no pictures of 1 x 16 x 16"):
        small(teacher=kept(teacher, tmp_path))


def test_an_encoder_without_patches_is_refused() -> None:
    with pytest.raises(OptionError, match="ConvNet knows none\nGive"):
        VQKD(build("convnet", {"channels": 1, "size": 16}))  # type: ignore[arg-type]


def test_the_words_come_into_use() -> None:
    """In the first step most of the random codes lie where no patch is: they are moved to where some are."""
    objective, x = small(codes=128), images().batch(np.arange(64))
    first = objective.encoder.words(x).unique()
    for _ in range(3):
        objective.loss(x, progress=0)
        objective.after_step(0)
    assert len(first) < 50
    assert len(objective.encoder.words(x).unique()) > 80
