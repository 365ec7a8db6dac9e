"""Two towers of users and items into one space, where a user lies near what suits (Yi et al. 2019).

Legend: B batch, U and I the vectors' dimensions of the two towers, D those of the space.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import UnknownName
from ._base import Encoder
from ._merge import MERGES, Merge


class Towers(Encoder):
    """Takes users, items (records of either side), or pairs of both, which lie in the middle of their two.

    All vectors have length 1. `merge`: how a user and an item become a score: dot, their cosine; or concat,
    sum, product, difference, attention: a network on both vectors, which sorts what the cosine found.
    """

    kind: ClassVar[str] = "interactions"

    def __init__(self, users: Encoder, items: Encoder, dim: int = 64, merge: str = "dot") -> None:
        super().__init__()
        if merge not in MERGES:
            raise UnknownName("merge", merge, MERGES)
        self.users, self.items, self.dim, self.merge = users, items, dim, merge
        self.of_users = nn.Linear(users.dim, dim, bias=False)
        self.of_items = nn.Linear(items.dim, dim, bias=False)
        self.merged = None if merge == "dot" else Merge(merge, dim)
        self.register_buffer("scale", torch.ones(1))  # of cosines, to log odds; learnt by the objective
        self.scale: Tensor

    def forward(self, x: Any) -> Tensor:  # (B,) users, items, or both -> (B, D)
        if isinstance(x, tuple | list):
            users, items = x
            return F.normalize(self(users) + self(items))
        if x.side == "users":
            return F.normalize(self.of_users(self.users(x)))  # (B, U) -> (B, D)
        return F.normalize(self.of_items(self.items(x)))  # (B, I) -> (B, D)

    def score(self, users: Tensor, items: Tensor) -> Tensor:  # (..., D), (..., D) -> (...)
        """Of vectors, the higher the better."""
        return (users * items).sum(-1) if self.merged is None else self.merged(users, items)
