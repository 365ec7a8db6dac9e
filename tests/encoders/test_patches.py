"""Patch words: what a code is, worked by hand; what must not change it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ilk import saved
from ilk.encoders import Encoder
from ilk.encoders import patches as module
from ilk.encoders.patches import Patches, argmax
from ilk.encoders.pixels import Pixels


@pytest.fixture
def x() -> Tensor:  # (6, 2, 12, 12), with an empty corner
    x = torch.rand(6, 2, 12, 12, generator=torch.Generator().manual_seed(1))
    x[:, :, :5, :5] = 0.25
    return x


def made(**keywords: int) -> Patches:
    torch.manual_seed(0)
    return Patches(2, 12, words=9, depth=5, grid=2, **keywords).eval()


def test_a_code_is_the_word_with_the_largest_product_of_the_evened_patch(x: Tensor) -> None:
    encoder = made(patch=4)
    codes = encoder.codes(x)
    assert codes.shape == (6, 9, 9)
    for b, i, j in [(0, 5, 5), (1, 0, 8), (2, 7, 3), (5, 8, 8)]:
        patch = x[b, :, i : i + 4, j : j + 4].flatten()
        patch = (patch - patch.mean()) / patch.std()  # as the words were learned: no brightness, no contrast
        assert codes[b, i, j] == (patch @ encoder.filters).argmax()


def test_a_place_without_contrast_has_no_word_and_no_vector(x: Tensor) -> None:
    encoder = made(patch=4)
    assert (encoder.codes(x)[:, :2, :2] == 9).all()
    assert (encoder.codes(x)[:, 2:, 2:] < 9).all()
    assert not encoder.table[9].any()
    even = torch.full((2, 2, 12, 12), 0.3)
    assert (encoder.codes(even) == 9).all()
    assert not encoder(even).any()


def test_the_vector_is_the_words_averaged_in_each_cell(x: Tensor) -> None:
    encoder = made(patch=5)  # 8 x 8 places: cells of 4 x 4
    words = encoder.table[encoder.codes(x)]  # (6, 8, 8, 5)
    cells = [words[:, i : i + 4, j : j + 4].mean((1, 2)) for i in (0, 4) for j in (0, 4)]
    by_hand = torch.cat(cells, 1)
    by_hand /= by_hand.norm(dim=1, keepdim=True)
    torch.testing.assert_close(encoder(x), by_hand)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-2, 2))
def test_neither_brightness_nor_contrast_matters(scale: float, shift: float) -> None:
    x = torch.rand(2, 2, 12, 12, generator=torch.Generator().manual_seed(2))
    encoder = made()
    same = encoder.codes(scale * (x + shift)) == encoder.codes(x)
    assert same.float().mean() > 0.99  # a tie may fall the other way by rounding


def test_channels_in_another_order_with_the_filters_in_that_order(x: Tensor) -> None:
    encoder, other = made(patch=4), made(patch=4)
    other.filters.copy_(encoder.filters.view(2, 16, 9).flip(0).flatten(0, 1))
    torch.testing.assert_close(other(x.flip(1)), encoder(x))


def test_bounded_memory_changes_nothing(x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made()(x)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert made().at_once == 1
    torch.testing.assert_close(made()(x), whole)


@pytest.mark.parametrize(
    ("size", "side", "width", "stride", "places"),
    [
        (8, 8, 3, 1, 6),
        (28, 28, 6, 1, 23),
        (64, 64, 8, 2, 29),
        (65, 33, 7, 1, 27),
        (224, 56, 8, 2, 25),
        (2, 2, 2, 1, 1),
    ],
)
def test_patches_grow_with_the_picture_and_large_ones_are_averaged_down(
    size: int, side: int, width: int, stride: int, places: int
) -> None:
    encoder = Patches(3, size, words=4, depth=3, grid=2)
    assert (encoder.side, encoder.width, encoder.stride, encoder.places) == (side, width, stride, places)
    assert encoder(torch.rand(2, 3, size, size)).shape == (2, encoder.dim)
    assert encoder(torch.rand(2, 3, size + 3, size)).shape == (2, encoder.dim)  # of another shape too


def test_numpy_and_torch_agree_on_the_largest() -> None:
    scores = torch.randn(50, 20)
    scores[3, [4, 9]] = 100.0
    assert torch.equal(argmax(scores), torch.from_numpy(np.argmax(scores.numpy(), 1)))
    assert argmax(scores)[3] == 4  # the first of equals, always


def test_saved_and_loaded(x: Tensor, tmp_path: Path) -> None:
    encoder = made()
    saved.save(encoder, tmp_path, Encoder)
    assert torch.equal(saved.load(tmp_path, Encoder)(x), encoder(x))


def test_pixels_are_the_pixels_and_large_pictures_their_averages() -> None:
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(Pixels(3, 8)(x), x.flatten(1))
    faint = Pixels(1, 2, power=0.5)(torch.tensor([[[[4.0, -9.0], [0.0, 1.0]]]]))
    assert faint.tolist() == [[2, -3, 0, 1]]
    large = torch.rand(2, 1, 128, 128)
    small = Pixels(1, 128)(large)
    assert small.shape == (2, 64 * 64)
    torch.testing.assert_close(small[1, 65], large[1, 0, 2:4, 2:4].mean())
