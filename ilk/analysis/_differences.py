"""In which columns some rows differ from others, beyond chance and so much that it is worth a word.

Legend: n rows, k groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import false_discovery_control, hypergeom, mannwhitneyu

from ..errors import DataError
from ..source._labels import labelled
from .probing import plain

SURE = 0.05  # of the differences that are told, so many may be chance
WORTH_AMOUNT, WORTH_NAME = 0.15, 0.1  # beyond an even chance of having more; of shares
LEAST = 5  # rows on either side
VALUES = 40  # of a column of names, the commonest


@dataclass(frozen=True)
class Difference:
    column: str
    value: str | None  # of names: the one that is commoner here; None: an amount
    other: int | None  # the group it is compared with; None: all the others
    here: float  # median, or share of the rows
    there: float
    effect: float  # of amounts: how often one of here has more than one of there; of names: here - there
    q: float  # of what is told up to here, the share that may be chance

    @property
    def weight(self) -> float:
        return abs(2 * self.effect - 1) if self.value is None else self.effect

    def words(self) -> str:
        if self.value is None:
            more = "higher" if self.effect > 0.5 else "lower"
            return f"{self.column} {more} ({self.here:.3g}, there {self.there:.3g})"
        return f"{self.column} is {self.value} ({self.here:.0%}, there {self.there:.0%})"


def differences(
    columns: pa.Table, labels: np.ndarray, neighbours: Sequence[int | None]
) -> list[list[Difference]]:
    """Of each group (k), what tells it from all others and from its neighbour: the most telling first."""
    sides = [(c, None) for c in range(len(neighbours))] + [
        (c, n) for c, n in enumerate(neighbours) if n is not None
    ]
    found: list[tuple[int, Difference]] = []
    for name, values in known(columns):
        for group, other in sides:
            here, there = labels == group, labels != group if other is None else labels == other
            of_amount = _of_amount if values.dtype.kind == "f" else _of_names
            found += [(group, d) for d in of_amount(name, values, here, there, other)]
    q: np.ndarray = false_discovery_control([d.q for _, d in found]) if found else np.zeros(0)
    told = [(g, replace(d, q=float(one))) for (g, d), one in zip(found, q)]
    worth = sorted((t for t in told if t[1].q <= SURE and _worth(t[1])), key=lambda t: -t[1].weight)
    return [[d for g, d in worth if g == group] for group in range(len(neighbours))]


def _worth(d: Difference) -> bool:
    return abs(d.effect - 0.5) >= WORTH_AMOUNT if d.value is None else d.effect >= WORTH_NAME


def known(columns: pa.Table) -> Iterator[tuple[str, np.ndarray]]:
    """Columns that a group can be told by: amounts (n,) with NaN, or names (n,) with None."""
    for name in columns.column_names:
        try:
            kind, values = plain(columns[name])
        except DataError:
            continue
        if kind == "numbers":
            yield name, np.asarray(pc.cast(values, pa.float64()).to_numpy(), np.float64)
            continue
        codes, names = labelled(values)
        if 1 < len(names) <= len(codes) / 2:
            yield name, np.array([*names, None], object)[codes]


def _of_amount(
    name: str, y: np.ndarray, here: np.ndarray, there: np.ndarray, other: int | None
) -> list[Difference]:
    a, b = y[here & np.isfinite(y)], y[there & np.isfinite(y)]
    if min(len(a), len(b)) < LEAST or np.ptp(np.concatenate([a, b])) == 0:
        return []
    tested: Any = mannwhitneyu(a, b)
    effect = float(tested.statistic) / (len(a) * len(b))
    medians = float(np.median(a)), float(np.median(b))
    return [Difference(name, None, other, *medians, effect, float(tested.pvalue))]


def _of_names(
    name: str, y: np.ndarray, here: np.ndarray, there: np.ndarray, other: int | None
) -> list[Difference]:
    a, b = (Counter(v for v in y[side] if v is not None) for side in (here, there))
    na, nb, out = a.total(), b.total(), []
    if min(na, nb) < LEAST:
        return []
    for value, count in a.most_common(VALUES):
        p = float(hypergeom.sf(count - 1, na + nb, count + b[value], na))  # Fisher's exact test
        shares = count / na, b[value] / nb
        out.append(Difference(name, str(value), other, *shares, shares[0] - shares[1], p))
    return out


def typical(columns: pa.Table, rows: np.ndarray) -> dict[str, str]:
    """Of each column, what is usual among these rows: the middle half, or the commonest name."""
    out = {}
    for name, values in known(columns):
        own = values[rows]
        if values.dtype.kind == "f":
            own = own[np.isfinite(own)]
            if len(own):
                low, middle, high = np.quantile(own, [0.25, 0.5, 0.75])
                out[name] = f"{name} {middle:.3g} ({low:.3g} to {high:.3g})"
        elif (counts := Counter(v for v in own if v is not None)).total():
            value, count = counts.most_common(1)[0]
            out[name] = f"{name} {value} ({count / counts.total():.0%})"
    return out
