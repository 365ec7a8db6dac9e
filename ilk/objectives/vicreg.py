"""VICReg (Bardes et al. 2022): two views lie together, no dimension shrinks, and none repeats another.

Legend: B samples on this process, N on all of them, d the expander's dimensions.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder
from ..source.views import Views
from ._base import Objective
from ._gather import gather
from ._heads import mlp


class VICReg(Objective):
    """Needs no negatives, no teacher and no large batch. `expander`: its layers' widths.

    `invariance`, `variance` and `covariance` are the weights of the three terms.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        expander: tuple[int, ...] = (512, 512, 512),
        augment: str = "natural",
    ) -> None:
        super().__init__()
        self.encoder, self.expander, self.augment = encoder, expander, augment
        self.invariance, self.variance, self.covariance = invariance, variance, covariance
        self.head = mlp(encoder.dim, expander)
        self.views = Views(augment)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        a, b = self.head(self.encoder(torch.cat(views))).chunk(2)  # 2 x (B, C, H, W) -> 2 x (B, d)
        with torch.autocast(a.device.type, enabled=False):  # sums of squares need their digits
            together = F.mse_loss(a.float(), b.float())
            a, b = gather(a.float()), gather(b.float())  # (N, d)
            return {
                "invariance": self.invariance * together,
                "variance": self.variance * (shrunk(a) + shrunk(b)) / 2,
                "covariance": self.covariance * (repeated(a) + repeated(b)),
            }


def shrunk(z: Tensor) -> Tensor:  # (N, d)
    """How far the dimensions' standard deviations fall short of 1, on average."""
    return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def repeated(z: Tensor) -> Tensor:  # (N, d)
    """The sum of the squared covariances between different dimensions, for each dimension."""
    z = z - z.mean(0)
    covariance = z.T @ z / (len(z) - 1)  # (d, d)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]
