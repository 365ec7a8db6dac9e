"""What "near" means. Distances are always smaller for what is nearer.

cosine     1 - cos of the angle
l2         the Euclidean distance
whitened   the Euclidean distance where each dimension is divided by its spread over the space's rows,
           so that one wide dimension does not rule; a dimension without spread counts for nothing

FAISS finds candidates in single precision, always by Euclidean distance between *ready* vectors: of
length 1 for the cosine, divided by the spread for whitened. Their order is settled here in double precision.

Legend: n vectors, D numbers each, q queries, c candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

METRICS = ("cosine", "l2", "whitened")
_BLOCK = 65_536  # rows at a time


@dataclass(frozen=True)
class Metric:
    name: str
    weights: np.ndarray | None = None  # (D,) float64 of whitened: 1 / spread

    def ready(self, vectors: np.ndarray) -> np.ndarray:  # (n, D) -> (n, D) float32
        if self.name == "cosine":
            return unit(vectors)
        if self.weights is None:
            return vectors
        return np.asarray(vectors * self.weights.astype(np.float32), np.float32)

    def distances(self, queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """(q, D) and (q, c, D) -> (q, c) float64, the same number for the same vector wherever it stands."""
        a, b = queries.astype(np.float64), vectors.astype(np.float64)
        if self.name != "cosine":
            difference = b - a[:, None]
            if self.weights is not None:
                difference *= self.weights
            euclidean: np.ndarray = np.sqrt(np.einsum("qcd,qcd->qc", difference, difference))
            return euclidean
        lengths = np.sqrt(np.einsum("qcd,qcd->qc", b, b)) * np.sqrt(np.einsum("qd,qd->q", a, a))[:, None]
        product = np.einsum("qcd,qd->qc", b, a)
        cos = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
        # Rounded so that equal directions are equally near: their cosines differ in the last digits.
        rounded: np.ndarray = np.round(1 - np.clip(cos, -1, 1), 12)
        return rounded

    def told(self, squared: np.ndarray) -> np.ndarray:
        """Squared Euclidean distances between ready vectors, as distances of this metric."""
        return squared / 2 if self.name == "cosine" else np.sqrt(squared)

    def shrinks(self, other: Metric) -> float:
        """How small a distance of this metric can be beside the same of another of its name."""
        if self.weights is None or other.weights is None or self is other:
            return 1.0
        known = other.weights > 0
        return float((self.weights[known] / other.weights[known]).min(initial=np.inf)) if known.any() else 0.0


def whitened(spread: np.ndarray) -> Metric:  # (D,) standard deviations
    known = spread > 1e-6 * spread.max(initial=0)
    return Metric("whitened", np.divide(1.0, spread, out=np.zeros(len(spread)), where=known))


def unit(vectors: np.ndarray) -> np.ndarray:  # (n, D) -> (n, D) float32 of length 1; zero stays zero
    out = np.zeros(vectors.shape, np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float64)  # squares of floats overflow floats
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))[:, None]
        np.divide(block, lengths, out=out[start : start + _BLOCK], where=lengths > 0, casting="same_kind")
    return out
