"""The nearest rows of every row, the rows nearer than a distance, and the directions in which they are near.

All pairs are compared a tile at a time: some rows that ask, some that are asked about. FAISS or a matrix
product finds candidates in single precision; double precision settles them. What single precision could have
missed is bounded, and rows for which that matters are asked again, so the answer is exact.

Legend: n rows, D dimensions, k neighbours, b rows that ask, m rows asked about, c candidates, p pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from scipy.linalg import eigh

from ..console import progress
from ..space.index.metric import Metric

EXACT = 20_000  # up to so many rows every pair is compared
BLOCK = 4096  # rows that ask at a time
SIDE = 2048  # of the square of pairs looked at by `close`
NUMBERS = 1 << 21  # doubles in one piece of work: 16 MB
EXTRA = 16  # candidates beyond k: in most data they settle the order at the first try

Near = tuple[np.ndarray, np.ndarray, np.ndarray]


L2 = Metric("l2")


def nearest(x: np.ndarray, k: int, *, exact: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) the nearest other rows, and how far; beyond 20,000 rows nearly all of them, or `exact`."""
    if len(x) > EXACT and not exact:
        return _nearly(x, k)
    found = list(blocks(x, k))
    return np.concatenate([near for _, near, _ in found]), np.concatenate([far for _, _, far in found])


def blocks(
    x: np.ndarray,
    k: int,
    metric: Metric = L2,
    *,
    rows: np.ndarray | None = None,
    ranks: np.ndarray | None = None,
    size: int = BLOCK,
) -> Iterator[Near]:
    """`size` rows at a time: their places (b,), the k nearest other rows of each (b, k), and how far.

    Memory grows by two numbers a row, not with n k (`x` may be memory-mapped). Of rows equally far
    those with the lower rank come first, by default the lower place; of more than `EXTRA` copies just some.
    """
    centre = _centre(x, metric)
    rows, ranks = np.arange(len(x)) if rows is None else rows, np.arange(len(x)) if ranks is None else ranks
    k = min(k, len(x) - 1)
    for start in range(0, len(rows) if k > 0 else 0, size):
        block = rows[start : start + size]
        yield (block, *_settled(x, block, k, metric, centre, ranks))


def close(
    x: np.ndarray, within: float, metric: Metric = L2, *, side: int = SIDE
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs i < j with a distance of at most `within`, some at a time: (p,), (p,), (p,) how far."""
    centre, starts = _centre(x, metric), range(0, len(x), side)
    with progress("comparing all pairs", len(starts) * (len(starts) + 1) / 2) as bar:
        for low in starts:
            a = _ready(x[low : low + side], metric, centre)
            for high in range(low, len(x), side):
                b = a if high == low else _ready(x[high : high + side], metric, centre)
                i, j = np.nonzero(_may_be_within(a, b, within, metric))
                yield from _within(x, *_ordered(i + low, j + high), within, metric)
                bar.advance()


def _ordered(i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return i[i < j], j[i < j]


def _within(
    x: np.ndarray, i: np.ndarray, j: np.ndarray, within: float, metric: Metric
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    step = max(1, NUMBERS // x.shape[1])
    for part in (slice(s, s + step) for s in range(0, len(i), step)):
        far = apart(x[i[part]], x[j[part]], metric)
        near = far <= np.float32(within)
        yield i[part][near], j[part][near], far[near]


def directions(x: np.ndarray, d: int, k: int = 10) -> np.ndarray:
    """(D, d) orthonormal: where rows lie far apart but neighbours close together, which is where groups show.

    The leading solutions v of  total v = lambda local v, the covariances of all rows and of the steps between
    neighbours (Art, Gnanadesikan & Kettenring 1982). Unlike principal axes they do not depend on how each
    dimension is scaled, so vectors that were whitened, which have no principal axes, lose nothing.
    """
    near, _ = nearest(np.ascontiguousarray(x, np.float32), min(k, len(x) - 1))
    steps = (x[:, None] - x[near]).reshape(-1, x.shape[1])  # (n k, D)
    total, local = np.cov(x, rowvar=False), steps.T @ steps / len(steps)
    D = len(total)
    floor = 0.1 * np.trace(local) / D + np.finfo(float).tiny  # few rows say little of most directions
    _, leading = eigh(total, local + floor * np.eye(D), subset_by_index=(D - d, D - 1))
    return np.asarray(np.linalg.qr(leading[:, ::-1])[0])


def among(base: np.ndarray, x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) the rows of `base` nearest to each of `x` (m, D), and how far; nearly all of them."""
    index: Any = _cells(base) if len(base) > EXACT else faiss.IndexFlatL2(base.shape[1])
    if len(base) <= EXACT:
        index.add(base)
    squared, near = index.search(x, k)  # (m, k)
    few = near < 0  # sparse cells gave fewer: the nearest again
    near, squared = np.where(few, near[:, :1], near), np.where(few, squared[:, :1], squared)
    return near, np.sqrt(np.maximum(squared, 0)).astype(np.float64)


def _cells(x: np.ndarray) -> Any:
    """An index of FAISS over the rows that looks at 24 cells of four times the root of their number."""
    n, dim = x.shape
    cells = int(4 * np.sqrt(n))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(dim), dim, cells)
    index.nprobe = 24
    index.train(x[:: max(1, n // (50 * cells))])
    index.add(x)
    return index


def _nearly(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    squared, near = _cells(x).search(x, k + 1)  # (n, k + 1)
    own = (near == np.arange(len(x))[:, None]) | (near < 0)
    own[~own.any(1), -1] = True  # a row with many copies may not have been named among them
    order = np.argsort(own, axis=1, kind="stable")[:, :k]  # its own place last
    near, squared = np.take_along_axis(near, order, 1), np.take_along_axis(squared, order, 1)
    near = np.where(near < 0, near[:, :1], near)  # a sparse cell gave fewer: the nearest again
    return near, np.sqrt(np.maximum(squared, 0)).astype(np.float64)


def _centre(x: np.ndarray, metric: Metric) -> np.ndarray:  # (n, D) -> (D,)
    some = x[:: max(1, len(x) // 1000)]
    if metric.name == "cosine" or not len(some):
        return np.zeros(x.shape[1])
    return np.asarray(metric.ready(some).mean(0, dtype=np.float64))


def _ready(x: np.ndarray, metric: Metric, centre: np.ndarray) -> np.ndarray:  # (m, D) -> (m, D) float32
    """About the centre: far from the origin, |x|^2 - 2xy + |y|^2 loses small distances.

    Rounded once, and behind the centre: by then a number is as small as the distances are.
    """
    if metric.name == "cosine":
        return metric.ready(x)
    y = x * metric.scale(x.shape[1]) - centre
    return np.asarray(np.clip(y, -1e17, 1e17), np.float32)  # so that sums of squares are finite


def apart(a: np.ndarray, b: np.ndarray, metric: Metric) -> np.ndarray:
    """Distances in double precision, as the search of a space tells them: (..., D), (..., D) -> (...)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if metric.name != "cosine":
        step = a - b if metric.weights is None else (a - b) * metric.weights
        return np.asarray(np.sqrt(_dot(step, step)), np.float32)
    lengths = np.sqrt(_dot(a, a)) * np.sqrt(_dot(b, b))
    cos = np.divide(_dot(a, b), lengths, out=np.zeros(lengths.shape), where=lengths > 0)
    # Rounded so that equal directions are equally near: their cosines differ in the last digits.
    return np.asarray(np.round(1 - np.clip(cos, -1, 1), 12), np.float32)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("...d,...d->...", a, b))


def _settled(
    x: np.ndarray, block: np.ndarray, k: int, metric: Metric, centre: np.ndarray, ranks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    near, far = np.zeros((len(block), k), np.int64), np.zeros((len(block), k))
    open_, c = np.arange(len(block)), 2 * k + 1 + EXTRA
    while len(open_) and 4 * c < len(x):
        asked = _ready(x[block[open_]], metric, centre)  # (b, D)
        found, worst = _candidates(asked, x, c, metric, centre)
        near[open_], far[open_] = _best(x, block[open_], found, k, metric, ranks)
        last = far[open_, -1]
        # Nothing is nearer than a copy, and nothing beyond the candidates than the worst of them.
        open_ = open_[~((last == 0) | (worst > last + _error(asked, last, metric)))]
        c *= 8
    for i in open_:
        near[i], far[i] = _of_all(x, int(block[i]), k, metric, ranks)
    return near, far


def _error(asked: np.ndarray, last: np.ndarray, metric: Metric) -> np.ndarray:  # (b, D), (b,) -> (b,)
    """By how much single precision may misjudge a row as near as `last`.

    A sum of D products has a relative error of about D 2^-24 (Higham 2002, section 3.1). For l2 these are
    |x|^2, |y|^2 and 2xy; a row so near is at most `last` longer than the one that asks.
    """
    error = (asked.shape[1] + 8) * 2.0**-24
    if metric.name == "cosine":
        return np.full(len(asked), error)
    length = np.linalg.norm(asked.astype(np.float64), axis=1)
    return np.asarray(np.sqrt(last**2 + 2 * error * (2 * length + last) ** 2) - last)


def _candidates(
    asked: np.ndarray, x: np.ndarray, c: int, metric: Metric, centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(b, c) places of rows that are near in single precision, and the distance of the last of them (b,)."""
    kind = faiss.METRIC_INNER_PRODUCT if metric.name == "cosine" else faiss.METRIC_L2
    best, places = np.full((len(asked), 0), 0, np.float32), np.zeros((len(asked), 0), np.int64)
    step = max(c, NUMBERS // x.shape[1])
    for start in range(0, len(x), step):
        some = _ready(x[start : start + step], metric, centre)  # (m, D)
        found, at = faiss.knn(asked, some, min(c, len(some)), metric=kind)
        best = np.concatenate([best, -found if metric.name == "cosine" else found], 1)  # smaller is nearer
        places = np.concatenate([places, at + start], 1)
        if best.shape[1] > c:
            kept = np.argpartition(best, c - 1, axis=1)[:, :c]
            best, places = np.take_along_axis(best, kept, 1), np.take_along_axis(places, kept, 1)
    worst = best.max(1).astype(np.float64)
    return places, 1 + worst if metric.name == "cosine" else np.sqrt(np.maximum(worst, 0))


def _best(
    x: np.ndarray, block: np.ndarray, found: np.ndarray, k: int, metric: Metric, ranks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(b, k) the nearest of the candidates (b, c), and how far."""
    near, far = np.zeros((len(block), k), np.int64), np.zeros((len(block), k), np.float32)
    step = max(1, NUMBERS // (found.shape[1] * x.shape[1]))
    for part in (slice(s, s + step) for s in range(0, len(block), step)):
        some = found[part]  # (s, c)
        exact = apart(x[block[part], None], x[some], metric)
        exact[some == block[part, None]] = np.inf  # a row is not its own neighbour
        order = np.lexsort((ranks[some], exact), axis=1)[:, :k]
        near[part], far[part] = np.take_along_axis(some, order, 1), np.take_along_axis(exact, order, 1)
    return near, far


def _of_all(
    x: np.ndarray, row: int, k: int, metric: Metric, ranks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(k,) the nearest of all other rows, and how far."""
    near, far = np.zeros(0, np.int64), np.zeros(0, np.float32)
    step = max(1, NUMBERS // x.shape[1])
    for start in range(0, len(x), step):
        some = apart(x[row], x[start : start + step], metric)
        near = np.concatenate([near, np.arange(start, start + len(some))])
        far = np.concatenate([far, some])
        far[near == row] = np.inf
        order = np.lexsort((ranks[near], far))[:k]
        near, far = near[order], far[order]
    return near, far


def _may_be_within(a: np.ndarray, b: np.ndarray, within: float, metric: Metric) -> np.ndarray:  # -> (m, m)
    error = np.float32((a.shape[1] + 8) * 2.0**-24)
    product = a @ b.T
    if metric.name == "cosine":
        return np.asarray(1 - product <= np.float32(within) + error)
    one, other = (a * a).sum(1)[:, None], (b * b).sum(1)
    squared = one + other - 2 * product
    return np.asarray(squared <= np.float32(within) ** 2 * np.float32(1.000001) + 4 * error * (one + other))
