"""Learning on from labels: a linear map on the encoder's vectors names each sample (used by `ilk.finetune`).

Started from a map that was fitted to the frozen vectors: with a random one, the first steps would spoil what
the encoder knows (Kumar et al. 2022).

Legend: B batch, D dimensions of a vector, c labels.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..source import Source
from ..source.views import Views
from ._base import Objective
from ._tuning import Codes, hold, paces


class Labels(Objective):
    """Cross-entropy of the labels in the metadata `column`, of which there are `classes`; every row has one.

    front    how fast the first layer learns, as a share of the learning rate; the last learns at all of it
    still    batch norm keeps the means it has
    augment  the views to learn from; None: the samples as they are
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        column: str,
        classes: int,
        front: float = 0.1,
        still: bool = True,
        augment: str | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.column, self.classes = encoder, column, classes
        self.front, self.still, self.augment = front, still, augment
        self.head = nn.Linear(encoder.dim, classes)
        self.codes, self.paces = Codes(column), paces(encoder, front)
        self.views = (lambda batch: (batch,)) if augment is None else Views(augment)

    def start(self, weight: Tensor, bias: Tensor) -> None:  # (c, D), (c,)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.copy_(bias)

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        return (self.codes(source, rows),)

    def pace(self, name: str) -> float:
        return self.paces.get(name, 1.0)

    def loss(self, *given: Tensor, progress: float) -> dict[str, Tensor]:
        *views, codes = given  # codes (B,)
        if self.still:
            hold(self.encoder)
        told = [self.head(self.encoder(view)).float() for view in views]  # (B, c) each
        return {"labels": torch.stack([F.cross_entropy(one, codes) for one in told]).mean()}
