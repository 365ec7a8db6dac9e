"""What evening out the dimensions does to neighbours: who stays, who is everybody's, what they tell.

Wide dimensions rule Euclidean distances. Dividing each by its spread, or every direction (whitening), lets
narrow ones speak; where these are noise, neighbours get worse.

Legend: n rows, D dimensions, k neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import skew

from ..source._labels import labelled
from ._drawn import whitening as _drawn
from ._maps import whitener
from ._neighbours import nearest
from ._probed import Measure
from ._result import Picture, Result
from .probe import standard
from .probing import plain, values_of

if TYPE_CHECKING:
    from ..space import Space

SOME = 3000  # rows
NEAR = 10
DRAWS = 200  # of rows, for intervals
COUNTS = (1, 2, 5, 10, 20, 50)
RIDGE = 1e-3  # of the mean variance: so that directions without spread are not blown up


@dataclass(frozen=True)
class Distance:
    name: str
    kept: list[Measure]  # share of the k nearest by the space's own distance that stay; k of `counts`
    hubs: Measure  # skewness of how often a row is among the 10 nearest of others; 0: all alike
    told: Measure | None  # of a column, by the 10 nearest: share of the same name, or R2


@dataclass(frozen=True)
class Whitening(Result):
    rows: int
    counts: tuple[int, ...]
    column: str | None
    own: str  # the space's distance
    distances: list[Distance]  # the space's own first

    def table(self) -> pa.Table:
        """One row a distance."""
        at = self.counts.index(NEAR) if NEAR in self.counts else len(self.counts) - 1
        rows: list[dict[str, Any]] = []
        for d in self.distances:
            kept = d.kept[at]
            rows.append({"distance": d.name, "kept": kept.value, "low": kept.low, "high": kept.high})
            rows[-1] |= {"hubs": d.hubs.value, "hubs_low": d.hubs.low, "hubs_high": d.hubs.high}
            if d.told is not None:
                rows[-1] |= {f"{self.column}": d.told.value, "from": d.told.low, "to": d.told.high}
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        at = self.counts.index(NEAR) if NEAR in self.counts else len(self.counts) - 1
        kept = [f"{d.kept[at].value:.0%} by {d.name}" for d in self.distances[1:]]
        told = f"Of the {self.counts[at]} nearest by {self.own} stay {' and '.join(kept)}."
        if self.column is None:
            return told
        figures = [f"{d.told.value:.2f} by {d.name}" for d in self.distances if d.told is not None]
        return f"{told} They tell {self.column}: {', '.join(figures)}."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self)


def whitening(space: Space, column: str | None = None, *, seed: int = 0) -> Whitening:
    """The nearest rows by the space's own distance, beside those by evened and by whitened dimensions.

    column  names or amounts that neighbours should tell: which distance is the best for it
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(space))[:SOME])
    x = np.asarray(space.vectors()[rows], np.float64)
    mean, white = whitener(x, RIDGE)
    spaces = {
        space.metric: np.ascontiguousarray(space.measure.ready(x.astype(np.float32))),
        "evened dimensions": standard(x),
        "whitened directions": np.ascontiguousarray((x - mean) @ white, np.float32),
    }
    counts = tuple(k for k in COUNTS if k < len(rows))
    near = {name: nearest(np.asarray(v, np.float32), counts[-1])[0] for name, v in spaces.items()}
    own = near[space.metric]
    values = None if column is None else values_of(space, column).take(pa.array(rows, pa.int64()))
    found = []
    for name, n in near.items():
        told = None if values is None else _told(n, values)
        found.append(Distance(name, [_kept(own, n, k) for k in counts], _hubs(n, seed), told))
    return Whitening(len(rows), counts, column, space.metric, found)


def _kept(own: np.ndarray, other: np.ndarray, k: int) -> Measure:
    """The interval is over rows."""
    same = (own[:, :k, None] == other[:, None, :k]).any(2).mean(1)  # (n,)
    return _mean(same, k / len(own))


def _mean(values: np.ndarray, guess: float) -> Measure:
    mean, half = float(values.mean()), 1.96 * float(values.std()) / float(np.sqrt(len(values)))
    return Measure(mean, mean - half, mean + half, guess)


def _hubs(near: np.ndarray, seed: int) -> Measure:
    """With an interval by rows drawn again."""
    counts, rng = np.bincount(near[:, :NEAR].reshape(-1), minlength=len(near)), np.random.default_rng(seed)
    drawn = [_skewness(counts[rng.integers(len(counts), size=len(counts))]) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Measure(_skewness(counts), float(low), float(high), 0.0)


def _skewness(counts: np.ndarray) -> float:
    return float(skew(counts)) if np.ptp(counts) else 0.0


def _told(near: np.ndarray, values: pa.ChunkedArray[Any]) -> Measure:
    """Share of the nearest with the same name; of amounts R2 of their mean."""
    kind, plain_ = plain(values)
    near = near[:, :NEAR]
    if kind == "names":
        codes, names = labelled(plain_)
        known = np.flatnonzero(codes >= 0)
        counts = np.bincount(codes[known], minlength=len(names)) / max(1, len(known))
        return _mean((codes[near[known]] == codes[known, None]).mean(1), float((counts**2).sum()))
    y = np.asarray(pc.cast(plain_, pa.float64()).to_numpy(), float)
    known = np.flatnonzero(np.isfinite(y) & np.isfinite(y[near]).all(1))
    spread = max(float(y[known].var()), 1e-300)
    return _mean(1 - (y[known] - y[near[known]].mean(1)) ** 2 / spread, 0.0)
