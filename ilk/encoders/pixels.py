"""The picture itself as the vector: what every learned representation must beat.

Legend: B batch, C channels, S side in pixels.
"""

from torch import Tensor
from torch.nn import functional as F

from ._base import Encoder
from ._side import LARGEST, side_of


class Pixels(Encoder):
    """Each pixel is a dimension; pictures of more than `largest` pixels a side are averaged down first.

    `power` (of the absolute value, the sign kept): under 1 the faint parts count for more beside the bright.
    """

    def __init__(self, channels: int = 1, size: int = 64, power: float = 1.0, largest: int = LARGEST) -> None:
        super().__init__()
        self.channels, self.size, self.power, self.largest = channels, size, power, largest
        self.side = side_of(size, largest)
        self.dim = channels * self.side**2

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C * S * S)
        z = F.adaptive_avg_pool2d(x, self.side).flatten(1)
        return z if self.power == 1 else z.sign() * z.abs() ** self.power
