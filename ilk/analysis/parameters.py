"""Which dimension of a space follows which amount that is known of its samples, and what is not in it at all.

Each amount (a column of numbers) is told from the vectors of rows held out, by three ways; the best says how
much of it the space holds. Its information with each dimension, a direction in which it grows, and the
amounts it is mistaken for say how.

Legend: n rows, D dimensions, p amounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import f as fisher
from scipy.stats import norm
from sklearn.feature_selection import mutual_info_regression

from ..errors import DataError
from ._drawn import parameters as _drawn
from ._neighbours import nearest
from ._probed import Measure
from ._result import Picture, Result
from .intrinsic import Intrinsic, intrinsic
from .probe import standard
from .probing import ask, plain, values_of

if TYPE_CHECKING:
    from ..space import Space

WAYS = ("linear", "knn", "boost")
SOME = 2000  # rows drawn, of however many
DRAWN = 999  # times that amounts are dealt out anew, to see what chance gives
SURE = 0.05
NEAR = 10


@dataclass(frozen=True)
class Amount:
    name: str
    rows: int  # that have a value
    r2: dict[str, Measure]  # by way
    chance: float  # p, corrected for the number of amounts: how often vectors that know nothing do as well
    information: np.ndarray  # (D,) with each dimension: 0 none, 1 all; of a straight line |correlation|
    direction: np.ndarray  # (D,) of length 1: where it grows, all else being as it is in the data
    wobble: float  # degrees by which the direction changes from one draw of the rows to another
    told: np.ndarray  # (2, m) of each row that has a value this, and what the best way told of it, held out

    @property
    def best(self) -> str:
        return max(self.r2, key=lambda way: self.r2[way].value)

    @property
    def known(self) -> bool:
        """Whether there is anything of it in the vectors."""
        return self.chance < SURE and self.r2[self.best].value > 0


@dataclass(frozen=True)
class Confused:
    """Two amounts whose errors go together: the same picture, other numbers."""

    one: str
    other: str
    correlation: float  # of the errors; negative: one is told too high where the other is told too low
    gain: float  # R2 of `one` that knowing `other` would add


@dataclass(frozen=True)
class Parameters(Result):
    amounts: list[Amount]  # best told first
    floor: float  # of information: less is chance
    confused: list[Confused]
    intrinsic: Intrinsic

    def table(self) -> pa.Table:
        rows = []
        for a in self.amounts:
            best = a.r2[a.best]
            top = int(a.information.argmax())
            row: dict[str, Any] = {"parameter": a.name, "R2": best.value, "low": best.low, "high": best.high}
            row |= {"by": a.best, **{w: a.r2[w].value for w in WAYS}, "p": a.chance}
            row |= {"dimension": top if a.known and a.information[top] > self.floor else None}
            rows.append(row | {"information": float(a.information[top]), "wobble": a.wobble})
        return pa.Table.from_pylist(rows)

    def matrix(self) -> pa.Table:
        """Information of each amount with each dimension."""
        names = [a.name for a in self.amounts]
        dims = np.stack([a.information for a in self.amounts], 1)  # (D, p)
        return pa.table({"dimension": range(len(dims)), **{n: dims[:, i] for i, n in enumerate(names)}})

    def sentence(self) -> str:
        told = [f"{a.name} {a.r2[a.best].value:.2f}" for a in self.amounts if a.known]
        lost = [a.name for a in self.amounts if not a.known]
        parts = [f"R2 of {', '.join(told)}." if told else "No amount is told by the vectors."]
        if lost:
            parts.append(f"Nothing is told of {', '.join(lost)}.")
        for c in self.confused[:3]:
            way = "for" if c.correlation > 0 else "against"
            parts.append(f"{c.one} and {c.other} are mistaken {way} one another ({c.correlation:+.2f}).")
        return " ".join([*parts, self.intrinsic.sentence()])

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_parameters(self)


def parameters(space: Space, columns: Sequence[str] = (), *, seed: int = 0) -> Parameters:
    """What the space knows of its columns of numbers: those named, or all of its metadata."""
    names = list(columns) or [n for n in space.metadata().column_names if is_amount(space, n)]
    if not names:
        raise DataError(
            f"{space.path} has no column of numbers",
            "Learn from a table (CSV, parquet) that has some beside the paths, or name a layer's columns.",
        )
    rows = np.sort(np.random.default_rng(seed).permutation(len(space))[:SOME])
    values = pa.table([values_of(space, n).take(pa.array(rows, pa.int64())) for n in names], names)
    return told(space.vectors()[rows], values, metric=space.metric, seed=seed)


def told(vectors: np.ndarray, values: pa.Table, *, metric: str = "l2", seed: int = 0) -> Parameters:
    """`parameters` without a space: vectors (n, D), and a table of p columns, null where nothing is known."""
    x = standard(vectors)
    near = nearest(x, min(NEAR, len(x) - 1))[0]
    amounts, errors, floors = [], {}, []
    for name in values.column_names:
        kind, column = plain(values[name])
        if kind != "numbers":
            raise DataError(f"{name} is a column of names", "Ask `ilk probe` how well names are told.")
        y = pc.cast(column, pa.float64()).to_numpy()
        probed = {way: ask(vectors, column, way, metric=metric, seed=seed) for way in WAYS}
        r2 = {way: p.measures["R2"] for way, p in probed.items()}
        best = max(r2, key=lambda way: r2[way].value)
        seen = np.stack([y, probed[best].predicted])[:, np.isfinite(y)]
        amount, floor = _amount_of(name, x, y, near, r2, seen, seed)
        amounts.append(amount)
        floors.append(floor)
        errors[name] = probed[best].predicted - y
    amounts = _corrected(sorted(amounts, key=lambda a: -a.r2[a.best].value))
    return Parameters(
        amounts, float(np.max(floors)), _confused(amounts, errors), intrinsic(vectors, seed=seed)
    )


def is_amount(space: Space, name: str) -> bool:
    column = space.metadata()[name]
    try:
        return plain(column)[0] == "numbers" and pc.count_distinct(column).as_py() > 1
    except DataError:
        return False


def _amount_of(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    near: np.ndarray,
    r2: dict[str, Measure],
    seen: np.ndarray,
    seed: int,
) -> tuple[Amount, float]:
    rng = np.random.default_rng(seed)
    known = np.isfinite(y)
    full, v = x[known], y[known]
    information = _information(full, v, seed)
    floor = np.quantile(_information(full, rng.permutation(v), seed), 0.99)
    direction = _direction(full, v)
    again = [_direction(full[i], v[i]) for i in (rng.integers(len(v), size=len(v)) for _ in range(20))]
    wobble = float(np.degrees(np.median(np.arccos(np.clip(np.array(again) @ direction, -1, 1)))))
    p = chance(x, np.where(known, y, v.mean()), near, rng)
    return Amount(name, len(v), r2, p, information, direction, wobble, seen), float(floor)


def chance(x: np.ndarray, y: np.ndarray, near: np.ndarray, rng: np.random.Generator) -> float:
    """p that vectors which know nothing of y (n,) follow it as closely, by a line or by neighbours (n, k)."""
    return min(1.0, 2 * min(_line(x, y), _neighbours(near, y, rng)))


def _information(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:  # (n, D), (n,) -> (D,)
    """Mutual information by nearest neighbours (Kraskov 2004), as a correlation that knows as much."""
    found = mutual_info_regression(x, y, random_state=seed)
    out: np.ndarray = np.sqrt(1 - np.exp(-2 * np.maximum(found, 0)))
    return out


def step(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # (n, D), (n,) -> (D,)
    """How vectors change where the amount grows by one standard deviation: cov(x, y) / sd(y).

    Unlike the slope of y on x it stays among the samples.
    """
    along = (y - y.mean()) @ (x - x.mean(0, dtype=np.float64))
    out: np.ndarray = along / max(len(y) * float(y.std()), np.finfo(float).tiny)
    return out


def _direction(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    along = step(x, y)
    out: np.ndarray = along / max(float(np.linalg.norm(along)), np.finfo(float).tiny)
    return out


def _line(x: np.ndarray, y: np.ndarray) -> float:
    """p of a straight line, by its F."""
    n, d = x.shape
    if n <= d + 2:
        return 1.0
    fitted = np.linalg.lstsq(np.c_[np.ones(n), x], y, rcond=None)[0]
    left = float(((y - np.c_[np.ones(n), x] @ fitted) ** 2).sum())
    gained = max(float(((y - y.mean()) ** 2).sum()) - left, 0.0)
    return float(fisher.sf(gained / d / (left / (n - d - 1)), d, n - d - 1)) if left > 0 else 0.0


def _neighbours(near: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """p of neighbours being alike: how often amounts dealt out anew are as much."""

    def alike(v: np.ndarray) -> float:
        return float(v @ v[near].mean(1))

    y = y - y.mean()
    found = alike(y)
    return (1 + sum(alike(rng.permutation(y)) >= found for _ in range(DRAWN))) / (1 + DRAWN)


def _corrected(amounts: list[Amount]) -> list[Amount]:
    """p as of the least of so many (Holm 1979)."""
    p = np.array([a.chance for a in amounts])
    order = np.argsort(p, kind="stable")
    held = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    p[order] = held
    return [Amount(**{**vars(a), "chance": float(c)}) for a, c in zip(amounts, p)]


def _confused(amounts: list[Amount], errors: dict[str, np.ndarray]) -> list[Confused]:
    """Pairs whose errors go together by more than chance explains, of those that the vectors tell."""
    pairs = list(combinations([a for a in amounts if a.known], 2))
    out = []
    for a, b in pairs:
        both = np.isfinite(errors[a.name]) & np.isfinite(errors[b.name])
        n = int(both.sum())
        if n < 10:
            continue
        r = float(np.corrcoef(errors[a.name][both], errors[b.name][both])[0, 1])
        # Fisher's transform of a correlation is normal; corrected for the number of pairs.
        if len(pairs) * 2 * norm.sf(abs(np.arctanh(np.clip(r, -0.999999, 0.999999))) * np.sqrt(n - 3)) < SURE:
            out.append(Confused(a.name, b.name, r, r**2 * (1 - max(0.0, a.r2[a.best].value))))
    return sorted(out, key=lambda c: -abs(c.correlation))
