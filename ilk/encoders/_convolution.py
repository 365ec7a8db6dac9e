"""The parts of the convolutional networks, there and back. Legend: B batch, C channels, h map side."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


def convolution(before: int, after: int, stride: int = 1, kernel: int = 3) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            *convolution(width, width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, C, h, h) -> the same
        return F.relu(x + self.change(x), inplace=True)


def stages(layers: nn.Sequential, ends: Sequence[int], x: Tensor) -> list[Tensor]:
    """What goes out of `layers` where each stage ends: after so many of them."""
    kept = []
    for i, layer in enumerate(layers, 1):
        x = layer(x)
        if i in ends:
            kept.append(x)
    return kept


def standardise(channels: int) -> nn.BatchNorm2d:
    """Pixels to mean 0 and spread 1 in each channel, so that the scale of the data needs no setting.

    momentum=None: the plain average over all batches seen, right from the first one on. The small eps is
    for pictures of faint float values.
    """
    return nn.BatchNorm2d(channels, eps=1e-10, momentum=None, affine=False)


def restored(x: Tensor, standardised: nn.BatchNorm2d) -> Tensor:
    """The way back from `standardise`, by all batches seen."""
    level, spread = standardised.running_mean, standardised.running_var
    assert level is not None
    assert spread is not None
    return x * spread.sqrt()[:, None, None] + level[:, None, None]
