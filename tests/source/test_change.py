"""The compiled changes are those that torch makes: two ways to the same views."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from ilk.source import _change, _change_cpu
from ilk.source.views import PRESETS, Preset, _draws

WILD = Preset(
    crop=(0.1, 1),
    aspect=(0.5, 2),
    turn=(-180, 180),
    shear=(-30, 30),
    shift=(-1.5, 1.5),
    flip_x=0.5,
    flip_y=0.5,
    blurred=0.5,
    blur=(0.01, 0.2),
    contrast=(0.2, 1.8),
    saturation=(0, 2),
    hue=(-0.5, 0.5),
)


SIZES = (((24, 24), (24, 24)), ((17, 30), (12, 9)), ((50, 60), (7, 9)), ((5, 3), (8, 11)))


@pytest.mark.parametrize("preset", [*PRESETS.values(), WILD, replace(WILD, turn=(0, 0), shear=(0, 0))])
def test_a_cpu_makes_the_views_that_torch_makes(preset: Preset) -> None:
    for channels, ((height, width), out) in product((2, 3), SIZES):
        torch.manual_seed(0)
        x = torch.rand(5, channels, height, width)
        by = _change.drawn(preset, _draws(15, x.device), channels, out)
        ours, theirs = (way(x, 3, by, out) for way in (_change_cpu.changed, _change.changed))
        # A Gaussian is looked at to four deviations, and single precision places a pixel to 1e-5 of the side
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)
        assert (ours - theirs).abs().mean() < 5e-5


def test_two_threads_make_the_same_views() -> None:
    was, x = torch.get_num_threads(), torch.rand(5, 3, 16, 16)
    by = _change.drawn(WILD, _draws(15, x.device), 3, (16, 16))
    try:
        one, two = (_on(threads, x, by) for threads in (1, 2))
    finally:
        torch.set_num_threads(was)
    assert torch.equal(one, two)


def _on(threads: int, x: Tensor, by: _change.Change) -> Tensor:
    torch.set_num_threads(threads)
    return _change_cpu.changed(x, 3, by, (16, 16))
