"""The trunk of a critic that tells pictures from made ones (DCGAN, Radford et al. 2016): objectives/gan.py.

Convolutions of 4 x 4 step down to about 4 x 4; every layer is bounded instead of batch norm, which would let
a picture be judged by its company.

Legend: B batch, C channels, H x W pixels, w width, F features, D the vector's dimensions.
"""

import math

import torch
from torch import Tensor, nn

from ._base import Encoder
from ._bounded import Bounded
from ._convolution import standardise

SMALL = 8  # pixels a side from which on a map is looked at once more: these cost little
MOST = 8  # times the first layer's width
# Of a layer. The slopes below 0 and the many directions of its kernels take more than half of what is let
# through by 1, and the verdict of a critic of several layers would hardly move.
STRETCH = 1.5


class Critic(Encoder):
    """Features for a verdict, and a vector from these. `width` is the channels of the first layer."""

    def __init__(self, channels: int = 1, size: int = 64, dim: int = 32, width: int = 16) -> None:
        super().__init__()
        self.channels, self.size, self.dim, self.width = channels, size, dim, width
        self.standardise = standardise(channels)
        layers: list[nn.Module] = []
        before, side = channels, size
        for i in range(max(1, round(math.log2(size / 4)))):
            after = width * min(2**i, MOST)
            layers += [Bounded(nn.Conv2d(before, after, 4, 2, 1), STRETCH), nn.LeakyReLU(0.2)]  # (B, w, h, h)
            before, side = after, side // 2
            if side <= SMALL:
                layers += [Bounded(nn.Conv2d(after, after, 3, 1, 1), STRETCH), nn.LeakyReLU(0.2)]
        self.trunk = nn.Sequential(*layers)
        self.features_dim = before * side**2  # F
        self.head = nn.Sequential(nn.LayerNorm(self.features_dim), nn.Linear(self.features_dim, dim))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        vectors: Tensor = self.head(self.features(self.standardise(x)))
        return vectors

    def features(self, x: Tensor) -> Tensor:
        """Of pictures that are `standardise`d, (B, C, H, W) -> (B, F)."""
        found: Tensor = self.trunk(x.contiguous(memory_format=torch.channels_last))
        return found.flatten(1)
