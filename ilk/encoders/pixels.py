"""The picture itself as the vector: what every learned representation must beat.

Legend: B batch, C channels, S side in pixels.
"""

from torch import Tensor
from torch.nn import functional as F

from ._base import Encoder
from ._side import side_of


class Pixels(Encoder):
    """Each pixel is a dimension; pictures of more than 64 px are averaged down first."""

    def __init__(self, channels: int = 1, size: int = 64) -> None:
        super().__init__()
        self.channels, self.size = channels, size
        self.side = side_of(size)
        self.dim = channels * self.side**2

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C * S * S)
        return F.adaptive_avg_pool2d(x, self.side).flatten(1)
