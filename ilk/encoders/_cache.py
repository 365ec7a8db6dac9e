"""What attention has computed of the tokens so far, kept while a text is written piece by piece.

Legend: B batch, S tokens so far, g heads of keys and values, d dimensions of each.
"""

import torch
from torch import Tensor


class Kept:
    """Keys and values (B, g, S, d) that an attention has computed, so that they need not be again."""

    def __init__(self) -> None:
        self.pair: tuple[Tensor, Tensor] | None = None

    def grown(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All so far, with these behind."""
        if self.pair is not None:
            k, v = (torch.cat([old, new], 2) for old, new in zip(self.pair, (k, v)))
        self.pair = k, v
        return k, v

    def pick(self, rows: Tensor) -> None:
        if self.pair is not None:
            k, v = self.pair
            self.pair = k[rows], v[rows]


class Cache:
    """What a block keeps between calls, each of which then brings the tokens that are new alone."""

    def __init__(self) -> None:
        self.tokens, self.context = Kept(), Kept()

    def __len__(self) -> int:
        """Tokens met so far: the place of the next."""
        return 0 if self.tokens.pair is None else self.tokens.pair[0].shape[2]

    def pick(self, rows: Tensor) -> None:
        """Goes on with these rows of the batch, in this order: the beams that are left."""
        self.tokens.pick(rows)
        self.context.pick(rows)
