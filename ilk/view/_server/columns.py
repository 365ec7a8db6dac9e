"""A column of any type -> one number a row, as the page draws it, and a summary of what it holds.

Legend: n rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["number", "category", "text", "flag", "time"]
FEW = (
    20  # whole numbers with at most so many different values are names, not amounts, as in analysis/probe.py
)
NAMES = 4096  # different texts that can still be told apart in a legend
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
BINS = 32
Column = pa.ChunkedArray


@dataclass(frozen=True)
class Drawn:
    kind: Kind
    type: Literal["f32", "f64", "u8", "u16"] | None  # of the data; None: text is not drawn
    missing: int
    data: bytes = b""
    categories: list[tuple[str, int]] = field(
        default_factory=list
    )  # with their counts; the code is the place
    minimum: float | None = None
    maximum: float | None = None
    percentiles: dict[str, float] = field(default_factory=dict)
    edges: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def kind_of(column: Column[Any]) -> Kind:
    t = column.type
    if pa.types.is_boolean(t):
        return "flag"
    if pa.types.is_timestamp(t) or pa.types.is_date(t):
        return "time"
    if pa.types.is_floating(t) or pa.types.is_decimal(t):
        return "number"
    if pa.types.is_integer(t):
        return "number" if _more(column, FEW) else "category"
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return "text" if _more(column, min(NAMES, max(FEW, len(column) // 2))) else "category"
    return "text"


def drawn(column: Column[Any], kind: Kind) -> Drawn:
    if kind == "text":
        return Drawn(kind, None, column.null_count)
    if kind in ("number", "time"):
        return _amounts(column, kind)
    return _names(column, kind)


def value(given: Any) -> float | int | str | bool | None:
    """One value as JSON."""
    if given is None or isinstance(given, bool | int | str):
        return given
    if isinstance(given, float):
        return given if np.isfinite(given) else None
    return str(given)


def numbers(column: Column[Any], kind: Kind) -> np.ndarray:  # (n,) float64, NaN where missing
    if kind == "time":
        column = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
        return np.asarray(pc.cast(column, pa.float64()).to_numpy()) / 1e6
    return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy())


def codes(column: Column[Any], kind: Kind) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """(n,) int32, -1 where missing, and the names with their counts: numbers ascending, texts by count."""
    plain: Any = pc.dictionary_encode(column.combine_chunks())
    given = plain.dictionary.to_pylist()
    at = np.asarray(plain.indices.fill_null(-1), np.int32)
    counts = np.bincount(at[at >= 0], minlength=len(given))
    if kind == "flag":  # both are listed, even where there is but one
        sizes = {bool(v): int(c) for v, c in zip(given, counts)}
        lookup = np.array([*(int(v) for v in given), -1], np.int32)
        return lookup[at], [("false", sizes.get(False, 0)), ("true", sizes.get(True, 0))]
    text = not (given and isinstance(given[0], int))
    order = sorted(range(len(given)), key=lambda i: (-counts[i], given[i]) if text else (given[i],))
    lookup = np.full(len(given) + 1, -1, np.int32)  # the last one, -1, is for what is missing
    lookup[order] = np.arange(len(given))
    return lookup[at], [(str(given[i]), int(counts[i])) for i in order]


def _names(column: Column[Any], kind: Kind) -> Drawn:
    at, names = codes(column, kind)
    wide = len(names) > 255
    packed = np.where(at < 0, 65535 if wide else 255, at).astype("<u2" if wide else "u1")
    return Drawn(kind, "u16" if wide else "u8", column.null_count, packed.tobytes(), names)


def _amounts(column: Column[Any], kind: Kind) -> Drawn:
    x = numbers(column, kind)
    x = np.where(np.isfinite(x), x, np.nan)
    if kind == "number":
        with np.errstate(over="ignore"):
            x = x.astype("<f4")
        x[np.isinf(x)] = np.nan  # beyond what the page's numbers hold
    known = x[~np.isnan(x)]
    missing = len(x) - len(known)
    type_: Literal["f32", "f64"] = "f32" if kind == "number" else "f64"
    if not len(known):
        return Drawn(kind, type_, missing, x.tobytes())
    at = np.percentile(known, PERCENTILES).tolist()
    low, high = float(known.min()), float(known.max())
    counts, edges = np.histogram(known.astype(np.float64), BINS, (low, high if high > low else low + 1))
    return Drawn(
        kind,
        type_,
        missing,
        x.tobytes(),
        minimum=low,
        maximum=high,
        percentiles={str(p): float(v) for p, v in zip(PERCENTILES, at)},
        edges=edges.tolist(),
        counts=counts.tolist(),
    )


def _more(column: Column[Any], most: int) -> bool:
    """Whether there are more different values; mostly seen from the first few already."""
    return any(int(pc.count_distinct(part).as_py()) > most for part in (column.slice(0, 4 * most), column))
