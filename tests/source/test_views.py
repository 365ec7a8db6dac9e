"""Each switch alone does what it says, exactly where it can be exact."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ilk.errors import DataError, UnknownName
from ilk.source.views import PRESETS, Crops, Preset, Views


def pictures(n: int = 5, channels: int = 3, height: int = 16, width: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(seed))


def smooth(n: int = 4, channels: int = 1, size: int = 32) -> Tensor:
    """Pictures without sharp edges, so that a resampling loses little."""
    return F.interpolate(pictures(n, channels, 5, 5), size, mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize(
    ("preset", "channels", "shape", "size"),
    [
        (name, channels, shape, size)
        for name, channels, (shape, size) in product(
            (*PRESETS, "auto"),
            (1, 2, 3, 5),
            (((16, 16), None), ((17, 11), None), ((40, 24), 9), ((8, 8), 21)),
        )
    ],
)
def test_two_views_of_the_size_asked_for(
    preset: str, channels: int, shape: tuple[int, int], size: int | None
) -> None:
    x = pictures(4, channels, *shape)
    before = x.clone()
    torch.manual_seed(1)
    a, b = Views(preset, size)(x)
    expected = (4, channels, *((size, size) if size else shape))
    assert a.shape == b.shape == expected
    assert a.dtype == torch.float32
    assert torch.isfinite(a).all()
    assert torch.isfinite(b).all()
    assert (a != b).any(dim=(1, 2, 3)).all()  # each of the four pictures, each its own draw
    assert torch.equal(x, before)
    torch.manual_seed(1)
    again = Views(preset, size)(x)
    assert torch.equal(a, again[0])
    assert torch.equal(b, again[1])
    torch.manual_seed(2)
    assert not torch.equal(a, Views(preset, size)(x)[0])


def test_every_picture_has_its_own_draw() -> None:
    torch.manual_seed(0)
    for preset in PRESETS:
        a, _ = Views(preset)(pictures(1, 3).expand(6, -1, -1, -1))
        assert len({tuple(view.flatten().tolist()) for view in a}) == 6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("turned", [False, True])  # the two ways of resampling
def test_a_preset_as_it_stands_changes_nothing(channels: int, turned: bool) -> None:
    x = pictures(channels=channels, width=13)
    a, b = Views(Preset(turn=(360, 360)) if turned else Preset())(x)
    close = 1e-4 if turned else 0
    torch.testing.assert_close(a, x, atol=close, rtol=0)
    torch.testing.assert_close(b, x, atol=close, rtol=0)


def test_flips_are_exact_and_come_at_their_chance() -> None:
    x = pictures(300, 1, 6, 7)
    torch.manual_seed(0)
    a, b = Views(Preset(flip_x=0.5))(x)
    flipped = (torch.cat([a, b]) == torch.cat([x, x]).flip(3)).all(dim=(1, 2, 3))
    same = (torch.cat([a, b]) == torch.cat([x, x])).all(dim=(1, 2, 3))
    assert (flipped ^ same).all()
    assert 250 < flipped.sum() < 350
    a, _ = Views(Preset(flip_y=1))(x)
    assert torch.equal(a, x.flip(2))


@pytest.mark.parametrize(("degrees", "k"), [(90, 1), (180, 2), (-90, 3)])
def test_quarter_turns(degrees: float, k: int) -> None:
    x = pictures()
    a, _ = Views(Preset(turn=(degrees, degrees)))(x)
    torch.testing.assert_close(a, x.rot90(k, (2, 3)), atol=1e-4, rtol=0)


def test_a_turn_is_rigid_where_the_picture_is_not_square() -> None:
    x = torch.zeros(1, 1, 41, 21)
    x[0, 0, 20, 18] = 1  # eight to the right of the middle; 90 degrees: eight above it
    a, _ = Views(Preset(turn=(90, 90)))(x)
    assert a[0, 0, 12, 10].item() == pytest.approx(1, abs=1e-4)
    assert a[0, 0, 10:31].sum().item() == pytest.approx(1, abs=1e-3)  # further out lie its mirror images


def test_shear_slides_each_row_by_its_height() -> None:
    x = torch.zeros(1, 1, 21, 21)
    x[0, 0, :, 10] = 1  # an upright line; tan 45 = 1 makes it a diagonal
    a, _ = Views(Preset(shear=(45, 45)))(x)
    torch.testing.assert_close(a[0, 0], torch.eye(21).flip(1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("turned", [False, True])
def test_shift_moves_and_mirrors_what_comes_in(turned: bool) -> None:
    x = pictures(height=8, width=8)
    a, _ = Views(Preset(shift=(0.25, 0.25), turn=(360, 360) if turned else (0, 0)))(x)
    edge = torch.cat([x, x.flip(2)], 2)
    expected = torch.cat([edge, edge.flip(3)], 3)[:, :, 2:10, 2:10]
    torch.testing.assert_close(a, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("turned", [False, True])
def test_crop_shows_its_share(turned: bool) -> None:
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    torch.manual_seed(0)
    a, _ = Views(Preset(crop=(0.25, 0.25), turn=(360, 360) if turned else (0, 0)))(ramp)
    shown = a[:, 0, 5, -1] - a[:, 0, 5, 0]
    torch.testing.assert_close(shown, torch.full((200,), 0.5), atol=0.02, rtol=0)  # half of each side
    assert a.amin() < 0.03  # and anywhere in the picture
    assert a.amax() > 0.97


def test_aspect_is_width_to_height() -> None:
    x = torch.linspace(0, 1, 64).expand(8, 1, 64, 64)
    wide, _ = Views(Preset(crop=(0.25, 0.25), aspect=(2, 2)))(torch.cat([x, x.mT]))
    across, down = wide[:8, 0, 5, -1] - wide[:8, 0, 5, 0], wide[8:, 0, -1, 5] - wide[8:, 0, 0, 5]
    torch.testing.assert_close(across / down, torch.full((8,), 2.0), atol=0.1, rtol=0)


@pytest.mark.parametrize("preset", [Preset(), Preset(turn=(360, 360))])
def test_what_shrinks_is_averaged_not_skipped(preset: Preset) -> None:
    x = torch.zeros(1, 1, 64, 64)
    x[:, :, ::2] = 1  # one-pixel stripes: to a sixth of the size they are grey
    a, _ = Views(preset, size=10)(x)
    assert (a - 0.5).abs().max() < 0.1


def test_shrinking_agrees_with_torch() -> None:
    x = pictures(height=24, width=40)
    a, _ = Views(Preset(), size=12)(x)
    torch.testing.assert_close(a, F.interpolate(x, (12, 12), mode="bilinear", antialias=True))


@pytest.mark.parametrize("turned", [False, True])
def test_blur_spreads_a_point_as_told(turned: bool) -> None:
    x = torch.zeros(1, 1, 65, 65)
    x[0, 0, 32, 32] = 1
    width = 0.05
    a, _ = Views(Preset(blurred=1, blur=(width, width), turn=(360, 360) if turned else (0, 0)))(x)
    place = torch.arange(65.0) - 32
    assert a.sum().item() == pytest.approx(1, abs=1e-3)
    # 1 / 6: what the resampling itself spreads
    assert (a[0, 0].sum(0) * place**2).sum().item() == pytest.approx((width * 65) ** 2 + 1 / 6, rel=0.01)
    b, _ = Views(Preset(blurred=0, blur=(width, width)))(x)
    assert torch.equal(b, x)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_brightness_and_contrast(channels: int) -> None:
    x = pictures(channels=channels) * 0.5
    a, _ = Views(Preset(brightness=(1.5, 1.5)))(x)
    torch.testing.assert_close(a, 1.5 * x)
    a, _ = Views(Preset(contrast=(0, 0)))(x)
    assert a.flatten(1).std(1).max() < 1e-6
    luma = torch.tensor([0.299, 0.587, 0.114]) if channels == 3 else torch.full((channels,), 1 / channels)
    torch.testing.assert_close(a[:, 0, 0, 0], x.mean((2, 3)) @ luma)
    b, _ = Views(Preset(contrast=(0.6, 1.4)))(x)
    torch.testing.assert_close(b.mean((2, 3)) @ luma, x.mean((2, 3)) @ luma)  # the mean stays


def test_grey_stays_grey_and_a_third_of_the_circle_exchanges_the_colours() -> None:
    x = pictures()
    grey = x[:, :1].expand(-1, 3, -1, -1)
    torch.manual_seed(0)
    a, _ = Views(Preset(hue=(-0.5, 0.5), saturation=(0, 2), grey=0.2))(grey)
    torch.testing.assert_close(a, grey)
    a, _ = Views(Preset(hue=(1 / 3, 1 / 3)))(x)
    torch.testing.assert_close(a, x[:, [2, 0, 1]])  # red becomes green
    a, _ = Views(Preset(hue=(0.1, 0.1)))(x)
    torch.testing.assert_close(a.mean(1), x.mean(1))


def test_without_saturation_only_the_luma_stays() -> None:
    x = pictures()
    luma = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(Views(Preset(saturation=(0, 0)))(x)[0], luma)
    torch.testing.assert_close(Views(Preset(grey=1))(x)[0], luma)
    x = pictures(channels=2)
    assert torch.equal(Views(Preset(grey=1, saturation=(0, 0), hue=(0.2, 0.2)))(x)[0], x)


def test_colours_change_at_their_chance() -> None:
    x = pictures(400, 3, 4, 4)
    torch.manual_seed(0)
    a, _ = Views(Preset(colour=0.5, brightness=(1.2, 1.4)))(x)
    assert 160 < (a == x).all(dim=(1, 2, 3)).sum() < 240


def test_noise_is_a_share_of_each_picture_s_own_spread() -> None:
    x = smooth(2, size=64) * torch.tensor([1e-3, 1e3])[:, None, None, None]
    torch.manual_seed(0)
    a, b = Views(Preset(noise=(0.1, 0.1)))(x)
    for view in (a, b):
        torch.testing.assert_close(
            (view - x).flatten(1).std(1) / x.flatten(1).std(1), torch.full((2,), 0.1), atol=0.005, rtol=0
        )
    assert not torch.equal(a, b)


def test_a_square_is_cut_out() -> None:
    x = pictures(500, 2, 20, 20)
    torch.manual_seed(0)
    a, _ = Views(Preset(cut=0.5, hole=(0.3, 0.3)))(x)
    changed = (a != x).any(1)  # (500, 20, 20)
    sizes = changed.flatten(1).sum(1)
    assert 200 < (sizes > 0).sum() < 300
    assert sizes.max() == 36  # 6 x 6 where it lies within the picture
    mean = x.mean((2, 3))[:, :, None, None].expand_as(x)
    where = changed[:, None].expand_as(x)
    torch.testing.assert_close(a[where], mean[where])
    assert changed.any(0).all()  # anywhere


def test_only_pictures_of_0_to_1_are_clamped() -> None:
    torch.manual_seed(0)
    for preset in ("natural", "digits"):
        a, _ = Views(preset)(pictures(64))
        assert a.min() >= 0
        assert a.max() <= 1
    bright = smooth() * 1e6 - 500
    a, b = Views("astro")(bright)
    for view in (a, b):
        ratio = view.mean((1, 2, 3)) / bright.mean((1, 2, 3))
        assert ((ratio > 0.4) & (ratio < 1.8)).all()


def test_digits_stay_upright() -> None:
    p = PRESETS["digits"]
    assert max(abs(t) for t in p.turn) <= 20
    assert p.flip_x == p.flip_y == 0


def test_auto_goes_by_channels() -> None:
    for channels, name in ((3, "natural"), (1, "digits"), (5, "astro")):
        x = pictures(channels=channels)
        torch.manual_seed(0)
        a, _ = Views("auto")(x)
        torch.manual_seed(0)
        b, _ = Views(name)(x)
        assert torch.equal(a, b)


def test_normalised_pictures_stay_as_they_lie() -> None:
    p = PRESETS["aligned"]
    assert max(abs(t) for t in p.turn) <= 15
    assert p.flip_x == p.flip_y == 0
    faint = smooth(64, size=32) * 1e-4  # floats of any range: nothing is clamped
    torch.manual_seed(0)
    a, b = Views("aligned")(faint)
    for view in (a, b):
        near = F.cosine_similarity((view - view.mean()).flatten(1), (faint - faint.mean()).flatten(1))
        assert near.min() > 0.5  # each is still where it was
        assert near.max() < 0.9999  # and none is the same


@pytest.mark.parametrize(
    ("removed", "preset"),
    [(None, "astro"), ({}, "aligned"), ({"scale": False}, "aligned"), ({"rotation": False}, "astro")],
)
def test_what_was_normalised_says_which_views_fit(removed: dict[str, bool] | None, preset: str) -> None:
    from ilk.source.images import images

    rng = np.random.default_rng(0)
    stack = rng.random((6, 32, 32), np.float32) * np.exp(-(np.linspace(-3, 3, 32) ** 2), dtype=np.float32)
    found = images(stack, normalise=removed)
    assert found.traits["augment"] == preset
    views = found.views()
    assert isinstance(views, Views)
    assert views.preset == preset


def test_a_preset_of_ones_own() -> None:
    own = replace(PRESETS["natural"], crop=(1, 1), aspect=(1, 1), flip_x=0, blurred=0, grey=1)
    torch.manual_seed(0)
    a, _ = Views(own)(pictures())
    torch.testing.assert_close(a[:, 0], a[:, 1])


def test_wrong_input_is_named() -> None:
    with pytest.raises(UnknownName, match=r"'natura'\nDid you mean 'natural'"):
        Views("natura")
    with pytest.raises(DataError, match="uint8"):
        Views()(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(DataError, match=r"\(3, 8, 8\)"):
        Views()(torch.zeros(3, 8, 8))


def test_as_many_views_as_asked_for_each_its_own() -> None:
    views = Views("natural", copies=5)(pictures(3))
    assert [v.shape for v in views] == [(3, 3, 16, 16)] * 5
    assert len({tuple(v.flatten().tolist()) for v in views}) == 5


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_crops_are_two_wide_views_and_narrow_ones_of_half_the_side(channels: int) -> None:
    views = Crops("auto", 3)(pictures(4, channels, 17, 17))
    assert [v.shape for v in views] == [(4, channels, 17, 17)] * 2 + [(4, channels, 9, 9)] * 3
    assert len(Crops("auto", 0)(pictures(4, channels))) == 2


def test_a_narrow_crop_shows_less_than_any_wide_one() -> None:
    """On a ramp, what is shown can be read off: its brightness spans the share of the side."""
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    torch.manual_seed(0)
    views = Crops(Preset(crop=(0.36, 1)), 2)(ramp)
    wide, narrow = ((v.amax((1, 2, 3)) - v.amin((1, 2, 3))) ** 2 for v in (views[0], views[2]))
    assert 0.33 < wide.min() < wide.max() <= 1
    assert 0.06 < narrow.min() < 0.15  # from 0.36 / 4
    assert 0.28 < narrow.max() < 0.37
