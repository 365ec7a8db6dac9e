"""Maps at several strides: of every encoder that gives them, and what a pyramid makes of them."""

from typing import Any

import pytest
import torch

from ilk import encoders
from ilk.encoders import MapEncoder
from ilk.encoders._boxes.pyramid import Pyramid

SMALL: list[tuple[str, dict[str, Any]]] = [
    ("convnet", {"size": 64, "width": 4}),
    ("convnet", {"size": 16, "width": 4}),
    ("resnet", {"size": 32, "width": 4}),
    ("resnet", {"size": 128, "width": 4, "depth": 50}),
    ("vgg", {"size": 64, "width": 4}),
]


@pytest.mark.parametrize(("name", "options"), SMALL)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (37, 50)])
def test_maps_are_as_wide_and_as_coarse_as_told(
    name: str, options: dict[str, Any], height: int, width: int
) -> None:
    encoder = encoders.build(name, {"channels": 2}, **options).eval()
    assert isinstance(encoder, MapEncoder)
    with torch.inference_mode():
        maps = encoder.maps(torch.rand(2, 2, height, width))
    told = [(2, w, -(-height // s), -(-width // s)) for w, s in zip(encoder.widths, encoder.strides)]
    assert [tuple(one.shape) for one in maps] == told
    assert sorted(encoder.strides) == list(encoder.strides)


def test_a_pyramid_hands_down_what_the_coarse_ones_know() -> None:
    """With weights of one, each level is its own map and all coarser ones, each cell's four times."""
    pyramid = Pyramid([1, 1], 1, 2)
    for layer in pyramid.inward:
        layer.weight.data.fill_(1)
        layer.bias.data.zero_()
    pyramid.smooth = torch.nn.ModuleList(torch.nn.Identity() for _ in range(2))
    fine, coarse = torch.zeros(1, 1, 4, 4), torch.tensor([[[[1.0, 2], [3, 4]]]])
    fine[0, 0, 0, 0] = 10
    handed, same = pyramid([fine, coarse])
    expected = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected[0, 0, 0, 0] = 11
    assert torch.equal(handed, expected)
    assert torch.equal(same, coarse)
