"""Residual networks of 18, 34 and 50 layers (He et al. 2015).

Legend: B batch, C channels, H x W pixels, w width, D the vector's dimensions.
"""

from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, one_of
from ._base import MapEncoder
from ._convolution import convolution, stages, standardise

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # in each of the four stages
BOTTLENECK = 4  # in 50 layers a block gives so many times the channels that it works on
STEMS = ("auto", "small", "large")
SMALL = 48  # pixels: a front that quarters the side would leave the last stage less than 2 x 2


class ResNet(MapEncoder):
    """Of any channels and size. `width`: channels of the first stage, 64 in the paper.

    `stem`: large (7 x 7 in steps of 2, then max pooling: a quarter of the side), small (3 x 3, at full size,
    as is usual for CIFAR), or auto: small up to 48 px. In 50 layers the step is in the 3 x 3 convolution,
    as in all published weights, not in the 1 x 1 of the paper.
    """

    def __init__(
        self,
        channels: int = 1,
        size: int = 64,
        dim: int = 128,
        depth: int = 18,
        stem: str = "auto",
        width: int = 64,
    ) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise OptionError(
                f"a residual network of {depth} layers", f"Known: {', '.join(map(str, BLOCKS))}."
            )
        one_of(STEMS, "stem", stem)
        self.channels, self.size, self.dim = channels, size, dim
        self.depth, self.stem, self.width = depth, stem, width
        self.standardise = standardise(channels)
        small = stem == "small" or (stem == "auto" and size <= SMALL)
        self.front = nn.Sequential(*_front(channels, width, small))  # (B, w, H/4, W/4), or at full size
        block = _Bottleneck if depth == 50 else _Basic
        layers, before = list[nn.Module](), width
        for i, blocks in enumerate(BLOCKS[depth]):
            for j in range(blocks):
                layer = block(before, width * 2**i, 2 if i and not j else 1)
                layers.append(layer)
                before = layer.after
        self.body = nn.Sequential(*layers)  # (B, 8w, H/32, W/32); 32w where there are 50 layers
        self.ends = tuple(accumulate(BLOCKS[depth]))
        self.strides = tuple((1 if small else 4) * 2**i for i in range(4))
        self.widths = tuple(before >> i for i in (3, 2, 1, 0))
        self.head: nn.Module = nn.Identity() if dim == before else nn.Linear(before, dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def maps(self, x: Tensor) -> list[Tensor]:
        x = self.front(self.standardise(x.contiguous(memory_format=torch.channels_last)))
        return stages(self.body, self.ends, x)

    def vector(self, maps: list[Tensor]) -> Tensor:  # -> (B, D)
        vectors: Tensor = self.head(maps[-1].mean((2, 3)))  # (B, 8w, h, h) -> (B, 8w) -> (B, D)
        return vectors


def _front(channels: int, width: int, small: bool) -> list[nn.Module]:
    if small:
        return convolution(channels, width)
    return [*convolution(channels, width, 2, 7), nn.MaxPool2d(3, 2, 1)]


class _Basic(nn.Module):
    """relu(x + two 3 x 3 convolutions of x)"""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.after = width
        self.change = nn.Sequential(*convolution(before, width, stride), *convolution(width, width)[:-1])
        self.short = _short(before, self.after, stride)

    def forward(self, x: Tensor) -> Tensor:  # (B, before, h, h) -> (B, after, h / stride, h / stride)
        return F.relu(self.short(x) + self.change(x), inplace=True)


class _Bottleneck(nn.Module):
    """relu(x + a 3 x 3 convolution between two 1 x 1, on a quarter of the channels)"""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.after = BOTTLENECK * width
        self.change = nn.Sequential(
            *convolution(before, width, kernel=1),
            *convolution(width, width, stride),
            *convolution(width, self.after, kernel=1)[:-1],
        )
        self.short = _short(before, self.after, stride)

    def forward(self, x: Tensor) -> Tensor:  # (B, before, h, h) -> (B, after, h / stride, h / stride)
        return F.relu(self.short(x) + self.change(x), inplace=True)


def _short(before: int, after: int, stride: int) -> nn.Module:
    """The way past the convolutions: a 1 x 1 convolution only where the shape changes."""
    if before == after and stride == 1:
        return nn.Identity()
    return nn.Sequential(*convolution(before, after, stride, 1)[:-1])
