"""Vectors sorted by a code-book that moves on after each step, over all processes.

Legend: M vectors of a step, d numbers in each.
"""

import torch
from torch import Tensor

from ..encoders._codebook import CodeBook
from ._gather import gather


class Sorting:
    """`book` is asked, and follows what it was asked for; of a code the share `decay` stays."""

    def __init__(self, book: CodeBook, decay: float) -> None:
        self.book, self.decay = book, decay
        self.seen = book.book[:0], torch.zeros(0, dtype=torch.long)  # (M, d), (M,)

    def __call__(self, z: Tensor) -> Tensor:  # (..., d) of length 1 -> (...)
        words: Tensor = self.book(z)
        self.seen = z.detach().flatten(0, -2), words.flatten()
        return words

    def follow(self) -> None:
        vectors, words = self.seen
        self.book.follow(gather(vectors), gather(words), self.decay)
