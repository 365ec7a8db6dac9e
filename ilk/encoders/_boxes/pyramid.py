"""What stands on a trunk's maps: a pyramid that hands down what the coarse ones know, and what cells say.

Legend: B batch, p channels, h x w cells of a level, A cells of all levels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._convolution import convolution
from .cells import Said, Way


class Pyramid(nn.Module):
    """Feature pyramid (Lin et al. 2017): maps of all widths, the finest first, to `spoken` of p channels."""

    def __init__(self, widths: Sequence[int], channels: int, spoken: int) -> None:
        super().__init__()
        self.inward = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.smooth = nn.ModuleList(nn.Sequential(*convolution(channels, channels)) for _ in widths[:spoken])

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:  # (B, p, h, w) each
        down = [inward(one) for inward, one in zip(self.inward, maps)]
        for fine, coarse in zip(down[-2::-1], down[:0:-1]):
            fine += F.interpolate(coarse, fine.shape[2:])
        return [smooth(one) for smooth, one in zip(self.smooth, down)]


class Says(nn.Module):
    """Of boxes and of classes apart: one layer for all levels, then what each cell says.

    Batch norm is each level's own: how large the values are differs from level to level.
    """

    def __init__(self, channels: int, levels: int, way: Way) -> None:
        super().__init__()
        self.boxes, self.classes = _Shared(channels, levels), _Shared(channels, levels)
        self.of_boxes = nn.Conv2d(channels, way.of_boxes, 1)
        self.of_classes = nn.Conv2d(channels, way.of_classes, 1)
        for layer, first in zip((self.of_boxes, self.of_classes), way.first()):
            assert layer.bias is not None
            with torch.no_grad():
                layer.bias.copy_(first)

    def forward(self, maps: Sequence[Tensor]) -> Said:  # (B, A, of_boxes), (B, A, of_classes)
        boxes = [self.of_boxes(self.boxes(one, i)) for i, one in enumerate(maps)]
        classes = [self.of_classes(self.classes(one, i)) for i, one in enumerate(maps)]
        return _in_a_row(boxes), _in_a_row(classes)


class _Shared(nn.Module):
    def __init__(self, channels: int, levels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(levels))

    def forward(self, x: Tensor, level: int) -> Tensor:  # (B, p, h, w) -> the same
        return F.relu(self.norms[level](self.layer(x)), inplace=True)


def _in_a_row(said: Sequence[Tensor]) -> Tensor:  # (B, k, h, w) each -> (B, A, k)
    # Float, also within autocast: a distance is a mean of sixteen probabilities, and pixels need its digits
    return torch.cat([one.flatten(2) for one in said], 2).mT.float()
