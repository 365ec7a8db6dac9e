import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.encoders import build
from ilk.encoders.convnet import ConvNet
from ilk.encoders.vit import ViT
from ilk.errors import OptionError
from ilk.objectives.dino import across
from ilk.objectives.ibot import IBOT, blobs, within

from .waves import wave


def small(**options: object) -> IBOT:
    torch.manual_seed(0)
    vit = build("vit", {"channels": 1, "size": 16}, width=32, depth=2, heads=2, patch=4, dim=12)
    return IBOT(vit, prototypes=20, projector=(16, 8), **options)  # type: ignore[arg-type]


def test_both_terms_equal_those_of_the_papers_code() -> None:
    """bytedance/ibot, iBOTLoss: 3 samples, 2 views of 4 patches, 6 prototypes; one view has no mask."""
    masked = wave(6, 2, 2, speed=1.9).flatten(1) > 0.2
    masked[1] = False
    student, told = wave(6, 6), wave(6, 4, 6, speed=1.1)[masked]
    teacher = wave(6, 6, speed=0.7, shift=1.0) - 0.1 * wave(6, speed=2.0)
    truth = wave(6, 4, 6, speed=0.9, shift=2.0)[masked] - 0.1 * wave(6, speed=3.0)
    names = (teacher / 0.05).softmax(1), (student / 0.1).log_softmax(1)
    assert across(*(x.view(2, 3, 6) for x in names)).item() == pytest.approx(10.2884, rel=1e-5)
    patches = within((truth / 0.06).softmax(1), (told / 0.1).log_softmax(1), masked)
    assert patches.item() == pytest.approx(7.11303, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 40),
    grid=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    share=st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)),
    chance=st.floats(0, 1),
)
def test_blobs_have_the_size_and_number_asked_for(
    n: int, grid: tuple[int, int], share: tuple[float, float], chance: float
) -> None:
    P = grid[0] * grid[1]
    count = blobs(n, grid, share, chance).sum(1)
    assert (count > 0).sum() == min(n, max(2, round(chance * n)))
    some = count[count > 0]
    assert some.min() >= max(1, round(share[0] * P) - 1)
    assert some.max() <= max(1, round(share[1] * P) + 1)


def test_a_blob_is_of_one_piece() -> None:
    """Of every masked patch a neighbour is masked: drawn one by one, a third would stand alone."""
    torch.manual_seed(0)
    masks = blobs(300, (8, 8), (0.2, 0.3), 1.0).view(300, 8, 8)
    beside = torch.zeros_like(masks)
    beside[:, 1:] |= masks[:, :-1]
    beside[:, :-1] |= masks[:, 1:]
    beside[:, :, 1:] |= masks[:, :, :-1]
    beside[:, :, :-1] |= masks[:, :, 1:]
    assert (masks & ~beside).sum() < 0.01 * masks.sum()


def test_what_is_masked_the_student_does_not_see_and_the_teacher_does() -> None:
    objective = small().eval()
    a, _, *masks = objective.views(torch.rand(4, 1, 16, 16))
    masks[0][0, 5] = True
    changed = a.clone()
    changed[0, :, 4:8, 4:8] += 1  # patch 5: second row, second column
    tokens = [objective.encoder.tokens(x, masked=masks[0], mask=objective.mask)[0] for x in (a, changed)]
    assert torch.equal(*tokens)
    assert not torch.equal(*(objective.teacher.encoder.tokens(x)[0] for x in (a, changed)))


def test_the_mask_is_learnt_and_patches_share_the_prototypes() -> None:
    objective = small()
    terms = objective.loss(*objective.views(torch.rand(8, 1, 16, 16)), progress=0)
    assert set(terms) == {"naming", "patches"}
    (reached,) = torch.autograd.grad(terms["patches"], objective.mask, retain_graph=True)
    assert reached.any()
    for term in terms.values():
        (reached,) = torch.autograd.grad(term, objective.head.names.directions, retain_graph=True)
        assert reached.any()


def test_the_vector_is_what_the_encoder_gives_a_whole_picture() -> None:
    vit, x = ViT(size=16, width=32, depth=2, heads=2, patch=4, dim=12).eval(), torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(vit.vector(vit.tokens(x)), vit(x))


def test_an_encoder_without_patches_is_refused() -> None:
    with pytest.raises(OptionError, match="ConvNet knows none\nGive an encoder that does: --encoder vit"):
        IBOT(ConvNet())  # type: ignore[arg-type]


@pytest.mark.parametrize("masked", [0.3, [0.5, 0.1], [0.1, 1.5]])
def test_shares_that_are_none_are_refused(masked: object) -> None:
    with pytest.raises(OptionError, match=r"masked is .*\nGive the least and the greatest share"):
        small(masked=masked)
