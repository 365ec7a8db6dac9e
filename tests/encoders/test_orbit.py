"""What a turn or a mirror must not change, and by how much one between the pixels does."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ilk.encoders import build
from ilk.encoders.orbit import Orbit, disc, eighth
from ilk.errors import OptionError

from ..contract import samples

TRAITS = {"channels": 1, "size": 16}


def made(turns: int, mirror: bool = True) -> Orbit:
    torch.manual_seed(0)
    return Orbit(build("convnet", TRAITS, width=4, dim=8), turns, mirror).eval()


def apart(a: Tensor, b: Tensor) -> float:
    return ((a - b).norm() / b.norm()).item()


@settings(max_examples=15, deadline=None)
@given(turns=st.sampled_from([4, 8]), quarter=st.integers(0, 3), mirrored=st.booleans())
def test_quarter_turns_and_mirrors_change_nothing(turns: int, quarter: int, mirrored: bool) -> None:
    encoder, x = made(turns), samples.images().batch([*range(4)])
    other = x.rot90(quarter, (2, 3))
    other = other.flip(2) if mirrored else other
    assert apart(encoder(other), encoder(x)) < 1e-5


def test_without_mirror_a_mirrored_picture_is_another() -> None:
    encoder, x = made(4, mirror=False), samples.images().batch([*range(4)])
    assert apart(encoder(x.rot90(1, (2, 3))), encoder(x)) < 1e-5
    assert apart(encoder(x.flip(3)), encoder(x)) > 1e-3


def test_an_eighth_of_a_turn_changes_little() -> None:
    x = samples.images(size=32).batch([*range(8)])
    turned = eighth(disc(x))
    plain, orbit = made(8).encoder, made(8)
    alone = apart(plain(turned), plain(disc(x)))
    assert apart(orbit(turned), orbit(x)) < alone / 3


def test_two_eighths_are_a_quarter() -> None:
    coarse = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    smooth = disc(torch.nn.functional.interpolate(coarse, 64, mode="bicubic", align_corners=True))
    turned = eighth(eighth(smooth))
    assert apart(turned, smooth.rot90(1, (2, 3))) < 0.05
    assert apart(turned, smooth.rot90(3, (2, 3))) > 0.1


def test_the_disc_hides_corners_and_keeps_the_middle() -> None:
    x = torch.rand(2, 3, 32, 32)
    seen = disc(x)
    torch.testing.assert_close(seen[..., 10:22, 10:22], x[..., 10:22, 10:22])
    corner = x.clone()
    corner[..., :4, :4] += 5
    torch.testing.assert_close(disc(corner), seen)


def test_what_cannot_be() -> None:
    with pytest.raises(OptionError, match="5 turns"):
        made(5)
