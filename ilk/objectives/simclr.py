"""SimCLR (Chen et al. 2020): two views of one sample find each other among those of all others.

Legend: B samples on this process, N on all of them, d the projection's dimensions.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder
from ..source.views import Views
from ._base import Objective
from ._gather import gather, rank
from ._heads import mlp


class SimCLR(Objective):
    """Contrast at `temperature` between the samples' projections (`projector`: its layers' widths).

    With several processes the samples of all are negatives.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        temperature: float = 0.2,
        projector: tuple[int, ...] = (512, 512),
        augment: str = "natural",
    ) -> None:
        super().__init__()
        self.encoder, self.temperature = encoder, temperature
        self.projector, self.augment = projector, augment
        self.head = mlp(encoder.dim, projector)
        self.views = Views(augment)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        a, b = self.head(self.encoder(torch.cat(views))).chunk(2)  # 2 x (B, C, H, W) -> 2 x (B, d)
        with torch.autocast(a.device.type, enabled=False):  # a cosine / temperature needs its digits
            return {"contrast": nt_xent(a.float(), b.float(), self.temperature)}


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Each row of `a` (B, d) picks its own row of `b` among all rows of both but itself, and vice versa.

    A cross-entropy over cosines / temperature; log(2N - 1) when all rows are alike.
    """
    a, b = F.normalize(a), F.normalize(b)
    keys = torch.cat([gather(a), gather(b)])  # (2N, d)
    own_a = rank() * len(a) + torch.arange(len(a), device=a.device)  # the rows of `keys` that are a's
    own_b = own_a + len(keys) // 2

    def pick(rows: Tensor, itself: Tensor, other: Tensor) -> Tensor:
        logits = rows @ keys.T / temperature  # (B, d) x (d, 2N) -> (B, 2N)
        return F.cross_entropy(logits.scatter(1, itself[:, None], -torch.inf), other)

    return (pick(a, own_a, own_b) + pick(b, own_b, own_a)) / 2
