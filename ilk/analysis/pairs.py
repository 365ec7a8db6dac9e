"""All pairs of a space, in bounded memory: near-duplicates, and the nearest neighbours of every row.

Legend: n rows, D dimensions, k neighbours, t rows that have a twin.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .. import files
from ..console import progress
from ..errors import DataError, OptionError
from ..space.index.metric import Metric
from ._drawn import trust as _drawn
from ._neighbours import BLOCK, blocks, close
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..space import Space

SAMPLE = 4000  # rows whose nearest neighbour tells what is usual
CHANCE = 0.5  # rows that may fall below the threshold by chance, of all
HELD = 1 << 20  # pairs put into groups at a time
ALL_PAIRS = 100_000  # rows up to which comparing all takes a minute or less
NEAREST = 10  # rows that the index is asked for
Pairs: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]  # (p,), (p,) places, (p,) how far

TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "neighbour": pa.string(),
    "rank": pa.int32(),
    "distance": pa.float32(),
}
GRAPH = pa.schema(TYPES)


@dataclass(frozen=True)
class Duplicates(Result):
    """Rows that have a twin: another row nearer than `within`. Twins of twins are one group."""

    ids: Sequence[str]  # of all n rows
    within: float
    usual: float | None  # the median distance to the nearest row; None where `within` was given
    rows: np.ndarray  # (t,) places, group by group, the closest group first
    groups: np.ndarray  # (t,) counted from 0
    nearest: np.ndarray  # (t,) the place of the nearest twin
    distances: np.ndarray  # (t,) to it

    def table(self) -> pa.Table:
        """One row a sample that has a twin."""
        return pa.table(
            {
                "group": pa.array(self.groups, pa.int64()),
                "id": pa.array([self.ids[i] for i in self.rows], pa.string()),
                "nearest": pa.array([self.ids[i] for i in self.nearest], pa.string()),
                "distance": pa.array(self.distances, pa.float32()),
            }
        )

    @property
    def spare(self) -> list[str]:
        """All but the first row of each group: without them, no row has a twin in its group any more."""
        again = np.ones(len(self.rows), bool)
        again[np.unique(self.groups, return_index=True)[1]] = False
        return [self.ids[i] for i in self.rows[again]]

    def sentence(self) -> str:
        k = int(self.groups.max()) + 1 if len(self.groups) else 0
        groups = f"{k:,} group{'s' * (k != 1)}"
        found = f"{len(self.rows):,} of {len(self.ids):,} rows have a near-duplicate, in {groups}"
        if self.usual is None:
            return f"{found} (distance up to {self.within:.4g})."
        return (
            f"{found}: distance up to {self.within:.3g}, where {self.usual:.3g} is usual for the nearest row "
            f"and chance alone would bring less than one of {len(self.ids):,} rows so near."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_duplicates(self)


@dataclass(frozen=True)
class Graph:
    path: Path
    rows: int
    neighbours: int  # of each row
    exact: bool


def duplicates(space: Space, within: float | None = None, *, exact: bool = True) -> Duplicates:
    """Rows that lie within that distance of another one; by default so near that chance does not explain it.

    Nearest distances of rows drawn from any smooth density follow a Weibull law. It is fitted to the
    farther half of them, which copies hardly touch, and `within` is where less than one row of the space is
    expected below. All pairs are compared, half of them each; memory does not grow with their number.
    `exact=False` asks the space's index for the nearest ten of each row instead, and sees only those pairs.
    """
    x, metric = space.vectors(), space.measure
    if within is not None and not (np.isfinite(within) and within >= 0):
        raise OptionError(f"near-duplicates within {within}", "Give a distance: 0 (copies only) or more.")
    usual = None
    if within is None:
        within, usual = _by_chance(x, metric)
    found = close(x, within, metric) if exact else _close_by_index(space, within)
    return Duplicates(space.ids(), within, usual, *_grouped(found, len(x)))


def neighbour_graph(
    space: Space, k: int = 10, to: str | os.PathLike[str] = "graph.parquet", *, exact: bool = True
) -> Graph:
    """The k nearest other rows of every row, as a parquet file: id, neighbour, rank (from 1), distance.

    Written block by block: memory grows neither with n k nor with n^2. The file is whole or absent.
    `exact=False` asks the space's index, which may miss some but does not compare all pairs.
    """
    path, n = files.parquet(to), len(space)
    if k < 1:
        raise OptionError(f"k={k}: there is no such number of neighbours", "Ask for 1 or more.")
    found = _all(space, k) if exact else _asked(space, k)
    with (
        files.replacing(path) as f,
        progress("neighbours", n) as bar,
        pq.ParquetWriter(f, GRAPH) as writer,
    ):
        for batch in found:
            writer.write_batch(batch)
            bar.advance(batch.num_rows / max(1, min(k, n - 1)))
    return Graph(path, n, max(0, min(k, n - 1)), exact)


def _all(space: Space, k: int) -> Iterator[pa.RecordBatch]:
    names = pa.array(space.ids(), pa.string())
    ranks = np.empty(len(names), np.int64)  # equally far: in the order of ids, as in a search
    ranks[np.argsort(np.array(names.to_pylist(), object), kind="stable")] = np.arange(len(names))
    for rows, near, far in blocks(space.vectors(), k, space.measure, ranks=ranks, size=BLOCK):
        yield _batch(names.take(rows), names.take(near.reshape(-1)), far)


def _asked(space: Space, k: int) -> Iterator[pa.RecordBatch]:
    for own, near, far in _by_index(space, k):
        yield _batch(pa.array(own, pa.string()), pa.array(near.reshape(-1).tolist(), pa.string()), far)


def _by_index(space: Space, k: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Ids of rows (b,), those of the nearest others that the space's index names (b, k), and how far."""
    ids, x = np.array(space.ids(), object), space.vectors()
    for start in range(0, len(ids), BLOCK):
        own = ids[start : start + BLOCK]
        found = space.search(np.array(x[start : start + BLOCK]), k + 1)
        other = found.ids != own[:, None]  # (b, k + 1)
        other[other.all(1), -1] = False  # among many copies the row itself was not named
        near, far = (a[other].reshape(len(own), -1) for a in (found.ids, found.distances))
        yield own, near, far


def _close_by_index(space: Space, within: float) -> Iterator[Pairs]:
    places = {name: i for i, name in enumerate(space.ids())}
    with progress("asking the index", len(places)) as bar:
        for own, near, far in _by_index(space, NEAREST):
            row, rank = np.nonzero(far <= np.float32(within))
            one, other = ([places[i] for i in names] for names in (own[row], near[row, rank]))
            yield np.array(one, np.int64), np.array(other, np.int64), far[row, rank]
            bar.advance(len(own))


def _batch(ids: pa.Array[Any], neighbours: pa.Array[Any], far: np.ndarray) -> pa.RecordBatch:
    b, k = far.shape  # of (b,) ids and (b k,) neighbours
    columns = [
        ids.take(np.repeat(np.arange(b), k)),
        neighbours,
        pa.array(np.tile(np.arange(1, k + 1, dtype=np.int32), b)),
        pa.array(far.reshape(-1), pa.float32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=GRAPH)


def _by_chance(x: np.ndarray, metric: Metric) -> tuple[float, float]:
    """The distance that less than one row falls below by chance, and the median of the nearest distances."""
    n = len(x)
    if n < 3:
        raise DataError(f"{n} rows do not tell what is unusually near", "Give a distance yourself.")
    rows = np.random.default_rng(0).permutation(n)[:SAMPLE]
    first = np.concatenate([far[:, 0] for _, _, far in blocks(x, 1, metric, rows=np.sort(rows))])
    apart = first[first > 0]
    if not len(apart):
        return 0.0, 0.0
    # log(-log(1 - p)) is a line in log(distance), with the law's exponent as its slope
    middle, far = np.quantile(apart, [0.5, 0.9])
    a, b = np.log(-np.log(1 - np.array([0.5, 0.9])))
    slope = (b - a) / max(float(np.log(far / middle)), 1e-9)
    wanted = np.log(-np.log1p(-min(CHANCE / n, 0.5)))
    return float(middle * np.exp((wanted - a) / slope)), float(np.median(first))


def _grouped(pairs: Iterable[Pairs], n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows with a twin, their group, the nearest twin and its distance."""
    twin, least = np.full(n, -1, np.int64), np.full(n, np.inf, np.float32)
    one, other = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for i, j, far in pairs:
        for a, b in ((i, j), (j, i)):
            order = np.lexsort((b, far, a))  # for each row the nearest first, equally far the first
            first = order[np.unique(a[order], return_index=True)[1]]
            nearer = first[far[first] < least[a[first]]]
            twin[a[nearer]], least[a[nearer]] = b[nearer], far[nearer]
        one, other = np.concatenate([one, i]), np.concatenate([other, j])
        if len(one) > HELD:
            one, other = _spanning(one, other, n)
    rows = np.flatnonzero(twin >= 0)
    label = connected_components(_links(one, other, n), directed=False)[1][rows]
    closest = np.full(n, np.inf, np.float32)
    np.minimum.at(closest, label, least[rows])
    order = np.lexsort((rows, label, closest[label]))
    rows, label = rows[order], label[order]
    _, first, same = np.unique(label, return_index=True, return_inverse=True)
    groups = np.argsort(np.argsort(first))[same]  # counted as they come
    return rows, groups, twin[rows], least[rows]


def _spanning(one: np.ndarray, other: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Links that join the same rows into the same groups, at most one a row."""
    label = connected_components(_links(one, other, n), directed=False)[1]
    _, first = np.unique(label, return_index=True)  # the first row of each group
    linked = np.flatnonzero(first[label] != np.arange(n))
    return linked, first[label[linked]]


def _links(one: np.ndarray, other: np.ndarray, n: int) -> coo_array:
    return coo_array((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
