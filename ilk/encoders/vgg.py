"""VGG networks of 11 and 16 layers (Simonyan & Zisserman 2014): 3 x 3 convolutions and max pooling, no more.

Legend: B batch, C channels, H x W pixels, w width, D the vector's dimensions.
"""

import torch
from torch import Tensor, nn

from ..errors import OptionError
from ._base import MapEncoder
from ._convolution import convolution, stages, standardise

# Convolutions in each of the five stages, and channels there in multiples of the first's. The paper's other
# three layers are its classifier, whose place a mean and a linear layer take here.
STAGES = {11: (1, 1, 2, 2, 2), 16: (2, 2, 3, 3, 3)}
CHANNELS = (1, 2, 4, 8, 8)


class VGG(MapEncoder):
    """With batch norm, of any channels and size. `width`: channels of the first stage, 64 in the paper."""

    def __init__(
        self, channels: int = 1, size: int = 64, dim: int = 128, depth: int = 11, width: int = 64
    ) -> None:
        super().__init__()
        if depth not in STAGES:
            raise OptionError(f"VGG of {depth} layers", f"Known: {', '.join(map(str, STAGES))}.")
        self.channels, self.size, self.dim, self.depth, self.width = channels, size, dim, depth, width
        self.standardise = standardise(channels)
        layers, before, ends = list[nn.Module](), channels, list[int]()
        for convolutions, times in zip(STAGES[depth], CHANNELS):
            for _ in range(convolutions):
                layers += convolution(before, times * width)
                before = times * width
            layers.append(nn.MaxPool2d(2, ceil_mode=True))  # of an odd side no pixel is lost, of one it stays
            ends.append(len(layers))
        self.ends, self.strides = tuple(ends), tuple(2 ** (i + 1) for i in range(len(CHANNELS)))
        self.widths = tuple(times * width for times in CHANNELS)
        self.body = nn.Sequential(*layers)  # (B, 8w, H/32, W/32)
        self.head: nn.Module = nn.Identity() if dim == before else nn.Linear(before, dim)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def maps(self, x: Tensor) -> list[Tensor]:
        return stages(self.body, self.ends, self.standardise(x.contiguous(memory_format=torch.channels_last)))

    def vector(self, maps: list[Tensor]) -> Tensor:  # -> (B, D)
        vectors: Tensor = self.head(maps[-1].mean((2, 3)))  # (B, 8w, h, h) -> (B, 8w) -> (B, D)
        return vectors
