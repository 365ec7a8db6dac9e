"""Can a column be read off the vectors? One column, asked thoroughly; `probe.py` asks many, quickly.

Every figure is of rows that the model had not seen, nor its scaling.

Legend: n rows, m of them with a value, D dimensions, c labels.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t as student
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import KFold, StratifiedKFold

from ..console import progress
from ..errors import DataError, OptionError, UnknownName
from ..source._labels import labelled
from ..space import layers
from ._probed import Measure, Probed
from ._ways import Asked, check, model
from .probe import FEW

if TYPE_CHECKING:
    from ..space import Space

FIGURES = ["accuracy", "precision", "recall", "F1"]


def probe(
    space: Space,
    column: str,
    how: str = "linear",
    *,
    folds: int = 5,
    seed: int = 0,
    write: bool = False,
    **options: Any,
) -> Probed:
    """How well a column of metadata or of a layer can be read off the vectors of rows held out.

    how      linear, mlp (`hidden`), knn (`k`), svm (`kernel`, `C`), tree (`criterion`, `depth`) or forest
             (`criterion`, `trees`)
    write    keep what is predicted of every row, those without a value too, as the layer predicted-COLUMN

    Names, flags and whole numbers of few values are labels to be told apart; other numbers are amounts.
    """
    check(how, options)
    values = values_of(space, column)
    found = ask(space.vectors(), values, how, folds=folds, seed=seed, metric=space.metric, **options)
    if write:
        columns = {f"{column}_predicted": pa.array(found.predicted)}
        if found.probability is not None:
            columns[f"{column}_probability"] = pa.array(found.probability)
        made = {"by": how, "folds": folds, "seed": seed, "rows": found.rows, **options}
        space.write_layer(
            layer_of(column), pa.table({"id": pa.array(space.ids(), pa.string()), **columns}), made
        )
    return found


def layer_of(column: str) -> str:
    """The layer that keeps what is predicted of a column."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"predicted-{column}")[:64]


def values_of(space: Space, column: str) -> pa.ChunkedArray[Any]:
    """A column of metadata or of a layer, in the order of the rows; named as in `where`."""
    metadata = space.metadata()
    if column in metadata.column_names:
        return metadata[column]
    of_layers = layers.columns(space.path, {"id", "vector", *metadata.column_names})
    if column not in of_layers:
        raise UnknownName("column", column, [*metadata.column_names, *of_layers])
    layer, inside = of_layers[column]
    table = space.layer(layer)
    at = pc.index_in(pa.array(space.ids(), pa.string()), value_set=table["id"].combine_chunks())
    return table[inside].take(at)


def ask(
    vectors: np.ndarray,
    values: pa.ChunkedArray[Any],
    how: str = "linear",
    *,
    folds: int = 5,
    seed: int = 0,
    metric: str = "cosine",
    **options: Any,
) -> Probed:
    """`probe` without a space: `vectors` (n, D), `values` (n,) with null where nothing is known."""
    check(how, options)
    if folds < 2:
        raise OptionError(f"folds is {folds}", "Give 2 or more.")
    kind, values = plain(values)
    ask = _Ask(np.asarray(vectors), how, folds, seed, metric, options)
    return ask.numbers(values) if kind == "numbers" else ask.names(values)


def interval(scores: Sequence[float], top: float = np.inf) -> tuple[float, float, float]:
    """Mean of the folds' scores and its 95% interval.

    The folds learn from overlapping rows, so their scores vary less than those of other data would: the
    variance is 1/k + test/train of theirs, not 1/k (Nadeau & Bengio 2003).
    """
    k, mean = len(scores), float(np.mean(scores))
    half = float(student.ppf(0.975, k - 1) * np.std(scores, ddof=1) * np.sqrt(1 / k + 1 / (k - 1)))
    return mean, mean - half, min(top, mean + half)


def plain(values: pa.ChunkedArray[Any]) -> tuple[str, pa.ChunkedArray[Any]]:
    """Whether these are numbers or names; and the values themselves."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = pc.cast(values, kind.value_type)
        kind = values.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numbers", values
    if pa.types.is_integer(kind):
        return ("names" if pc.count_distinct(values).as_py() <= FEW else "numbers"), values
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "names", values
    raise DataError(f"a column of {kind} cannot be asked for", "Expected names, flags or numbers.")


@dataclass(frozen=True)
class _Ask:
    vectors: np.ndarray
    how: str
    folds: int
    seed: int
    metric: str
    options: dict[str, Any]

    def names(self, values: pa.ChunkedArray[Any]) -> Probed:
        codes, labels = labelled(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(labels))
        few = {labels[i]: int(n) for i, n in enumerate(counts) if n < self.folds}
        kept = [i for i, n in enumerate(counts) if n >= self.folds]
        if len(kept) < 2:
            raise DataError(
                f"{len(kept)} of {len(labels)} labels have {self.folds} rows or more; two are needed",
                "Label more of each, or ask for fewer folds.",
            )
        codes = np.array([*(kept.index(i) if i in kept else -1 for i in range(len(labels))), -1])[codes]
        labels = [labels[i] for i in kept]
        rows = np.flatnonzero(codes >= 0)
        told = np.full(len(codes), -1)
        sure = np.full(len(codes), np.nan)
        scores, guesses = [], []
        for train, test in self._folds(rows, StratifiedKFold, codes):
            told[test], sure[test] = self._told(train, test, codes)
            scores.append(figures(codes[test], told[test], len(labels)))
            commonest = np.bincount(codes[train]).argmax()
            guesses.append(figures(codes[test], np.full(len(test), commonest), len(labels)))
        free = np.flatnonzero(codes < 0)
        if len(free):
            told[free], sure[free] = self._told(rows, free, codes)
        return Probed(
            self.how,
            len(rows),
            self.folds,
            _measures(FIGURES, scores, guesses, [1, 1, 1, 1]),
            np.array(labels, object)[told],
            None if np.isnan(sure).all() else sure,
            labels,
            confusion_matrix(codes[rows], told[rows], labels=range(len(labels))),
            few,
        )

    def numbers(self, values: pa.ChunkedArray[Any]) -> Probed:
        y = pc.cast(values, pa.float64()).to_numpy()  # null becomes NaN
        rows = np.flatnonzero(np.isfinite(y))
        if len(rows) < 2 * self.folds or np.ptp(y[rows]) == 0:
            what = "all the same" if len(rows) >= 2 * self.folds else f"{len(rows)} rows have a value"
            raise DataError(what, f"Expected different values in {2 * self.folds} rows or more.")
        told = np.full(len(y), np.nan)
        scores, guesses = [], []
        for train, test in self._folds(rows, KFold, y):
            told[test] = self._fitted(train, y, numbers=True).predict(self.vectors[test])
            mean = y[train].mean()
            scores.append(_errors(y[test], told[test], mean))
            guesses.append(_errors(y[test], np.full(len(test), mean), mean))
        free = np.flatnonzero(~np.isfinite(y))
        if len(free):
            told[free] = self._fitted(rows, y, numbers=True).predict(self.vectors[free])
        measures = _measures(["R2", "mean absolute error"], scores, guesses, [1, np.inf])
        return Probed(self.how, len(rows), self.folds, measures, told, None)

    def _folds(self, rows: np.ndarray, kind: Any, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with progress("probing", self.folds) as bar:
            for train, test in kind(self.folds, shuffle=True, random_state=self.seed).split(rows, y[rows]):
                yield rows[train], rows[test]
                bar.advance()

    def _fitted(self, rows: np.ndarray, y: np.ndarray, *, numbers: bool = False) -> Any:
        made = model(self.how, Asked(numbers, len(rows), self.metric, self.seed), self.options)
        with _in_time():
            return made.fit(self.vectors[rows], y[rows])

    def _told(self, rows: np.ndarray, asked: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest label of those asked, and its probability: NaN where the way gives none."""
        fitted = self._fitted(rows, codes)
        if self.how == "svm":
            return fitted.predict(self.vectors[asked]), np.full(len(asked), np.nan)
        chances = fitted.predict_proba(self.vectors[asked])  # (q, c)
        return fitted.classes_[chances.argmax(1)], chances.max(1)


def figures(truth: np.ndarray, told: np.ndarray, c: int) -> list[float]:
    """Accuracy; precision, recall and F1, averaged over the labels."""
    each = precision_recall_fscore_support(truth, told, labels=range(c), average="macro", zero_division=0)
    return [float((truth == told).mean()), *map(float, each[:3])]


def _errors(truth: np.ndarray, told: np.ndarray, mean: float) -> list[float]:
    """R2 against the mean of the other folds, and the mean absolute error."""
    total = float(((truth - mean) ** 2).sum())
    missed = float(((truth - told) ** 2).sum())
    return [1 - missed / total if total else 0.0, float(np.abs(truth - told).mean())]


def _measures(
    names: list[str], scores: list[list[float]], guesses: list[list[float]], tops: list[float]
) -> dict[str, Measure]:
    columns = zip(names, zip(*scores), zip(*guesses), tops)
    return {name: Measure(*interval(s, top), float(np.mean(g))) for name, s, g, top in columns}


@contextmanager
def _in_time() -> Iterator[None]:
    with warnings.catch_warnings():  # a network stopped after its 200 rounds is what was asked for
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
