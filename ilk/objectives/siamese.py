"""Siamese networks: samples of one kind come to lie together, others apart (Bromley et al. 1993).

Of one kind are the two views of a sample and, where a `column` of labels is named, samples of one label.

contrastive  pairs of one kind at distance 0, others at `margin` or more (Hadsell, Chopra & LeCun 2006)
triplet      an other is farther than a sample of the own kind, by `margin` (Schroff et al. 2015)
bce          the chance that two are of one kind, by logistic regression on |a - b| (Koch et al. 2015)

Distances are between vectors of length 1, from 0 to 2. The paper's contrastive loss and bce count every pair
alike; there being many more pairs of two kinds, each sort is averaged by itself here.

Legend: B batch, V views, N = V * B vectors (of all processes), D dimensions.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..errors import OptionError, one_of
from ..source import Source
from ..source.views import Views
from ._base import Objective
from ._gather import gather, rank
from ._tuning import Codes, hold, paces

LOSSES = ("contrastive", "triplet", "bce")
MINING = ("hard", "semi")
MARGINS = {"contrastive": 1.0, "triplet": 0.3, "bce": 0.0}
_LEAST = 1e-12  # of a squared distance: the root has no slope at 0


class Siamese(Objective):
    """`how`: contrastive, triplet or bce; without a `column`, each sample is a kind of its own.

    margin   None: 1 for contrastive, 0.3 for triplet
    mining   of triplet: semi, each of the own kind and the nearest other that lies beyond it; or hard, the
             farthest and the nearest (Hermans et al. 2017), which draws a network that knows nothing yet
             into one point
    front    how fast the first layer learns, as a share of the learning rate; the last learns at all of it
    still    batch norm keeps the means it has
    augment  the views to learn from; None: the samples as they are
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        column: str | None = None,
        how: str = "triplet",
        margin: float | None = None,
        mining: str = "semi",
        front: float = 1.0,
        still: bool = False,
        augment: str | None = "natural",
    ) -> None:
        super().__init__()
        one_of(LOSSES, "siamese loss", how)
        one_of(MINING, "mining", mining)
        if margin is not None and not 0 < margin < 2:
            raise OptionError(
                f"margin is {margin}", "Distances go from 0 to 2: give more than 0, less than 2."
            )
        self.encoder, self.column, self.how, self.margin, self.mining = encoder, column, how, margin, mining
        self.front, self.still, self.augment = front, still, augment
        self.apart = MARGINS[how] if margin is None else margin
        self.same = nn.Linear(encoder.dim, 1) if how == "bce" else None
        self.codes = None if column is None else Codes(column)
        self.paces = paces(encoder, front)
        self.views = (lambda batch: (batch, batch)) if augment is None else Views(augment)

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        return () if self.codes is None else (self.codes(source, rows),)

    def pace(self, name: str) -> float:
        return self.paces.get(name, 1.0)

    def loss(self, *given: Tensor, progress: float) -> dict[str, Tensor]:
        views, known = (given, None) if self.codes is None else (given[:-1], given[-1])
        if self.still:
            hold(self.encoder)
        z = gather(torch.cat([self.encoder(view) for view in views]))  # (N, D)
        kinds = gather(_kinds(known, len(views[0]), z.device).repeat(len(views)))  # (N,)
        with torch.autocast(z.device.type, enabled=False):  # small differences need their digits
            return {self.how: self._loss(F.normalize(z.float()), kinds)}

    def _loss(self, z: Tensor, kinds: Tensor) -> Tensor:
        if self.same is not None:
            return chance(z, kinds, self.same)
        if self.how == "contrastive":
            return contrastive(z, kinds, self.apart)
        return (hardest if self.mining == "hard" else semi_hard)(z, kinds, self.apart)


def contrastive(z: Tensor, kinds: Tensor, margin: float) -> Tensor:  # (N, D), (N,)
    a, b = torch.triu_indices(len(z), len(z), 1, device=z.device)
    squared = (z[a] - z[b]).square().sum(1)
    near, far = squared, F.relu(margin - squared.clamp(min=_LEAST).sqrt()).square()
    return _balanced(near, far, kinds[a] == kinds[b])


def hardest(z: Tensor, kinds: Tensor, margin: float) -> Tensor:
    """Of each vector, the farthest of its own kind against the nearest other."""
    apart, own, other = _distances(z, kinds)
    farthest = apart.where(own, -torch.inf).amax(1)  # (N,)
    nearest = apart.where(other, torch.inf).amin(1)
    return _mean(F.relu(margin + farthest - nearest), own.any(1) & other.any(1))


def semi_hard(z: Tensor, kinds: Tensor, margin: float) -> Tensor:
    """Of each pair of one kind, the nearest other beyond it; where all others are nearer, the farthest."""
    apart, own, other = _distances(z, kinds)
    others = apart.where(other, torch.inf).sort(1).values  # (N, N): first the others, the nearest first
    beyond = torch.searchsorted(others.detach(), apart.detach(), right=True)
    number = other.sum(1, keepdim=True)
    chosen = others.gather(1, beyond.minimum(number - 1).clamp(min=0))
    return _mean(F.relu(margin + apart - chosen), own & (number > 0))


def chance(z: Tensor, kinds: Tensor, same: nn.Module) -> Tensor:
    a, b = torch.triu_indices(len(z), len(z), 1, device=z.device)
    entries = z * z.shape[1] ** 0.5  # about 1 each, however many there are
    told = same((entries[a] - entries[b]).abs())[:, 0]  # log odds of one kind
    return _balanced(F.softplus(-told), F.softplus(told), kinds[a] == kinds[b])


def _kinds(known: Tensor | None, n: int, device: torch.device) -> Tensor:  # (B,)
    """The labels; a number of its own (below 0) for each sample without one."""
    alone = -1 - rank() * n - torch.arange(n, device=device)
    return alone if known is None else torch.where(known < 0, alone, known)


def _distances(z: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Between all (N, N); which pairs are two of one kind; which are of two kinds."""
    apart = (2 - 2 * z @ z.T).clamp(min=_LEAST).sqrt()
    alike = kinds[:, None] == kinds
    return apart, alike & ~torch.eye(len(z), dtype=torch.bool, device=z.device), ~alike


def _balanced(near: Tensor, far: Tensor, own: Tensor) -> Tensor:
    return (_mean(near, own) + _mean(far, ~own)) / 2


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Of those chosen; 0 where none is."""
    return values.where(chosen, 0).sum() / chosen.sum().clamp(min=1)
