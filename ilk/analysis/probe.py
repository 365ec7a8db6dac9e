"""What vectors know: how well columns nobody showed the encoder can be read off them.

Legend: n rows, D dimensions, c targets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold

from ..errors import DataError, OptionError

How = Literal["knn", "linear"]
NEIGHBOURS = 12
FEW = 20  # whole numbers with at most so many different values are names, not amounts


def r2(vectors: np.ndarray, values: np.ndarray, *, how: How = "knn", folds: int = 5, seed: int = 0) -> float:
    """Share of the variance of `values` (n,) told by the vectors of rows held out; <= 0: nothing.

    Rows whose value is NaN are left out. NaN where all values are the same, or there are too few.
    """
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    x, y = _rows(vectors, known), values[known]
    if len(y) < 2 * folds or np.ptp(y) == 0:
        return float("nan")
    off = total = 0.0
    for train, test in KFold(folds, shuffle=True, random_state=seed).split(x):
        told = _predict(x[train], y[train, None], x[test], how)[:, 0]
        off += float(((y[test] - told) ** 2).sum())
        total += float(
            ((y[test] - y[train].mean()) ** 2).sum()
        )  # what the mean of the other folds would miss
    return 1 - off / total


def r2_apart(vectors: np.ndarray, values: np.ndarray, held: np.ndarray, *, how: How = "knn") -> float:
    """The same of the rows that are `held` out (n,), told by the others."""
    x, y = standard(vectors), np.asarray(values, np.float64)
    off = y[held] - _predict(x[~held], y[~held, None], x[held], how)[:, 0]
    return float(1 - (off**2).sum() / ((y[held] - y[~held].mean()) ** 2).sum())


def accuracy(vectors: np.ndarray, labels: Any, *, how: How = "knn", folds: int = 5, seed: int = 0) -> float:
    """Share of rows held out whose label (n,) the vectors tell. Rows without one (None, NaN) are left out.

    NaN where there is but one label, or every label has fewer than two rows.
    """
    labels = np.asarray(labels)
    known = np.array([v is not None and v == v for v in labels.tolist()], bool)
    names, y = np.unique(labels[known].astype(str), return_inverse=True)
    x, counts = _rows(vectors, known), np.bincount(y) if len(y) else np.zeros(1, int)
    if len(names) < 2 or counts.max() < 2 or len(y) < folds:
        return float("nan")
    hot = np.eye(len(names))[y]  # (n, c)
    right = 0
    for train, test in _folds(y, counts, folds, seed):
        right += int((_predict(x[train], hot[train], x[test], how).argmax(1) == y[test]).sum())
    return right / len(y)


def table(vectors: np.ndarray, columns: pa.Table, *, folds: int = 5, seed: int = 0) -> pa.Table:
    """One row a column: R2 of amounts, accuracy of names, by both ways, and what a guess would get.

    `note` says why a column could not be asked.
    """
    rows = [_asked(vectors, name, columns[name], folds, seed) for name in columns.column_names]
    kinds: list[tuple[str, pa.DataType]] = [("column", pa.string()), ("measure", pa.string())]
    kinds += [(n, pa.float64()) for n in ("knn", "linear", "guess")] + [
        ("rows", pa.int64()),
        ("note", pa.string()),
    ]
    return pa.Table.from_pylist(rows, pa.schema(kinds))


def _asked(
    vectors: np.ndarray, name: str, column: pa.ChunkedArray[Any], folds: int, seed: int
) -> dict[str, Any]:
    kind, n = column.type, len(column) - column.null_count
    row: dict[str, Any] = {"column": name, "rows": n, "note": ""}
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not (
        numeric or pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        return row | {"note": f"neither numbers nor names, but {kind}"}
    different = pc.count_distinct(column).as_py()
    if numeric and not (pa.types.is_integer(kind) and different <= FEW):
        values = pc.cast(column, pa.float64()).to_numpy()  # null becomes NaN
        row |= {"measure": "R2", "guess": 0.0, "rows": int(np.isfinite(values).sum())}
        scores = [r2(vectors, values, how=how, folds=folds, seed=seed) for how in ("knn", "linear")]
    elif different > n / 2:
        return row | {"note": "nearly every value is different"}
    else:
        labels = np.array(column.to_pylist(), object)
        most = Counter(v for v in labels if v is not None).most_common(1)
        row |= {"measure": "accuracy", "guess": most[0][1] / n if most else None}
        scores = [accuracy(vectors, labels, how=how, folds=folds, seed=seed) for how in ("knn", "linear")]
    if np.isnan(scores).any():
        return row | {"note": "all the same" if different <= 1 else "too few values"}
    return row | {"knn": scores[0], "linear": scores[1]}


def standard(vectors: np.ndarray) -> np.ndarray:
    """Each dimension at mean 0 and spread 1: distances then favour none."""
    x = np.asarray(vectors, np.float64)
    spread = x.std(0)
    return np.ascontiguousarray((x - x.mean(0)) / np.where(spread > 0, spread, 1), np.float32)


def _rows(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    if len(vectors) != len(known):
        raise DataError(
            f"{len(vectors)} vectors but {len(known)} values", "Give one value a row, in the same order."
        )
    x = np.asarray(vectors)[known]
    return standard(x) if len(x) else x


def _folds(
    y: np.ndarray, counts: np.ndarray, folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # Stratified where every label fills all folds; a rare label makes scikit-learn warn
    kind = StratifiedKFold if counts.min() >= folds else KFold
    yield from kind(folds, shuffle=True, random_state=seed).split(y, y)


def _predict(
    x: np.ndarray, y: np.ndarray, asked: np.ndarray, how: str
) -> np.ndarray:  # (n, D), (n, c), (q, D) -> (q, c)
    if how == "linear":
        told = RidgeCV(alphas=np.logspace(-3, 4, 8)).fit(x, y).predict(asked)
        return np.asarray(told).reshape(len(asked), -1)
    if how != "knn":
        raise OptionError(f"no way of probing called {how!r}", "Known: knn, linear.")
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    squared, near = index.search(asked, min(NEIGHBOURS, len(x)))  # (q, k)
    weights = 1 / np.maximum(np.sqrt(np.maximum(squared, 0)), 1e-6)
    return np.asarray((weights[..., None] * y[near]).sum(1) / weights.sum(1, keepdims=True))
