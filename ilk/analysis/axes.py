"""Other axes for the same space: turned so that each follows one amount, or one source, as far as may be.

pca      main axes
ica      independent axes (FastICA, Hyvaerinen 1999): each as far from a Gaussian as can be
varimax  main axes turned so that each dimension of the space weighs on few of them (Kaiser 1958)
pls      the directions that vary most together with the amounts (partial least squares); the only one that
         looks at them

Legend: n rows, D dimensions, r axes, p amounts.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA, FastICA
from sklearn.exceptions import ConvergenceWarning

from ..errors import OptionError, UnknownName
from ._drawn import parameters as _drawn
from ._maps import Affine
from ._probed import Measure
from ._result import Picture, Result
from .probing import values_of

if TYPE_CHECKING:
    from ..space import Space

WAYS = ("pca", "ica", "varimax", "pls")
LAYER = "axes"
DRAWS = 50  # of rows, for intervals


@dataclass(frozen=True)
class Turned:
    """How far an amount's first axis stands out from its second, on rows not used."""

    name: str
    axis: int  # that follows it most
    correlation: float  # of ranks, with that axis
    clear: Measure
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
                "low": a.clear.low, "high": a.clear.high, "as it is": a.plain.value,
            }
            for a in self.amounts
        ]  # fmt: skip
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        return (
            f"An amount's own axis stands out by {self.clear:.2f}, where the space's do by {self.plain:.2f}."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_axes(self.way, self.amounts)


def turned(
    vectors: np.ndarray, way: str, r: int, amounts: np.ndarray | None = None, *, seed: int = 0
) -> Affine:
    """The way to r new axes, each of spread 1 over these rows; `amounts` (n, p) for pls."""
    if way not in WAYS:
        raise UnknownName("way to turn", way, WAYS)
    x = np.asarray(vectors, np.float64)
    if not 1 <= r <= min(x.shape):
        raise OptionError(f"{r} axes of {len(x)} rows with {x.shape[1]} dimensions", "Give fewer, 1 or more.")
    mean, x = x.mean(0), x - x.mean(0)
    if way == "pls":
        if amounts is None:
            raise OptionError("pls without amounts", "Name the columns that it shall follow.")
        scaled = (amounts - amounts.mean(0)) / np.maximum(amounts.std(0), 1e-12)
        matrix = PLSRegression(min(r, x.shape[1]), scale=False).fit(x, scaled).x_rotations_
    else:
        main = PCA(r, svd_solver="full").fit(x)
        matrix = main.components_.T  # (D, r)
        if way == "varimax":
            matrix = matrix @ varimax(matrix * np.sqrt(main.explained_variance_))
        elif way == "ica":
            white = matrix / np.sqrt(np.maximum(main.explained_variance_, 1e-12))
            matrix = white @ _independent(x @ white, seed)
    spread = (x @ matrix).std(0)
    return Affine(mean, matrix / np.where(spread > 0, spread, 1), np.zeros(matrix.shape[1]))


def varimax(loadings: np.ndarray, rounds: int = 100) -> np.ndarray:  # (D, r) -> (r, r)
    """The turn after which the squared loadings vary most within each axis."""
    d, r = loadings.shape
    turn, last = np.eye(r), 0.0
    for _ in range(rounds):
        now = loadings @ turn
        slope = loadings.T @ (now**3 - now * (now**2).sum(0) / d)
        left, singular, right = np.linalg.svd(slope)
        turn = left @ right
        if singular.sum() < last * (1 + 1e-9):
            break
        last = float(singular.sum())
    return turn


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
        sides.append([Measure(float(v), float(a), float(b), 0.0) for v, a, b in zip(lead, low, high)])
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


def _independent(white: np.ndarray, seed: int) -> np.ndarray:  # (n, r) -> (r, r)
    with warnings.catch_warnings():  # Gaussian axes have no independent direction: any is as good
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = FastICA(whiten=False, random_state=seed, max_iter=500).fit(white)
    out: np.ndarray = fitted.components_.T
    return out
