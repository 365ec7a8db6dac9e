import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError, UnknownName
from ilk.objectives.rotation import Rotation
from ilk.source.views import PRESETS, Preset, Views


def small(**options: object) -> Rotation:
    torch.manual_seed(0)
    return Rotation(ConvNet(size=16, width=8, dim=4), **options)  # type: ignore[arg-type]


class Corners(nn.Module):
    """Instead of an encoder: the corners as a mark at the top left passes them, against the clock."""

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, H, W) -> (B, 4)
        return torch.stack([x[:, 0, 0, 0], x[:, 0, -1, 0], x[:, 0, -1, -1], x[:, 0, 0, -1]], 1)


def test_by_hand() -> None:
    """A mark in the corner tells the turn: of four answers the right one is 2 above the others."""
    marked = torch.zeros(3, 1, 16, 16)
    marked[..., 0, 0] = 2
    objective = small()
    objective.changed = Views(Preset())  # changes nothing
    objective.encoder, objective.answer = Corners(), nn.Identity()  # type: ignore[assignment]
    loss = objective.loss(*objective.views(marked), progress=0)["turn"]
    assert loss.item() == pytest.approx(math.log(1 + 3 * math.exp(-2)))
    loss = objective.loss(*objective.views(torch.zeros(3, 1, 16, 16)), progress=0)["turn"]
    assert loss.item() == pytest.approx(math.log(4))


def test_the_four_views_are_one_picture_and_no_view_turns_it_else() -> None:
    x = torch.rand(5, 1, 16, 16)
    views = small(augment="astro").views(x)
    for turns, view in enumerate(views):
        assert torch.equal(torch.rot90(view, -turns, (2, 3)), views[0])
    straight = replace(PRESETS["astro"], turn=(0, 0), noise=(0, 0), crop=(1, 1), shift=(0, 0), flip_x=0)
    objective = small()
    objective.changed = Views(replace(straight, turn=(-180, 180)))
    bright = objective.views(x)[0] / x  # only the brightness may have changed
    torch.testing.assert_close(bright, bright[:, :, :1, :1].expand_as(bright), rtol=1e-3, atol=1e-3)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UnknownName, match="no preset of views called 'digit'"):
        small(augment="digit")
    with pytest.raises(OptionError, match="widths of layers"):
        small(head=(0,))
