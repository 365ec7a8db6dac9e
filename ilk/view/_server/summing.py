"""A set of rows in figures, to hold beside another set.

Legend: m rows, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from . import columns
from .groups import SHOWN
from .shown import Listed, Shown

_BLOCK = 65_536


@dataclass(frozen=True)
class Told:
    listed: Listed
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    top: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Summary:
    representatives: np.ndarray  # rows, the nearest to the mean of all first
    spread: float  # root mean square distance from it
    columns: list[Told]


def mean(shown: Shown, rows: np.ndarray) -> np.ndarray:  # (D,)
    total = np.zeros(shown.space.dim)
    for start in range(0, len(rows), _BLOCK):
        total += np.asarray(shown.vectors[rows[start : start + _BLOCK]], np.float64).sum(0)
    return total / max(1, len(rows))


def summary(shown: Shown, rows: np.ndarray) -> Summary:
    middle, off = mean(shown, rows), np.zeros(len(rows))
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, start + _BLOCK)
        off[some] = ((np.asarray(shown.vectors[rows[some]], np.float64) - middle) ** 2).sum(1)
    first = rows[np.argsort(off, kind="stable")[:SHOWN]]
    told = [_told(shown, listed, rows) for listed in shown.listed() if listed.kind != "text"]
    return Summary(first, float(np.sqrt(off.mean())) if len(off) else 0.0, told)


def _told(shown: Shown, listed: Listed, rows: np.ndarray) -> Told:
    values = shown.values(listed).take(pa.array(rows))
    if listed.kind in ("number", "time"):
        x = columns.numbers(values, listed.kind)
        x = x[np.isfinite(x)]
        if not len(x):
            return Told(listed)
        return Told(listed, float(x.mean()), float(x.std()), float(np.median(x)))
    _, names = columns.codes(values, listed.kind)
    return Told(listed, top=sorted((n for n in names if n[1]), key=lambda n: -n[1])[:SHOWN])
