"""What a probe found: figures with intervals, figures of each label, who is taken for whom.

Legend: n rows, m of them with a value, c labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ._drawn import probed as _drawn
from ._result import Picture, Result


@dataclass(frozen=True)
class Measure:
    """Its mean over the folds, an interval that holds the true one in 95 of 100 cases, and a guess's."""

    value: float
    low: float
    high: float
    guess: float  # of naming the commonest label, or the mean


@dataclass(frozen=True)
class Probed(Result):
    how: str
    rows: int  # m
    folds: int
    measures: dict[str, Measure]  # accuracy, precision, recall, F1; of numbers: R2, mean absolute error
    predicted: np.ndarray  # (n,) rows with a value: by a model that had not seen them
    probability: np.ndarray | None  # (n,) that the model gives to it
    labels: list[str] = field(default_factory=list)
    confusion: np.ndarray | None = None  # (c, c) rows: the truth; columns: what was told
    left_out: dict[str, int] = field(default_factory=dict)  # labels with fewer rows than folds

    def sentence(self) -> str:
        name, first = next(iter(self.measures.items()))
        shown = "{:.1%}" if self.labels else "{:.3f}"
        value, low, high, guess = (shown.format(v) for v in (first.value, first.low, first.high, first.guess))
        told = f"{name} {value} ({low} to {high}) by {self.how}, {guess} by guessing; {self.rows:,} rows."
        few = f" Labels with fewer than {self.folds} rows were left out: {', '.join(self.left_out)}."
        return told + (few if self.left_out else "")

    def table(self) -> pa.Table:
        rows = [{"measure": name, **vars(m)} for name, m in self.measures.items()]
        return pa.Table.from_pylist(rows)

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self)

    def classes(self) -> pa.Table:
        """Of each label: how many rows have it, and its own figures over all folds."""
        right, truth, told = self._margins()
        precision, recall = right / np.maximum(told, 1), right / np.maximum(truth, 1)
        f1 = 2 * right / np.maximum(truth + told, 1)
        columns = {"rows": truth, "precision": precision, "recall": recall, "F1": f1}
        return pa.table({"label": pa.array(self.labels, pa.string()), **columns})

    def confusions(self) -> pa.Table:
        """One row a label: as what its rows were told."""
        right = np.zeros((0, 0), int) if self.confusion is None else self.confusion
        told = {f"as {label}": right[:, j] for j, label in enumerate(self.labels)}
        return pa.table({"truth": pa.array(self.labels, pa.string()), **told})

    def _margins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = np.zeros((0, 0), int) if self.confusion is None else self.confusion
        return found.diagonal(), found.sum(1), found.sum(0)
