"""What "near" means. Distances are always smaller for what is nearer.

cosine     1 - cos of the angle
l2         the Euclidean distance
whitened   the Euclidean distance where each dimension is divided by its spread over the space's rows,
           so that one wide dimension does not rule; a dimension without spread counts for nothing

FAISS finds candidates in single precision, always by Euclidean distance between *ready* vectors: of
length 1 for the cosine, divided by the spread for whitened. Their order is settled in double precision
(kernels.py).

Legend: n vectors, D numbers each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .kernels import unit

METRICS = ("cosine", "l2", "whitened")


@dataclass(frozen=True)
class Metric:
    name: str
    weights: np.ndarray | None = None  # (D,) float64 of whitened: 1 / spread

    def ready(self, vectors: np.ndarray) -> np.ndarray:  # (n, D) -> (n, D) float32
        if self.name == "cosine":
            return unit(np.ascontiguousarray(vectors))  # type: ignore[no-any-return]
        if self.weights is None:
            return vectors
        return np.asarray(vectors * self.weights.astype(np.float32), np.float32)

    def scale(self, dim: int) -> np.ndarray:
        """(D,) float64: what each dimension is multiplied by."""
        return _ones(dim) if self.weights is None else self.weights

    def told(self, squared: np.ndarray) -> np.ndarray:
        """Squared Euclidean distances between ready vectors, as distances of this metric."""
        return squared / 2 if self.name == "cosine" else np.sqrt(squared)

    def shrinks(self, other: Metric) -> float:
        """How small a distance of this metric can be beside the same of another of its name."""
        if self.weights is None or other.weights is None or self is other:
            return 1.0
        known = other.weights > 0
        return float((self.weights[known] / other.weights[known]).min(initial=np.inf)) if known.any() else 0.0


@cache
def _ones(dim: int) -> np.ndarray:
    return np.ones(dim)


def whitened(spread: np.ndarray) -> Metric:  # (D,) standard deviations
    known = spread > 1e-6 * spread.max(initial=0)
    return Metric("whitened", np.divide(1.0, spread, out=np.zeros(len(spread)), where=known))
