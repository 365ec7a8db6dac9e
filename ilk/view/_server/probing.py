"""A linear probe on the labels given so far: how well it does, and what to label next.

Legend: m labelled rows, n rows, D dimensions, c labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ...errors import DataError

FOLDS = 5
_BLOCK = 65_536


@dataclass(frozen=True)
class Probe:
    accuracy: float  # of rows held out
    guess: float  # what naming the commonest label would get
    recall: np.ndarray  # (c,) share of each label's rows that are found
    told: np.ndarray  # (n,) the label that the probe gives each row
    second: np.ndarray  # (n,) the label that it nearly gave
    margin: np.ndarray  # (n,) how far these two are apart: 0 is a toss-up, 2 as sure as the labels themselves


def probe(vectors: np.ndarray, codes: np.ndarray, names: list[str]) -> Probe:
    """`codes` (n,): the place of each row's label in `names`, -1 for none. Every name has rows."""
    from sklearn.model_selection import (
        StratifiedKFold,
        cross_val_predict,
    )  # slow to load

    rows = np.flatnonzero(codes >= 0)
    y, counts = codes[rows], np.bincount(codes[rows], minlength=len(names))
    if len(names) < 2:
        raise DataError(
            f"a probe needs two labels; there {'is one' if names else 'is none'} so far", "Label some more."
        )
    few = [name for name, n in zip(names, counts) if n < 2]
    if few:
        raise DataError(
            f"only one sample is labelled {', '.join(map(repr, few))}", "Label two or more of each."
        )
    x = np.asarray(vectors[rows], np.float64)
    with threadpool_limits(1):
        folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=0)
        held: Any = cross_val_predict(_model(), x, y, cv=folds)
        model = _model().fit(x, y)
        told, second, margin = _scores(model, vectors, len(names))
    recall = np.array([(held[y == c] == c).mean() for c in range(len(names))])
    return Probe(float((held == y).mean()), float(counts.max() / len(y)), recall, told, second, margin)


def least_sure(found: Probe, codes: np.ndarray, most: int) -> np.ndarray:
    """Unlabelled rows, those nearest to a toss-up first."""
    free = np.flatnonzero(codes < 0)
    most = min(most, len(free))
    if not most:
        return free
    first = free[np.argpartition(found.margin[free], most - 1)[:most]]
    return first[np.argsort(found.margin[first], kind="stable")]


def _model() -> Any:
    """Ridge regression on +1 and -1, as `ilk.analysis.probe` probes linearly."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 4, 8)))


def _scores(model: Any, vectors: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    told, second = np.zeros(len(vectors), np.int32), np.zeros(len(vectors), np.int32)
    margin = np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = slice(start, start + _BLOCK)
        s = np.asarray(model.decision_function(np.asarray(vectors[block], np.float64)))
        s = np.stack([-s, s], 1) if s.ndim == 1 else s  # (b, c)
        order = np.argsort(-s, axis=1)[:, :2]
        told[block], second[block] = order[:, 0], order[:, 1]
        top = np.take_along_axis(s, order, 1)
        margin[block] = top[:, 0] - top[:, 1]
    return told, second, margin
