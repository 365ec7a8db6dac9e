"""How far each dimension spreads over the rows of a version, kept up as rows come and go.

Sums of the differences from a fixed point, and of their squares, in double precision: adding and taking
away rows changes them exactly, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_BLOCK = 65_536


@dataclass(frozen=True)
class Spread:
    n: int
    point: np.ndarray  # (D,) near the mean
    sums: np.ndarray  # (D,)
    squares: np.ndarray  # (D,)

    def with_(self, vectors: np.ndarray, sign: int = 1) -> Spread:  # (n, D); -1 takes them away
        n, sums, squares = self.n, self.sums.copy(), self.squares.copy()
        for start in range(0, len(vectors), _BLOCK):
            away = vectors[start : start + _BLOCK].astype(np.float64) - self.point
            n, sums = n + sign * len(away), sums + sign * away.sum(0)
            squares += sign * np.einsum("nd,nd->d", away, away)
        return Spread(n, self.point, sums, squares)

    def deviations(self) -> np.ndarray:
        """(D,) standard deviations; all 0 where there is no row."""
        if not self.n:
            return np.zeros(len(self.point))
        mean = self.sums / self.n
        variance = self.squares / self.n - mean**2
        # Where all that is left is rounding, there is no spread.
        real = variance > 1e-12 * (self.squares / self.n + mean**2)
        return np.sqrt(np.where(real, variance, 0.0))


def spread(blocks: Iterator[np.ndarray], dim: int) -> Spread:
    found = Spread(0, np.zeros(dim), np.zeros(dim), np.zeros(dim))
    for block in blocks:
        if not found.n and len(block):
            found = Spread(0, block.astype(np.float64).mean(0), np.zeros(dim), np.zeros(dim))
        found = found.with_(block)
    return found
