import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ilk import saved
from ilk.encoders import Encoder, build
from ilk.encoders.quantised import Quantised
from ilk.encoders.vit import ViT
from ilk.errors import OptionError
from ilk.objectives.beit import BEiT

from ..contract.samples import images


def vit(patch: int = 4, depth: int = 3) -> ViT:
    torch.manual_seed(0)
    return ViT(1, 16, 12, patch, width=32, depth=depth, heads=2)


def small(**options: object) -> BEiT:
    return BEiT(vit(), size=16, **options)  # type: ignore[arg-type]


def tokenizer(folder: Path, patch: int = 4) -> str:
    saved.save(Quantised(vit(patch), codes=24).eval(), folder, Encoder)
    return str(folder)


def test_with_no_idea_both_terms_are_the_logarithm_of_the_number_of_words() -> None:
    objective = small(codes=40)
    torch.nn.init.zeros_(objective.name.weight)
    terms = objective.loss(*objective.views(images().batch(np.arange(4))), progress=0)
    assert terms["patches"].item() == pytest.approx(math.log(40), rel=1e-5)
    assert terms["vector"].item() == pytest.approx(math.log(40), rel=1e-5)


def test_it_is_the_word_under_the_mask_that_counts(tmp_path: Path) -> None:
    """The layer that names says one word only, with odds of e^5 to each other."""
    objective = small(tokenizer=tokenizer(tmp_path)).eval()
    x = images().batch(np.arange(4))
    words = Quantised.words(saved.load(tmp_path, Encoder), x)  # type: ignore[arg-type]
    often = int(words.flatten().mode().values)
    masked = torch.zeros(4, 16, dtype=torch.bool)
    masked[:, 3:9] = True
    torch.nn.init.zeros_(objective.name.weight)
    with torch.no_grad():
        objective.name.bias[often] = 5.0
    terms = objective.loss(x, masked, progress=0)
    right = (words[:, 3:9] == often).float().mean().item()
    expected = math.log(math.exp(5) + 23) - 5 * right
    assert 0 < right < 1
    assert terms["patches"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["vector"].item() == pytest.approx(expected, rel=1e-5)


def test_past_the_inner_layer_the_shallow_head_sees_the_vector_alone() -> None:
    objective = small(inner=2)
    views = objective.views(images().batch(np.arange(4)))

    def reaches() -> list[bool]:
        objective.zero_grad()
        objective.loss(*views, progress=0)["vector"].backward()
        return [
            bool(p.grad is not None and p.grad.any())
            for p in (block.mlp.work[0].weight for block in objective.encoder.blocks)
        ]

    assert reaches() == [True, True, True]
    torch.nn.init.zeros_(objective.shallow.whole.weight)
    assert reaches() == [True, True, False]


def test_the_share_is_hidden_in_every_picture() -> None:
    _, masked = small(masked=0.4).views(images().batch(np.arange(20)))
    assert masked.sum(1).tolist() == [6] * 20


def test_kinds_of_pixels_are_known_again(tmp_path: Path) -> None:
    """Patches of one look get one word, whatever their contrast."""
    objective = small(codes=30)
    x = images().batch(np.arange(64))
    for _ in range(3):
        objective.namer(x)
        objective.after_step(0)
    assert len(objective.namer(x).unique()) > 20
    flat = torch.full((64, 1, 16, 16), 0.2)
    assert len(objective.eval().namer(flat).unique()) == 1


def test_a_tokenizer_with_other_patches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match="words for 2x2 patches, the encoder has 4x4\nGive the encoder --patch 8"
    ):
        small(tokenizer=tokenizer(tmp_path, patch=8))


def test_what_gives_no_words_is_refused(tmp_path: Path) -> None:
    saved.save(vit().eval(), tmp_path, Encoder)
    with pytest.raises(OptionError, match="has a ViT, which gives no words"):
        small(tokenizer=str(tmp_path))


@pytest.mark.parametrize("wrong", [{"masked": 1.0}, {"inner": 4}, {"inner": 0}, {"codes": 1}])
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        small(**wrong)


def test_an_encoder_without_layers_is_refused() -> None:
    with pytest.raises(OptionError, match="ConvNet has none\nGive"):
        BEiT(build("convnet", {"channels": 1, "size": 16}))  # type: ignore[arg-type]
