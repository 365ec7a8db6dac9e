"""Exact search, and the last step of every other: candidates put in order in double precision.

Equal distances are ordered by id, so that the same question has one answer whatever the number of threads
and the size of the batch.

Legend: s slots, q queries, D numbers a vector, c candidates, k neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import faiss
import numpy as np

from . import kernels
from .metric import Metric

_EXTRA = 16  # candidates beyond k: in most data they settle the order at the first try
_BATCH = 1024  # queries at a time
_ROWS = 131_072  # vectors made ready at a time
ALL = np.zeros(0, bool)  # every slot may be found


class Shelf(Protocol):
    """Vectors by slot, in two parts, and the ids that settle a tie."""

    @property
    def parts(self) -> tuple[np.ndarray, np.ndarray]: ...  # (m, D), (t, D)
    def names(self, slots: np.ndarray) -> np.ndarray: ...  # of str


# First slot, and vectors (m, D); with a metric where they are not ready yet. Together all slots, in order.
Part: TypeAlias = tuple[int, np.ndarray, Metric | None]


def search(
    shelf: Shelf,
    parts: list[Part],
    alive: np.ndarray,  # (s,) bool: which slots may be found
    metric: Metric,
    queries: np.ndarray,
    k: int,
    coarse: Metric | None = None,  # of the ready vectors, where it is another
    chosen: np.ndarray | None = None,  # the slots in `parts`, where they are not all
) -> tuple[np.ndarray, np.ndarray]:
    """Slots and distances (q, k) of the k nearest."""
    n = int(np.count_nonzero(alive))
    k = min(k, n)
    slots, distances = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    for start in range(0, len(queries) if k else 0, _BATCH):
        block = slice(start, start + _BATCH)
        asked = queries[block]
        found = _block(shelf, parts, alive, metric, asked, k, coarse or metric, chosen)
        slots[block], distances[block] = found
    return slots, distances


def _block(
    shelf: Shelf,
    parts: list[Part],
    alive: np.ndarray,
    metric: Metric,
    queries: np.ndarray,
    k: int,
    coarse: Metric,
    chosen: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    slots, distances = np.zeros((len(queries), k), np.int64), np.zeros((len(queries), k), np.float32)
    asked = coarse.ready(queries)
    todo, c, careful = np.arange(len(queries)), 2 * k + _EXTRA, False
    while len(todo) and c < sum(len(part) for _, part, _ in parts) // 4:
        found, bound = _candidates(parts, asked[todo], c, coarse, careful)
        found = found if chosen is None else chosen[found]
        slots[todo], distances[todo] = settle(shelf, metric, queries[todo], found, k, alive)
        bound *= metric.shrinks(coarse)
        todo = todo[~(bound > distances[todo, -1])]
        c, careful = 8 * c, True
    if len(todo):
        every = np.flatnonzero(alive)
        for i in todo:
            slots[i], distances[i] = _by_name(shelf, metric, queries[i : i + 1], every, k)
    return slots, distances


def _candidates(
    parts: list[Part], asked: np.ndarray, c: int, metric: Metric, careful: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Slots (q, c or more), and for each query a distance that every vector left out exceeds."""
    found, bound = [], np.full(len(asked), np.inf)
    # From 20 queries on FAISS goes through |x|^2 - 2xy + |y|^2, which loses small distances.
    step = 16 if careful else len(asked)
    for first, part in _ready(parts):
        near, at = nearest(asked, part, min(c, len(part)), step)
        found.append(at + first)
        if len(part) > c:
            bound = np.minimum(bound, _least(near[:, -1], asked, metric, len(asked) >= 20 > step))
    return np.concatenate(found, axis=1), bound


def _ready(parts: list[Part]) -> Iterator[tuple[int, np.ndarray]]:
    for first, part, metric in parts:
        if metric is None and len(part):
            yield first, part
        elif metric is not None:
            for start in range(0, len(part), _ROWS):
                yield first + start, metric.ready(part[start : start + _ROWS])


def nearest(
    asked: np.ndarray, part: np.ndarray, c: int, step: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances and places (q, c) of the c nearest, as FAISS sees them."""
    step = step or len(asked)
    # FAISS shares out whole queries: a thread without one only spins, and slowed single queries 14 times.
    threads = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(min(threads, len(asked)))
        if len(asked) <= step:
            return faiss.knn(asked, part, c)  # type: ignore[no-any-return]
        parts = [faiss.knn(asked[i : i + step], part, c) for i in range(0, len(asked), step)]
    finally:
        faiss.omp_set_num_threads(threads)
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _least(squared: np.ndarray, asked: np.ndarray, metric: Metric, expanded: bool) -> np.ndarray:
    """What a vector beyond the worst candidate is at least away, whatever single precision has lost."""
    # Rounding of a sum of D products, each with a relative error of 2^-24 (Higham 2002, section 3.1):
    # relative to the distance itself or, where it is the difference of large products, to those.
    error = (asked.shape[1] + 8) * 2.0**-24
    worst = np.maximum(squared, 0).astype(np.float64)
    large = np.sqrt(np.einsum("qd,qd->q", asked, asked)) + np.sqrt(worst)
    least = np.sqrt(np.maximum(worst - 2 * error * (4 * large**2 if expanded else worst), 0))
    if metric.name != "l2":  # ready vectors are rounded themselves
        least = np.maximum(least - 2.0**-22 * large, 0)
    return metric.told(least**2)


def settle(
    shelf: Shelf,
    metric: Metric,
    queries: np.ndarray,
    found: np.ndarray,  # (q, c) slots, -1 for none
    k: int,
    alive: np.ndarray = ALL,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of the candidates that are alive, by exact distance, then by id; -1 where too few."""
    scale, cosine = metric.scale(queries.shape[1]), metric.name == "cosine"
    slots, distances, tied = kernels.first(queries, *shelf.parts, found, alive, scale, cosine, k)
    for i in tied:
        chosen, nearest = _by_name(shelf, metric, queries[i : i + 1], np.unique(found[i]), k, alive)
        slots[i], distances[i] = -1, np.inf  # a candidate may have come twice
        slots[i, : len(chosen)], distances[i, : len(chosen)] = chosen, nearest
    return slots, distances


def _by_name(
    shelf: Shelf, metric: Metric, query: np.ndarray, slots: np.ndarray, k: int, alive: np.ndarray = ALL
) -> tuple[np.ndarray, np.ndarray]:
    """Of some slots the k nearest to one query (1, D), or fewer: by distance, then by id."""
    scale, cosine = metric.scale(query.shape[1]), metric.name == "cosine"
    far = kernels.distances(query, *shelf.parts, slots[None], alive, scale, cosine)[0]
    near = np.flatnonzero(far < np.inf)
    if len(near) > k:  # only those as near as the k-th are sorted: ids are slow to compare
        near = near[far[near] <= np.partition(far[near], k - 1)[k - 1]]
    names = shelf.names(slots[near])
    order = sorted(range(len(near)), key=lambda i: (far[near[i]], names[i]))[:k]
    chosen = near[np.array(order, np.int64)]
    return slots[chosen], far[chosen]
