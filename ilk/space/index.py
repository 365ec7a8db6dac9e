"""Search: the nearest vectors. An index is derived from the rows and never the other way round.

An index is a class with the constructor and the `search` of `Flat`. Distances are always "smaller is
nearer": cosine is 1 - cos, l2 the Euclidean distance. FAISS finds candidates in single precision; their
order is settled in double precision, and equal distances are ordered by id, so that the same question has
one answer whatever the number of threads and the size of the batch.

Legend: n vectors, D numbers each, q queries, c candidates, k neighbours.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import pyarrow as pa

METRICS = ("cosine", "l2")
_EXTRA = 16  # candidates beyond k: in most data they settle the order at the first try
_BLOCK = 65_536  # rows at a time where all are compared


class Flat:
    """Exact: every vector is looked at."""

    def __init__(self, vectors: np.ndarray, ids: pa.Array[Any], metric: str) -> None:
        self.vectors = vectors  # (n, D) float32, may be memory-mapped
        self.ids = ids
        self.metric = metric
        self.ready = unit(vectors) if metric == "cosine" else vectors

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places (q, k) and distances (q, k) of the k nearest, all or `among` some places."""
        among = np.arange(len(self.vectors)) if among is None else among
        ready = self.ready if len(among) == len(self.ready) else self.ready[among]
        k = min(k, len(among))
        places, distances = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
        # FAISS takes 20 and more at once through |x|^2 - 2xy + |y|^2, which loses the small distances of l2.
        step = 256 if self.metric == "cosine" else 16
        for start in range(0, len(queries) if k else 0, step):
            block = slice(start, start + step)
            places[block], distances[block] = self._settled(queries[block], k, among, ready)
        return places, distances

    def _settled(
        self, queries: np.ndarray, k: int, among: np.ndarray, ready: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        asked = unit(queries) if self.metric == "cosine" else queries
        places, distances = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
        open_, c = np.arange(len(queries)), 2 * k + _EXTRA
        while len(open_) and c < len(among) // 4:
            near, found = self._candidates(asked[open_], ready, c)  # (q, c) both
            exact = np.stack([self._exact(queries[i], among[f]) for i, f in zip(open_, found)])
            for row, i in enumerate(open_):
                places[i], distances[i] = self._first(among[found[row]], exact[row], k)
            open_ = open_[~self._sure(near, distances[open_, -1])]
            c *= 8
        for i in open_:
            places[i], distances[i] = self._first(among, self._exact(queries[i], among), k)
        return places, distances

    def _candidates(self, asked: np.ndarray, ready: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray]:
        if self.metric == "cosine":
            cos, found = faiss.knn(asked, ready, c, metric=faiss.METRIC_INNER_PRODUCT)
            return 1 - cos, found
        squared, found = faiss.knn(asked, ready, c, metric=faiss.METRIC_L2)
        return np.sqrt(squared), found

    def _sure(self, near: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Whether no vector beyond the candidates can be as near as the last neighbour kept."""
        # Rounding of a sum of D products, each with a relative error of 2^-24 (Higham 2002, section 3.1);
        # for l2 it scales with the distance itself.
        error = (self.vectors.shape[1] + 8) * 2.0**-24
        worst = near[:, -1].astype(np.float64)
        slack = error if self.metric == "cosine" else error * worst
        sure: np.ndarray = worst - slack > last
        return sure

    def _exact(self, query: np.ndarray, places: np.ndarray) -> np.ndarray:  # (D,), (c,) -> (c,) float64
        parts = [
            distance(query, self.vectors[places[start : start + _BLOCK]], self.metric)
            for start in range(0, len(places), _BLOCK)
        ]
        return np.concatenate(parts)

    def _first(self, places: np.ndarray, distances: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        rounded = distances.astype(np.float32)
        if len(rounded) > k:  # only those as near as the k-th are sorted: ids are slow to compare
            keep = rounded <= np.partition(rounded, k - 1)[k - 1]
            places, rounded = places[keep], rounded[keep]
        names = self.ids.take(pa.array(places)).to_pylist()
        order = sorted(range(len(names)), key=lambda i: (rounded[i], names[i]))[:k]
        return places[order], rounded[order]


def distance(
    query: np.ndarray, vectors: np.ndarray, metric: str
) -> np.ndarray:  # (D,), (c, D) -> (c,) float64
    """Distances in double precision, the same number for the same vector wherever it stands."""
    a, b = query.astype(np.float64), vectors.astype(np.float64)
    if metric == "l2":
        difference = b - a
        euclidean: np.ndarray = np.sqrt(np.einsum("cd,cd->c", difference, difference))
        return euclidean
    lengths = np.sqrt(np.einsum("cd,cd->c", b, b)) * np.sqrt(a @ a)
    cos = np.divide(np.einsum("cd,d->c", b, a), lengths, out=np.zeros(len(b)), where=lengths > 0)
    # Rounded so that equal directions are equally near: their cosines differ in the last digits.
    rounded: np.ndarray = np.round(1 - np.clip(cos, -1, 1), 12)
    return rounded


def unit(vectors: np.ndarray) -> np.ndarray:  # (n, D) -> (n, D) float32 of length 1; zero stays zero
    out = np.zeros(vectors.shape, np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float64)  # squares of floats overflow floats
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        np.divide(block, lengths, out=out[start : start + _BLOCK], where=lengths > 0, casting="same_kind")
    return out
