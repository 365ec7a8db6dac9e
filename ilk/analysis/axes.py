"""Other axes for the same space: turned so that each follows one amount, or one source, as far as may be.

pca      main axes
ica      independent axes: each as far from a Gaussian as can be
varimax  main axes turned so that each dimension of the space weighs on few of them
factor   what dimensions have in common, each with noise of its own (factor analysis), turned as by varimax
pls      the directions that vary most together with the amounts (partial least squares); it and the next are
         the only ones that look at them
spls     the same with few dimensions each (sparse partial least squares, Chun & Keles 2010)

Legend: n rows, D dimensions, r axes, p amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from ..encoders import _axes
from ..errors import OptionError, UnknownName
from ._drawn import parameters as _drawn
from ._maps import Affine
from ._probed import Measure
from ._result import Picture, Result
from .probing import values_of

if TYPE_CHECKING:
    from ..space import Space

WAYS = (*_axes.WAYS, "pls", "spls")
SHRUNK = (0.0, 0.2, 0.4, 0.6, 0.8)  # shares of the largest weight that sparse directions may lose
FOLDS = 5
LAYER = "axes"
DRAWS = 50  # of rows, for intervals


@dataclass(frozen=True)
class Turned:
    """How far an amount's first axis stands out from its second, on rows not used."""

    name: str
    axis: int  # that follows it most
    correlation: float  # of ranks, with that axis
    clear: Measure  # its guess: what only one in twenty amounts that chance dealt out would reach
    plain: Measure  # the same of the space's own dimensions


@dataclass(frozen=True)
class Axes(Result):
    way: str
    map: Affine  # (n, D) -> (n, r)
    amounts: list[Turned]

    @property
    def clear(self) -> float:
        return float(np.mean([a.clear.value for a in self.amounts]))

    @property
    def plain(self) -> float:
        return float(np.mean([a.plain.value for a in self.amounts]))

    def table(self) -> pa.Table:
        """One row an amount."""
        rows = [
            {
                "amount": a.name, "axis": a.axis, "correlation": a.correlation, "clear": a.clear.value,
                "low": a.clear.low, "high": a.clear.high, "chance": a.clear.guess, "as it is": a.plain.value,
            }
            for a in self.amounts
        ]  # fmt: skip
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        beyond = sum(a.clear.value > a.clear.guess for a in self.amounts)
        return (
            f"An amount's own axis stands out by {self.clear:.2f}, where the space's do by {self.plain:.2f}; "
            f"{beyond} of {len(self.amounts)} by more than chance gives one in twenty."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_axes(self.way, self.amounts)


def turned(
    vectors: np.ndarray, way: str, r: int, amounts: np.ndarray | None = None, *, seed: int = 0
) -> Affine:
    """The way to r new axes, each of spread 1 over these rows; `amounts` (n, p) for pls and spls."""
    if way not in WAYS:
        raise UnknownName("way to turn", way, WAYS)
    x = np.asarray(vectors, np.float64)
    if not 1 <= r <= min(x.shape):
        raise OptionError(f"{r} axes of {len(x)} rows with {x.shape[1]} dimensions", "Give fewer, 1 or more.")
    mean, x = x.mean(0), x - x.mean(0)
    if way in ("pls", "spls"):
        if amounts is None:
            raise OptionError(f"{way} without amounts", "Name the columns that it shall follow.")
        y = (amounts - amounts.mean(0)) / np.maximum(amounts.std(0), 1e-12)
        matrix = sparse(x, y, r, seed) if way == "spls" else _together(x, y, r, 0.0)
    else:
        matrix = _axes.turned(x, way, r, seed)
    return Affine(mean, _axes.spread_evenly(x, matrix), np.zeros(matrix.shape[1]))


def sparse(x: np.ndarray, y: np.ndarray, r: int, seed: int = 0) -> np.ndarray:  # (n, D), (n, p) -> (D, r)
    """As sparse as tells held-out amounts as well as any: within a standard error of the best threshold."""
    folds = np.array_split(np.random.default_rng(seed).permutation(len(x)), FOLDS)
    missed = np.zeros((len(SHRUNK), FOLDS))
    for f, asked in enumerate(folds):
        known = np.setdiff1d(np.arange(len(x)), asked)
        for i, share in enumerate(SHRUNK):
            z = x @ _together(x[known], y[known], r, share)
            by = np.linalg.lstsq(z[known], y[known], rcond=None)[0]
            missed[i, f] = ((y[asked] - z[asked] @ by) ** 2).mean()
    mean, best = missed.mean(1), int(missed.mean(1).argmin())
    allowed = mean[best] + missed[best].std(ddof=1) / np.sqrt(FOLDS)
    return _together(x, y, r, max(s for s, m in zip(SHRUNK, mean) if m <= allowed))


def _together(x: np.ndarray, y: np.ndarray, r: int, share: float) -> np.ndarray:  # -> (D, r)
    """Partial least squares, one direction after the other; weights below a `share` of the largest are 0."""
    left, weights, loads = x, np.zeros((x.shape[1], 0)), np.zeros((x.shape[1], 0))
    for _ in range(r):
        lead = np.linalg.svd(left.T @ y, full_matrices=False)[0][:, 0]  # (D,)
        w = np.sign(lead) * np.maximum(np.abs(lead) - share * np.abs(lead).max(), 0)
        w /= max(float(np.linalg.norm(w)), 1e-300)
        t = left @ w
        load = left.T @ t / max(float(t @ t), 1e-300)
        left = left - np.outer(t, load)
        weights, loads = np.c_[weights, w], np.c_[loads, load]
    return np.asarray(weights @ np.linalg.pinv(loads.T @ weights))


def axes(
    space: Space,
    columns: list[str],
    way: str = "ica",
    r: int | None = None,
    *,
    write: bool = False,
    seed: int = 0,
) -> Axes:
    """New axes for a space (as many as amounts, at least, or `r`), and how clearly the columns follow them.

    Found on one half of the rows and judged on the other. `write` keeps all places as the layer `axes`.
    """
    y = np.stack([np.asarray(values_of(space, n).to_numpy(), np.float64) for n in columns], 1)  # (n, p)
    x = space.vectors()
    known = np.flatnonzero(np.isfinite(y).all(1))
    order = np.random.default_rng(seed).permutation(known)
    fit, judge = order[: len(order) // 2], order[len(order) // 2 :]
    r = min(space.dim, max(10, len(columns))) if r is None else r
    one = turned(x[fit], way, r, y[fit], seed=seed)
    found = Axes(way, one, _judged(columns, one(x[judge]), x[judge], y[judge], seed))
    if write:
        places = one(x)
        columns_ = {f"axis_{i}": places[:, i] for i in range(places.shape[1])}
        space.write_layer(
            LAYER, pa.table({"id": pa.array(space.ids(), pa.string()), **columns_}), {"by": way}
        )
    return found


def _judged(names: list[str], z: np.ndarray, x: np.ndarray, y: np.ndarray, seed: int) -> list[Turned]:
    """Of each amount, with intervals by rows drawn again."""
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(len(y), size=len(y)) for _ in range(DRAWS)]
    ranked = rank_correlations(z, y)  # (r, p)
    sides = []
    for places in (z, x):
        lead = clear(places, y)
        low, high = np.quantile([clear(places[rows], y[rows]) for rows in drawn], [0.025, 0.975], axis=0)
        dealt = [clear(places, rng.permutation(y)) for _ in range(DRAWS)]
        chance = np.quantile(dealt, 0.95, axis=0)
        sides.append([Measure(*map(float, four)) for four in zip(lead, low, high, chance)])
    first = np.abs(ranked).argmax(0)
    return [
        Turned(name, int(first[i]), float(ranked[first[i], i]), sides[0][i], sides[1][i])
        for i, name in enumerate(names)
    ]


def rank_correlations(z: np.ndarray, y: np.ndarray) -> np.ndarray:  # (n, r), (n, p) -> (r, p)
    a, b = (np.apply_along_axis(rankdata, 0, np.asarray(v, np.float64)) for v in (z, y))
    a, b = ((v - v.mean(0)) / np.maximum(v.std(0), 1e-12) for v in (a, b))
    return np.asarray(a.T @ b / len(a))


def clear(z: np.ndarray, y: np.ndarray) -> np.ndarray:  # (n, r), (n, p) -> (p,)
    """Of each amount: its squared rank correlation with the axis that follows it most, less the next's."""
    squared = np.sort(rank_correlations(z, y) ** 2, axis=0)[::-1]  # (r, p)
    return np.asarray(squared[0] - (squared[1] if len(squared) > 1 else 0))
