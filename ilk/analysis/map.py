"""A map of a space: a place in the plane for each row, neighbours beside neighbours.

Distances between far groups mean little, and so do sizes: it is for looking, not for measuring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from ..console import say
from ..errors import DataError, OptionError
from ..space.marks import marked
from . import _layout
from ._drawn import maps as _drawn
from ._neighbours import among, nearest
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..space import Space

MOST = 200_000  # rows that are laid out: the search for all rows' neighbours grows faster than their number
NEAREST = 5  # of them, between which any other row is put


@dataclass(frozen=True)
class Layout(Result):
    ids: Sequence[str]
    xy: np.ndarray  # (n, 2) float32
    marks: np.ndarray  # (n,) int64: tells when a row's vector is another than the one that was placed
    placed: int  # rows that got a place now; the others kept theirs

    def sentence(self) -> str:
        kept = len(self.ids) - self.placed
        return f"{len(self.ids):,} rows have a place: {self.placed:,} got one now, {kept:,} kept theirs."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_layout(self)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "id": pa.array(list(self.ids), pa.string()),
                "x": pa.array(self.xy[:, 0], pa.float32()),
                "y": pa.array(self.xy[:, 1], pa.float32()),
                "mark": pa.array(self.marks, pa.int64()),
            }
        )


def place(
    vectors: np.ndarray,
    known: np.ndarray | None = None,
    *,
    neighbours: int = 15,
    epochs: int | None = None,
    seed: int = 0,
    metric: str = "l2",
    most: int = MOST,
) -> np.ndarray:
    """(n, 2) float32 places of the rows of (n, D).

    `known` (n, 2): places that stay to the bit, NaN for the rows to be placed among them. Of more than
    `most` rows so many are laid out, the others put between those they are nearest to. The same call gives
    the same bits, whatever the number of threads.
    """
    if neighbours < 2:
        raise OptionError(f"{neighbours} neighbours", "A map needs at least 2; 15 is usual.")
    x = np.array(vectors, np.float32)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise DataError(
            f"a map needs finite vectors (n, D); got shape {x.shape}, or NaN or infinity among them"
        )
    if metric == "cosine":
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    if len(x) > most:
        return _by_sample(x, known, most, neighbours, epochs, seed)
    new = np.ones(len(x), bool) if known is None else np.isnan(known).any(1)
    k = min(neighbours, len(x) - 1)
    if k < 2 or not new.any():
        return _few(x) if known is None or new.all() else np.nan_to_num(known).astype(np.float32)
    with threadpool_limits(1):  # sums in another order would differ in the last bit
        near, distances = nearest(x, k)
        fresh = known is None or new.all()
        y = (
            _layout.start(x)
            if fresh
            else _beside(np.asarray(known, np.float64), new, x, near, distances, seed)
        )
        tails, heads, weights = _layout.edges(near, distances)
        if fresh:
            _layout.settle(
                y, new, tails, heads, weights, epochs or (500 if len(x) < 10_000 else 200), 1.0, seed
            )
        else:  # gently: the new rows look for their place among neighbours that do not move
            own = new[tails]
            _layout.settle(y, new, tails[own], heads[own], weights[own], epochs or 100, 0.25, seed)
    placed = y.astype(np.float32)
    if known is not None:
        placed[~new] = known[~new]
    return placed


def _by_sample(
    x: np.ndarray, known: np.ndarray | None, most: int, neighbours: int, epochs: int | None, seed: int
) -> np.ndarray:
    """A map of `most` rows; each other one that has no place goes to the mean of its nearest there."""
    known = np.full((len(x), 2), np.nan, np.float32) if known is None else known.astype(np.float32)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(x))[:most])
    y = known.copy()
    y[chosen] = place(x[chosen], known[chosen], neighbours=neighbours, epochs=epochs, seed=seed)
    rest = np.flatnonzero(np.isnan(y).any(1))
    if not len(rest):
        return y
    with threadpool_limits(1):
        near, distances = among(x[chosen], x[rest], NEAREST)
    share = _closeness(distances)
    share /= share.sum(1, keepdims=True)
    middle = (share[..., None] * y[chosen][near]).sum(1)  # (m, NEAREST, 2) -> (m, 2)
    y[rest] = middle + rng.normal(scale=0.01, size=middle.shape)  # copies part
    return y


def _closeness(distances: np.ndarray) -> np.ndarray:  # (n, k) -> (n, k)
    return np.asarray(np.exp(-distances / np.maximum(distances.mean(1, keepdims=True), 1e-12)))


def _few(x: np.ndarray) -> np.ndarray:
    return _layout.start(x).astype(np.float32) if len(x) else np.zeros((0, 2), np.float32)


def _beside(
    y: np.ndarray, new: np.ndarray, x: np.ndarray, near: np.ndarray, distances: np.ndarray, seed: int
) -> np.ndarray:
    """Starts each new row at its nearest placed neighbours' mean, or else among those just started."""
    y, waiting = y.copy(), new.copy()
    close = _closeness(distances)
    while waiting.any():
        weight = close * ~waiting[near]  # (n, k)
        ready = waiting & (weight.sum(1) > 0)
        if not ready.any():  # an island of new rows only: its first row goes beside the nearest placed one
            first = int(np.flatnonzero(waiting)[0])
            old = np.flatnonzero(~waiting)
            y[first] = y[old[((x[old] - x[first]) ** 2).sum(1).argmin()]]
            waiting[first] = False
            continue
        share = weight[ready] / weight[ready].sum(1, keepdims=True)
        y[ready] = (share[..., None] * np.nan_to_num(y[near[ready]])).sum(1)
        waiting[ready] = False
    y[new] += np.random.default_rng(seed).normal(scale=0.01, size=(int(new.sum()), 2))  # copies part
    return y


def layout(
    space: Space, *, neighbours: int = 15, epochs: int | None = None, seed: int = 0, fresh: bool = False
) -> Layout:
    """A place for each row of a space, written into its layer "map".

    Rows that have one keep it; rows that came since, or whose vector was replaced, are placed among them.
    `fresh` draws the map anew.
    """
    ids, vectors = space.ids(), np.asarray(space.vectors())
    marks = marked(vectors)
    known = np.full((len(ids), 2), np.nan, np.float32)
    if not fresh and "map" in space.layers():
        old = space.layer("map").to_pydict()
        at = {i: (x, y, m) for i, x, y, m in zip(old["id"], old["x"], old["y"], old["mark"])}
        for row, i in enumerate(ids):
            if i in at and at[i][2] == marks[row]:
                known[row] = at[i][:2]
    new = int(np.isnan(known).any(1).sum())
    if 0 < len(ids) - new < new:
        say(f"{new:,} of {len(ids):,} rows are new to the map: drawing it afresh would show them better")
    xy = place(vectors, known, neighbours=neighbours, epochs=epochs, seed=seed, metric=space.metric)
    found = Layout(ids, xy, marks, new)
    made = {"by": "map", "neighbours": neighbours, "epochs": epochs, "seed": seed, "placed": new}
    space.write_layer("map", found.table(), made)
    return found
