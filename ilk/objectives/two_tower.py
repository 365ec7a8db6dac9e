"""Two towers of users and items: a user lies near what that user chose, among what others chose.

softmax  each user picks the own item out of the batch's
bpr      the own item comes before each other one (Rendle et al. 2009)
bce      each user and each item: does it suit?

What is popular is the item of many in a batch, and would count as not chosen all too often: log Q, its
chance to be there, is taken off its score (Yi et al. 2019). Scores then learn log p(item | user); otherwise,
how much more likely an item is for this user than for all.

Legend: B pairs on this process, N on all of them, D dimensions.
"""

import math
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..encoders.towers import Towers
from ..errors import OptionError, UnknownName
from ..source import Source
from ..source._records import Records
from ..source.interactions import Interactions
from ._base import Objective
from ._gather import gather, rank
from .clip import STEEPEST, numbered

LOSSES = ("softmax", "bpr", "bce")
SIDES = ("users", "items")


class TwoTower(Objective):
    """`how`: softmax, bpr or bce. The temperature is learnt; `temperature` is where it begins.

    corrected  take log Q off
    still      users or items: that tower stays as it is, and the other learns to meet it
    """

    kind: ClassVar[str] = "interactions"
    dim: ClassVar[int] = 64
    level: ClassVar[bool] = False  # evening the one side's vectors would move it away from the other
    encoder: Towers

    def __init__(
        self,
        encoder: Towers,
        *,
        how: str = "softmax",
        temperature: float = 0.1,
        corrected: bool = True,
        still: str | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Towers):
            raise OptionError(f"{type(encoder).__name__} is one tower", "Give both: Towers(users, items).")
        if how not in LOSSES:
            raise UnknownName("loss of two towers", how, LOSSES)
        if still is not None and still not in SIDES:
            raise UnknownName("tower", still, SIDES)
        if not temperature >= 0.01:
            raise OptionError(f"temperature is {temperature}", "Give 0.01 or more.")
        self.encoder, self.how, self.temperature = encoder, how, temperature
        self.corrected, self.still = corrected, still
        self.scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.odds = nn.Parameter(torch.zeros(())) if how == "bce" else None  # of suiting, for a cosine of 0
        encoder.scale.fill_(1 / temperature)
        self.views = tuple

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        """log Q of each item, (B,)."""
        if not self.corrected or not isinstance(source, Interactions):
            return ()
        return (torch.from_numpy(source.chance[source.ends[rows, 1]]),)

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        users, items, *known = views  # known: log Q (B,)
        u, v = self._vectors(users, "users"), self._vectors(items, "items")  # 2 x (B, D)
        chance = known[0].to(u.device) if known else torch.zeros(len(u), device=u.device)
        with torch.autocast(u.device.type, enabled=False):
            u, v, chance = u.float(), gather(v.float()), gather(chance)  # (B, D), (N, D), (N,)
            own, asked = _asked(users, items, u.device)
            terms = {"near": self._loss(u @ v.T * self.scale.exp() - chance, own, asked)}  # (B, N)
            if self.encoder.merged is not None:
                merged = self.encoder.score(u[:, None], v[None])  # (B, N)
                terms["merged"] = self._loss(merged - chance, own, asked)
            return terms

    def content(self, source: Source, encoder: Encoder) -> Source:
        """The items, to be found for a user."""
        return source.items if isinstance(source, Interactions) else source

    def askers(self, source: Source) -> Source | None:
        return source.users if isinstance(source, Interactions) else None

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        self.scale.clamp_(max=STEEPEST)
        self.encoder.scale.fill_(self.scale.exp().item())

    def _vectors(self, x: Records, side: str) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.still != side):
            vectors: Tensor = self.encoder(x)
        return vectors

    def _loss(self, scores: Tensor, own: Tensor, asked: Tensor) -> Tensor:
        if self.odds is not None:
            return bce(scores + self.odds, own, asked)
        return (softmax if self.how == "softmax" else bpr)(scores, own, asked)


def softmax(scores: Tensor, own: Tensor, asked: Tensor) -> Tensor:
    """`scores` (B, N); `own`: the pairs; `asked`: the pairs, and what else these users can be told from."""
    return F.cross_entropy(scores.masked_fill(~asked, -torch.inf), own.int().argmax(1))


def bpr(scores: Tensor, own: Tensor, asked: Tensor) -> Tensor:
    """-log of the chance that the own item comes first, the mean over all others."""
    before = F.softplus(scores - scores[own][:, None])  # (B, N)
    others = asked & ~own
    return before.where(others, 0).sum() / others.sum().clamp(min=1)


def bce(scores: Tensor, own: Tensor, asked: Tensor) -> Tensor:
    """-log of the chance to be right, the own item as much as all others together."""
    others = asked & ~own
    wrong = F.softplus(scores).where(others, 0).sum() / others.sum().clamp(min=1)
    return (F.softplus(-scores[own]).mean() + wrong) / 2


def _asked(users: Records, items: Records, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of each of the own B users and all N items: the pairs; these, and what that user did not choose (B, N).

    What else a user chose is known as far as it is in the batch.
    """
    who, what = numbered(users.ids).to(device), numbered(items.ids).to(device)
    everyone, everything = gather(who), gather(what)
    at = rank() * len(who) + torch.arange(len(who), device=device)
    own = at[:, None] == torch.arange(len(everyone), device=device)
    chosen = (who[:, None] == everyone) | (what[:, None] == everything)
    return own, own | ~chosen
