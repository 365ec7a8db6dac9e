"""RotNet (Gidaris et al. 2018): by how many quarter turns was the picture turned?

Legend: B samples.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder
from ..source.views import Views
from ._base import Objective
from ._heads import mlp


class Rotation(Objective):
    """Each picture is shown in all four positions. It teaches what up and down look like, where there is
    an up: nothing of what lies at any angle (most of the sky, most under a microscope).

    `augment` changes the pictures before, but for its own turns. `head`: the widths of layers between the
    vector and the four answers.
    """

    def __init__(self, encoder: Encoder, *, head: tuple[int, ...] = (), augment: str = "natural") -> None:
        super().__init__()
        self.encoder, self.head, self.augment = encoder, head, augment
        self.answer = mlp(encoder.dim, [*head, 4])
        self.changed = Views(augment)  # tells now if there is no such preset

    def views(self, batch: Tensor) -> tuple[Tensor, ...]:
        """The batch by 0, 1, 2 and 3 quarter turns, against the clock; the angle is the place."""
        upright = replace(self.changed.resolved(batch.shape[1]), turn=(0, 0))
        (x,) = Views(upright, copies=1)(batch)
        return tuple(torch.rot90(x, turns, (2, 3)) for turns in range(4))

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        answers = self.answer(self.encoder(torch.cat(views))).float()  # 4 x (B, C, H, W) -> (4B, 4)
        turns = torch.arange(4, device=answers.device).repeat_interleave(len(views[0]))  # (4B,)
        return {"turn": F.cross_entropy(answers, turns)}
