"""Which of two spaces of the same samples tells a column better, and whether that is luck.

Both are asked with the same samples held out, so they are compared sample by sample: what both tell, or both
miss, says nothing of which is better.

Legend: n samples in both with a value, c labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binomtest, norm

from ..errors import DataError
from ..source._labels import labelled
from ._drawn import compare as _drawn
from ._probed import Measure
from ._result import Picture, Result
from .probing import ask, plain, values_of

if TYPE_CHECKING:
    from ..space import Space

DRAWS = 2000  # of signs and of samples
SURE = 0.05
WAYS = ("linear", "knn")


@dataclass(frozen=True)
class Paired:
    """One way of asking. Figures are accuracy, or R2 of amounts."""

    how: str
    one: Measure
    other: Measure
    better: Measure  # by how much `other` tells more; interval by samples drawn again
    only_one: int  # samples that only `one` tells right; of amounts: tells more nearly
    only_other: int
    p: float  # that two equally good ones differ as much, corrected for the number of ways


@dataclass(frozen=True)
class Comparison(Result):
    one: str
    other: str
    column: str
    measure: str  # accuracy, R2
    rows: int  # n
    ways: list[Paired]

    def table(self) -> pa.Table:
        rows = []
        for w in self.ways:
            row = {"by": w.how, self.one: w.one.value, self.other: w.other.value, "better": w.better.value}
            row |= {"low": w.better.low, "high": w.better.high, "only the first": w.only_one}
            rows.append(row | {"only the second": w.only_other, "p": w.p})
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        parts = []
        for w in self.ways:
            by, name = f"by {w.how}", self.other if w.better.value > 0 else self.one
            far = f"{w.better.value:+.3f}, {w.better.low:+.3f} to {w.better.high:+.3f}; p = {w.p:.2g}"
            parts.append(
                f"{by} {name} tells {self.column} better ({far})"
                if w.p < SURE
                else f"{by} neither is surely better ({far})"
            )
        return f"Of {self.rows:,} samples in both, {'; '.join(parts)}."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self)


def compare(one: Space, other: Space, column: str, *, seed: int = 0) -> Comparison:
    """Asks both spaces for a column of `one`, of the samples that both hold, and pairs their answers.

    Names: McNemar's exact test of the samples that only one of them tells right. Amounts: signs of the
    differences of squared errors, dealt out anew.
    """
    at = {name: i for i, name in enumerate(other.ids())}
    shared = np.array([i for i, name in enumerate(one.ids()) if name in at], int)
    values = values_of(one, column).take(pa.array(shared, pa.int64()))
    kind, values = plain(values)
    names = one.ids()
    sides = (one.vectors()[shared], other.vectors()[np.array([at[names[i]] for i in shared], int)])
    known = _known(kind, values)
    if len(known) < 20:
        raise DataError(
            f"{len(known)} samples are in both {one.path.name} and {other.path.name} and have {column}",
            "It takes 20 or more with the same id.",
        )
    sides = (sides[0][known], sides[1][known])
    values = values.take(pa.array(known, pa.int64()))
    ways = [_paired(how, kind, sides, values, (one.metric, other.metric), seed, len(WAYS)) for how in WAYS]
    a, b = one.path.stem, other.path.stem
    if a == b:
        a, b = str(one.path), str(other.path)
    return Comparison(a, b, column, "R2" if kind == "numbers" else "accuracy", len(known), ways)


def _known(kind: str, values: pa.ChunkedArray[Any]) -> np.ndarray:
    if kind == "numbers":
        return np.flatnonzero(np.isfinite(pc.cast(values, pa.float64()).to_numpy()))
    codes, names = labelled(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return np.flatnonzero((codes >= 0) & (counts[codes] >= 5))


def _paired(
    how: str, kind: str, sides: tuple[np.ndarray, np.ndarray], values: pa.ChunkedArray[Any],
    metrics: tuple[str, str], seed: int, tried: int,
) -> Paired:  # fmt: skip
    asked = [ask(x, values, how, metric=m, seed=seed) for x, m in zip(sides, metrics)]
    rng = np.random.default_rng(seed)
    if kind == "names":
        truth = np.array([str(v) for v in values.to_pylist()], object)
        right = [np.array([str(v) for v in a.predicted], object) == truth for a in asked]
        gain = right[1].astype(float) - right[0]  # (n,)
        only = [int((right[i] & ~right[1 - i]).sum()) for i in (0, 1)]
        p = float(binomtest(only[1], sum(only), 0.5).pvalue) if sum(only) else 1.0
    else:
        y = pc.cast(values, pa.float64()).to_numpy()
        missed = [(np.asarray(a.predicted, float) - y) ** 2 / y.var() for a in asked]
        gain = missed[0] - missed[1]
        only = [int((gain < 0).sum()), int((gain > 0).sum())]
        p = _signs(gain, rng)
    drawn = [gain[rng.integers(len(gain), size=len(gain))].mean() for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    better = Measure(float(gain.mean()), float(low), float(high), 0.0)
    figures = [next(iter(a.measures.values())) for a in asked]
    return Paired(how, figures[0], figures[1], better, only[0], only[1], min(1.0, tried * p))


def _signs(gain: np.ndarray, rng: np.random.Generator) -> float:
    """p of so large a mean where signs are dealt out anew; beyond what so many draws can tell, normal."""
    found = abs(float(gain.mean()))
    spread = float(np.sqrt((gain**2).sum())) / len(gain)
    if spread == 0:
        return 1.0
    drawn = np.abs((rng.choice([-1.0, 1.0], (DRAWS, len(gain))) @ gain) / len(gain))
    p = (1 + int((drawn >= found).sum())) / (1 + DRAWS)
    return p if p > 10 / DRAWS else float(min(p, 2 * norm.sf(found / spread)))
