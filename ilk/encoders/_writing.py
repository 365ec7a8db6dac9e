"""Blocks that read from the left, and so can go on: of each piece of a text, which may come next.

Legend: B texts, T pieces of each, S tokens of a context, D width, V pieces in the vocabulary, d = D / heads.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, one_of
from ._attention import Block, initialise, norm_of, rotation
from ._cache import Cache

POSITIONS = ("learned", "rotary")


class Writing(nn.Module):
    """Pre-norm blocks, each piece looking at those before it, and at a `context` (B, S, so wide) if any.

    `tied`: a piece is told by the same vector that it is read by (Press & Wolf 2017).
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        width: int,
        depth: int,
        heads: int,
        *,
        context: int | None = None,
        expand: float = 4.0,
        positions: str = "rotary",
        norm: str = "rms",
        activation: str = "gelu",
        bias: bool = False,
        groups: int | None = None,
        tied: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        one_of(POSITIONS, "positions", positions)
        for name, given in (("depth", depth), ("length", length)):
            if given < 1:
                raise OptionError(f"{name} is {given}", "Give 1 or more.")
        self.length, self.dropout = length, dropout
        self.embed = nn.Embedding(vocabulary, width)
        self.place = nn.Embedding(length, width) if positions == "learned" else None
        self.blocks = nn.ModuleList(
            Block(
                width,
                heads,
                context=context,
                expand=expand,
                norm=norm,
                activation=activation,
                bias=bias,
                groups=groups,
                dropout=dropout,
            )
            for _ in range(depth)
        )
        self.even = norm_of(norm, width, bias=bias)
        self.out = None if tied else nn.Linear(width, vocabulary, bias=False)
        self.size = width // heads
        initialise(self)
        nn.init.normal_(self.embed.weight, std=0.1)  # small models leave GPT-2's 0.02 but slowly
        if self.place is not None:
            nn.init.normal_(self.place.weight, std=0.02)
        if positions == "rotary":
            rotation(torch.zeros(1, 1), self.size)  # tells now if the width does not suit

    def forward(
        self,
        ids: Tensor,
        *,
        places: Tensor | None = None,
        allowed: Tensor | None = None,
        context: Tensor | None = None,
        context_allowed: Tensor | None = None,
        caches: Sequence[Cache] | None = None,
        look: list[Tensor] | None = None,
    ) -> Tensor:  # (B, T) -> (B, T, D)
        """`places` (B, T) of the pieces, where they are not one after the other from the start, or from
        where the `caches` (one a block) stand; `allowed` as for a block, beside what comes later.
        """
        if places is None:
            at = len(caches[0]) if caches else 0
            places = torch.arange(at, at + ids.shape[1], device=ids.device)  # (T,)
        z, turns = self.embed(ids), None
        if self.place is None:
            turns = rotation(places[..., None], self.size)
        else:
            z = z + self.place(places)
        z = F.dropout(z, self.dropout, self.training)
        for i, block in enumerate(self.blocks):
            z = block(
                z,
                context,
                allowed=allowed,
                context_allowed=context_allowed,
                causal=True,
                rotation=turns,
                look=look,
                cache=caches[i] if caches else None,
            )
        even: Tensor = self.even(z)
        return even

    def logits(self, z: Tensor) -> Tensor:  # (..., D) -> (..., V)
        return F.linear(z, self.embed.weight if self.out is None else self.out.weight)

    def caches(self) -> list[Cache]:
        """Empty ones."""
        return [Cache() for _ in self.blocks]
