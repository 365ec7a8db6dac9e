"""What is said of a node is hidden and to be told from its neighbours (GraphMAE, Hou et al. 2022).

Legend: P nodes of a batch, h hidden ones, F features, D dimensions.
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders._graph import GraphEncoder
from ..errors import OptionError
from ..source._graph.nodes import Batch
from ._base import Objective


class MaskedFeatures(Objective):
    """A line on the vectors of hidden nodes gives their features back, up to their length.

    share  of a batch's nodes that are hidden
    power  of 1 - cosine: above 1, what is nearly right counts little
    """

    kind: ClassVar[str] = "graphs"
    encoder: GraphEncoder

    def __init__(self, encoder: GraphEncoder, *, share: float = 0.5, power: float = 2.0) -> None:
        super().__init__()
        if not 0 < share < 1:
            raise OptionError(f"share is {share}", "Give a number between 0 and 1.")
        if not power >= 1:
            raise OptionError(f"power is {power}", "Give 1 or more.")
        self.encoder, self.share, self.power = encoder, share, power
        self.head = nn.Linear(encoder.dim, encoder.features)

    def views(self, batch: Batch) -> tuple[Batch]:
        return (batch,)

    def loss(self, *views: Batch, progress: float) -> dict[str, Tensor]:
        (batch,) = views
        chance = torch.rand(len(batch.nodes)).numpy()
        hidden = chance <= max(self.share, chance.min())  # (P,) one at least
        blind = np.zeros(batch.structure.arcs.shape[0], bool)
        blind[batch.nodes[hidden]] = True
        z = self.encoder.nodes(batch.seen(blind=blind))  # (P, D)
        there = torch.from_numpy(blind[batch.nodes]).to(z.device)  # a node may come twice
        truth = batch.around(0).features.to_dense().to(z.device)[there]  # (h, F)
        return {"features": unlike(self.head(z[there]).float(), truth, self.power)}


def unlike(told: Tensor, truth: Tensor, power: float) -> Tensor:  # (h, F), (h, F) -> ()
    """Mean of (1 - cosine)^power over the rows of which anything is said."""
    said = truth.any(1)
    off = (1 - F.cosine_similarity(told, truth)).clamp(min=0).pow(power)
    return (off * said).sum() / said.sum().clamp(min=1)
