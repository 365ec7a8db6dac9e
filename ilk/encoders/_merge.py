"""Scores of a user and an item beyond the dot product: both vectors put together, then a network.

concat      [u, v]                  (He et al. 2017; that it seldom beats the dot product: Rendle et al. 2020)
sum         u + v
product     u * v
difference  |u - v|
attention   the user's vector is taken for several interests, and the item asks which is meant
            (label-aware attention, Li et al. 2019); then [interest, v]

Legend: D dimensions, K interests.
"""

import torch
from torch import Tensor, nn

from ..errors import UnknownName
from ._attention import Attention

MERGES = ("dot", "concat", "sum", "product", "difference", "attention")
INTERESTS = 4


class Merge(nn.Module):
    """`forward(u, v)`: (..., D) of the users and the items -> (...) scores."""

    def __init__(self, how: str, dim: int) -> None:
        super().__init__()
        if how not in MERGES[1:]:
            raise UnknownName("merge", how, MERGES)
        self.how, self.dim = how, dim
        self.interests = nn.Linear(dim, INTERESTS * dim) if how == "attention" else None
        self.look = Attention(dim, 1) if how == "attention" else None
        wide = 2 * dim if how in ("concat", "attention") else dim
        self.layers = nn.Sequential(nn.Linear(wide, 2 * dim), nn.GELU(), nn.Linear(2 * dim, 1))

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        unit = self.dim**0.5  # of entries about 1
        u, v = (torch.as_tensor(x) for x in torch.broadcast_tensors(u * unit, v * unit))  # type: ignore[no-untyped-call]
        scores: Tensor = self.layers(self._merged(u, v))[..., 0]
        return scores

    def _merged(self, u: Tensor, v: Tensor) -> Tensor:
        if self.how == "sum":
            return u + v
        if self.how == "product":
            return u * v
        if self.how == "difference":
            return (u - v).abs()
        if self.interests is None or self.look is None:
            return torch.cat([u, v], -1)
        many = self.interests(u.reshape(-1, self.dim)).unflatten(1, (INTERESTS, self.dim))  # (N, K, D)
        meant = self.look(v.reshape(-1, 1, self.dim), many)[:, 0]  # (N, D)
        return torch.cat([meant.reshape(v.shape), v], -1)
