"""BYOL (Grill et al. 2020): from one view, foretell what a slower copy of oneself makes of the other.

There are no negatives. What keeps all vectors from becoming the same is that only the student has a
predictor, that the teacher follows it slowly, and batch norm after the projector (not in the paper).

Legend: B samples, d the projection's dimensions.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder
from ..source.views import Views
from ._base import Objective
from ._heads import mlp
from ._teacher import Teacher, towards_one


class BYOL(Objective):
    """`projector` and `predictor`: their layers' widths.

    `momentum` is how much of the teacher stays at each step; it rises to 1 over the run. Long runs
    (over 10,000 steps) want it nearer to 1, as the paper's 0.996.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        momentum: float = 0.98,
        projector: tuple[int, ...] = (512, 128),
        predictor: tuple[int, ...] = (512, 128),
        augment: str = "natural",
    ) -> None:
        super().__init__()
        self.encoder, self.momentum, self.augment = encoder, momentum, augment
        self.projector, self.predictor = projector, predictor
        self.head = mlp(encoder.dim, projector, even=True)
        self.foretell = mlp(projector[-1], predictor)
        self.teacher = Teacher(encoder, self.head)
        self.views = Views(augment)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        both = torch.cat(views)  # (2B, C, H, W)
        guess = self.foretell(self.head(self.encoder(both)))  # (2B, d)
        a, b = self.teacher(both).chunk(2)  # (B, d) each
        return {"prediction": apart(guess, torch.cat([b, a]))}  # each view foretells the other

    def after_step(self, progress: float) -> None:
        self.teacher.follow(self.encoder, self.head, towards_one(self.momentum, progress))


def apart(guess: Tensor, truth: Tensor) -> Tensor:
    """The squared distance of unit vectors, 2 - 2 cos: 0 alike, 4 opposite; mean over rows (n, d)."""
    return 2 - 2 * F.cosine_similarity(guess.float(), truth.float()).mean()
