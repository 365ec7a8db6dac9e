"""Texts in the making: their blocks keep what they have computed, so that each piece costs but itself."""

import torch
from torch import Tensor

from ..encoders._tokenizer import Tokenizer
from ..encoders._writing import Writing


class Line:
    """Of a `Writing`, and of its `context` (B, S, wide) if it has one; `allowed`: which may be looked at."""

    def __init__(
        self,
        writing: Writing,
        words: Tokenizer,
        *,
        context: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> None:
        self.writing, self.never = writing, [words.pad, words.unknown, words.start, words.mask]
        self.context, self.allowed = context, allowed
        self.caches = writing.caches()

    def add(self, ids: Tensor) -> Tensor:  # (B, T) -> (B, V)
        z = self.writing(ids, context=self.context, context_allowed=self.allowed, caches=self.caches)
        logits = self.writing.logits(z[:, -1])
        logits[:, self.never] = -torch.inf
        return logits

    def pick(self, rows: Tensor) -> None:
        for cache in self.caches:
            cache.pick(rows)
        self.allowed = None if self.allowed is None else self.allowed[rows]
