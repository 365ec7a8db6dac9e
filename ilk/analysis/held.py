"""What the vectors of some labelled rows tell of others: one split, for encoders that learn from the first.

`probing.py` deals the rows again and again; an encoder that is trained on the labels cannot be asked so.

Legend: n rows, D dimensions, c labels, m rows asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from ..errors import DataError
from ..source._labels import labelled
from ._probed import Measure, Probed
from ._ways import Asked, model
from .probing import FIGURES, figures, plain

LEAST = 2  # rows of a label: one to learn from, one to ask
SHARE = 0.2  # of the rows of a label is asked
DRAWS = 300  # of the asked rows, for intervals


@dataclass(frozen=True)
class Dealt:
    """Labelled rows, some to learn from and some to ask."""

    codes: np.ndarray  # (n,) the label's place in `labels`, -1 for none
    labels: list[str]
    known: np.ndarray  # rows to learn from
    asked: np.ndarray  # rows never learnt from
    left_out: dict[str, int]  # labels with fewer than LEAST rows


def deal(column: str, values: pa.ChunkedArray[Any], seed: int) -> Dealt:
    """Holds a fifth of each label's rows back, one at least."""
    kind, values = plain(values)
    if kind == "numbers":
        raise DataError(
            f"{column} holds amounts, not labels",
            "Expected names, flags or whole numbers of few values. `ilk probe` tells amounts from vectors.",
        )
    codes, labels = labelled(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    kept = np.flatnonzero(counts >= LEAST)
    if len(kept) < 2:
        raise DataError(
            f"{len(kept)} of {len(labels)} labels of {column} have {LEAST} rows or more; two are needed",
            "Label more of each.",
        )
    new = np.full(len(labels) + 1, -1)  # the last is for -1
    new[kept] = np.arange(len(kept))
    codes = new[codes]
    rng = np.random.default_rng(seed)
    asked = []
    for code in range(len(kept)):
        rows = rng.permutation(np.flatnonzero(codes == code))
        asked.append(rows[: max(1, round(SHARE * len(rows)))])
    held = np.sort(np.concatenate(asked))
    few = {labels[i]: int(counts[i]) for i in np.flatnonzero(counts < LEAST)}
    known = np.setdiff1d(np.flatnonzero(codes >= 0), held)
    return Dealt(codes, [labels[i] for i in kept], known, held, few)


def line(vectors: np.ndarray, codes: np.ndarray, seed: int) -> Any:
    """Logistic regression on scaled vectors, as `ilk probe` makes it."""
    return model("linear", Asked(False, len(codes), "cosine", seed), {}).fit(vectors, codes)


def weights(fitted: Any) -> tuple[np.ndarray, np.ndarray]:
    """What `line` made, as one map of the vectors as they are: (c, D), (c,)."""
    scale, logistic = fitted[0], fitted[1]
    w, b = logistic.coef_, logistic.intercept_
    if len(w) == 1:  # two labels: the odds of the second
        w, b = np.concatenate([-w, w]) / 2, np.concatenate([-b, b]) / 2
    w = w / scale.scale_
    return w, b - w @ scale.mean_


def asked(how: str, fitted: Any, vectors: np.ndarray, dealt: Dealt, seed: int) -> Probed:
    """What `fitted` tells of the asked rows, whose `vectors` (m, D) these are."""
    truth, c = dealt.codes[dealt.asked], len(dealt.labels)
    chances = fitted.predict_proba(vectors)
    told = chances.argmax(1)
    value = figures(truth, told, c)
    guess = figures(truth, np.full(len(truth), np.bincount(dealt.codes[dealt.known]).argmax()), c)
    within = binomtest(int((truth == told).sum()), len(truth)).proportion_ci(method="wilson")
    rng = np.random.default_rng(seed)
    drawn = np.array([_again(truth, told, c, rng) for _ in range(DRAWS)])  # (draws, 3)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    lows, highs = [within.low, *low], [within.high, *high]
    measures = {
        name: Measure(v, float(a), float(b), g)
        for name, v, a, b, g in zip(FIGURES, value, lows, highs, guess)
    }
    names = np.array(dealt.labels, object)[told]
    matrix = confusion_matrix(truth, told, labels=range(c))
    return Probed(how, len(truth), 1, measures, names, chances.max(1), dealt.labels, matrix)


def _again(truth: np.ndarray, told: np.ndarray, c: int, rng: np.random.Generator) -> list[float]:
    """Precision, recall and F1 of as many rows, drawn with repeats: what other rows might have given."""
    rows = rng.integers(0, len(truth), len(truth))
    truth, told = truth[rows], told[rows]
    right, there, said = (
        np.bincount(v, minlength=c) for v in (truth[truth == told], truth, told)
    )  # (c,) each
    each = right / np.maximum(said, 1), right / np.maximum(there, 1), 2 * right / np.maximum(said + there, 1)
    some = said + there > 0  # a label that was not drawn says nothing
    return [float(one[some].mean()) for one in each]
