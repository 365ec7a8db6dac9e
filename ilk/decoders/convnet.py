"""From a vector back to a picture: the default encoder backwards.

Most of the work is done on 4 x 4 to 16 x 16 maps; the last convolution gives every cell all its pixels at
once (sub-pixel convolution, Shi et al. 2016), which is many times cheaper than filters at full size. Its
weights start equal within a cell (Aitken et al. 2017), and every step up copies before it filters, so no
checkerboard comes from uneven overlap.

Legend: B batch, C channels, D the vector's dimensions, s the side of the picture, w width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders._convolution import Residual, convolution, restored, standardise
from ._base import Decoder


class ConvNet(Decoder):
    """(B, D) -> (B, C, size, size). `width` as in the encoder of the same name."""

    def __init__(self, dim: int, channels: int = 1, size: int = 64, width: int = 32) -> None:
        super().__init__()
        self.dim, self.channels, self.size, self.width = dim, channels, size, width
        w = width
        self.cell = 2 ** max(0, round(math.log2(size / 16)))  # pixels a side that one cell of ~16 x 16 gives
        self.start = math.ceil(size / self.cell / 4)  # the side of the first map; two steps up double it
        self.lift = nn.Linear(dim, 4 * w * self.start**2)
        self.body = nn.Sequential(
            nn.BatchNorm2d(4 * w),
            nn.ReLU(),
            Residual(4 * w),  # (B, 4w, 4, 4)
            nn.Upsample(scale_factor=2),
            *convolution(4 * w, 2 * w),  # (B, 2w, 8, 8)
            Residual(2 * w),
            nn.Upsample(scale_factor=2),
            *convolution(2 * w, w),  # (B, w, 16, 16)
        )
        self.paint = nn.Conv2d(w, channels * self.cell**2, 3, padding=1)
        with torch.no_grad():  # PixelShuffle takes runs of cell^2 channels for one: let a run start equal
            for p in self.paint.parameters():
                p.copy_(p[:: self.cell**2].repeat_interleave(self.cell**2, 0))
        self.standardise = standardise(channels)  # in training, whoever trains shows it the pictures
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:  # (B, D) -> (B, C, s, s)
        return restored(self.standard(z), self.standardise)

    def standard(self, z: Tensor) -> Tensor:
        """The picture as it is learned: `standardise` of the pixels."""
        x = self.lift(z).unflatten(1, (-1, self.start, self.start))  # (B, 4w, ~4, ~4)
        x = self.body(x.contiguous(memory_format=torch.channels_last))  # (B, w, ~16, ~16)
        x = F.pixel_shuffle(self.paint(x), self.cell)  # (B, C * cell^2, ~16, ~16) -> (B, C, >=s, >=s)
        edge = (x.shape[-1] - self.size) // 2
        return x[..., edge : edge + self.size, edge : edge + self.size]
