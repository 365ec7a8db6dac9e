"""Small maps of pictures, and pictures of these: the autoencoder of latent diffusion (Rombach et al. 2022).

Unlike a vector, a map keeps where things are: each of its cells tells of its own part of the picture.

Legend: B batch, C channels, H x W pixels, d depth of the maps, s their side, w width.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from ._base import Encoder
from ._convolution import Residual, convolution, restored, standardise


class Latent(Encoder):
    """Maps of `depth` channels and about `side` cells a side; its vector is the map, row by row.

    A map is the middle of a normal cloud, every point of which shall be told back as the same picture.
    """

    kind: ClassVar[str] = "images"

    def __init__(
        self, channels: int = 1, size: int = 64, depth: int = 4, side: int = 8, width: int = 32
    ) -> None:
        super().__init__()
        if depth < 1 or not 1 <= side <= size:
            raise OptionError(
                f"maps {depth} deep, of side {side}", f"Give 1 or more, and a side up to {size}."
            )
        self.channels, self.size, self.depth, self.side, self.width = channels, size, depth, side, width
        halvings = max(1, round(math.log2(size / side)))
        self.cell = 2**halvings  # pixels a side that one cell of the map tells of
        self.cells = math.ceil(size / self.cell)
        self.dim = depth * self.cells**2
        # most of the work where maps are small; the first step takes a few pixels at once, as the convnet's
        first = max(1, self.cell // 2)
        w = width
        self.standardise = standardise(channels)
        self.into = nn.Sequential(
            *convolution(channels * first**2, 2 * w),  # (B, 2w, 2s, 2s)
            Residual(2 * w),
            *convolution(2 * w, 4 * w, 2),  # (B, 4w, s, s)
            Residual(4 * w),
            nn.Conv2d(4 * w, depth, 1),
        )
        self.wide = nn.Conv2d(depth, depth, 1)  # of the cloud about a map, the logarithm of its variance
        self.back = nn.Sequential(
            *convolution(depth, 4 * w),
            Residual(4 * w),
            nn.Upsample(scale_factor=2),
            *convolution(4 * w, 2 * w),  # (B, 2w, 2s, 2s)
            Residual(2 * w),
            nn.Conv2d(2 * w, channels * first**2, 3, padding=1),
        )
        self.first = first
        assert self.wide.bias is not None
        nn.init.constant_(self.wide.bias, -4.0)  # narrow at first: pictures come before order among them
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, d * s * s)
        return self.maps(x).flatten(1)

    def maps(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, d, s, s)
        x = self.standardise(x.contiguous(memory_format=torch.channels_last))
        whole = self.cells * self.cell
        x = F.pad(x, (0, whole - x.shape[3], 0, whole - x.shape[2]))
        maps: Tensor = self.into(F.pixel_unshuffle(x, self.first))
        return maps

    def pictures(self, maps: Tensor) -> Tensor:
        return restored(self.standard(maps), self.standardise)

    def standard(self, maps: Tensor) -> Tensor:  # (B, d, s, s) -> (B, C, H, W)
        """The pictures as they are learned: `standardise` of the pixels."""
        return F.pixel_shuffle(self.back(maps), self.first)[..., : self.size, : self.size]
