"""A few labelled rows of each kind: how well do they name the others?

prototypes  the kind whose mean is nearest (Snell, Swersky & Zemel 2017)
siamese     learns from pairs of the labelled rows which differences matter: the chance that two rows are of
            one kind, by logistic regression on |a - b| in each dimension (Koch, Zemel & Salakhutdinov 2015);
            the kind that is likeliest the same as its labelled rows

Legend: n rows, D dimensions, c labels, s shots of each, q rows asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from ..console import progress
from ..errors import DataError, OptionError, UnknownName
from ..source._labels import labelled
from ..space.index.metric import Metric, whitened
from ._drawn import shots as _drawn
from ._result import Picture, Result
from .probing import values_of

if TYPE_CHECKING:
    from ..space import Space

MOST = 1000  # rows asked in each draw
PAIRS = 20_000  # that are learnt from


@dataclass(frozen=True)
class FewShots(Result):
    shots: int
    by: str
    draws: int
    labels: int
    accuracy: float  # mean over the draws
    low: float  # of its 95% interval
    high: float
    guess: float
    each: np.ndarray = field(compare=False)  # (draws,) accuracies

    def sentence(self) -> str:
        return (
            f"{self.accuracy:.1%} ({self.low:.1%} to {self.high:.1%}) right by {self.shots} rows of each of "
            f"{self.labels} labels; {self.guess:.1%} by guessing."
        )

    def table(self) -> pa.Table:
        """One row a draw."""
        return pa.table({"draw": np.arange(self.draws), "accuracy": self.each})

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_shots(self)


def few_shots(
    space: Space, column: str, shots: int = 5, *, by: str = "prototypes", draws: int = 100, seed: int = 0
) -> FewShots:
    """How many rows get the right label of `column` from `shots` rows of each label, drawn again and again.

    `by`: prototypes, or siamese. All labels count alike. Labels without a row more than `shots` are left out.
    """
    codes, _ = labelled(values_of(space, column))
    return drawn(space.vectors(), codes, shots, by=by, draws=draws, seed=seed, metric=space.metric)


def drawn(
    vectors: np.ndarray,
    codes: np.ndarray,
    shots: int = 5,
    *,
    by: str = "prototypes",
    draws: int = 100,
    seed: int = 0,
    metric: str = "cosine",
) -> FewShots:
    """`few_shots` without a space: `codes` (n,) are the labels' numbers, -1 for none."""
    if by not in _WAYS:
        raise UnknownName("way of few shots", by, _WAYS)
    least = 2 if by == "siamese" else 1  # it learns from pairs of one label
    if shots < least or draws < 2:
        raise OptionError(f"{shots} shots, {draws} draws", f"Give {least} or more shots, 2 or more draws.")
    members = [np.flatnonzero(codes == c) for c in range(codes.max(initial=-1) + 1)]
    members = [rows for rows in members if len(rows) > shots]
    if len(members) < 2:
        raise DataError(
            f"{len(members)} labels have more than {shots} rows; two are needed", "Label more of each."
        )
    z = _ready(vectors, metric)
    rng = np.random.default_rng(seed)
    scores = []
    with progress("drawing", draws) as bar:
        for _ in range(draws):
            scores.append(_draw(z, members, shots, _WAYS[by], rng))
            bar.advance()
    mean, half = float(np.mean(scores)), 1.96 * float(np.std(scores, ddof=1)) / draws**0.5
    return FewShots(
        *(shots, by, draws, len(members), mean, mean - half, min(1.0, mean + half), 1 / len(members)),
        each=np.array(scores),
    )


Way = Callable[[np.ndarray, np.ndarray], np.ndarray]  # labelled (c, s, D), asked (q, D) -> scores (q, c)


def _draw(z: np.ndarray, members: list[np.ndarray], shots: int, way: Way, rng: np.random.Generator) -> float:
    """Accuracy of one draw, averaged over the labels."""
    most = max(1, MOST // len(members))
    order = [rng.permutation(rows)[: shots + most] for rows in members]
    known = np.stack([z[rows[:shots]] for rows in order])  # (c, s, D)
    asked = np.concatenate([rows[shots:] for rows in order])
    truth = np.repeat(np.arange(len(members)), [len(rows) - shots for rows in order])
    right = way(known, z[asked]).argmax(1) == truth
    return float(np.mean([right[truth == c].mean() for c in range(len(members))]))


def _prototypes(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    means = known.mean(1)  # (c, D)
    scores: np.ndarray = 2 * asked @ means.T - (means**2).sum(1)  # (q, c): less the squared distance
    return scores


def _siamese(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    c, s, _ = known.shape
    rows, of = known.reshape(c * s, -1), np.repeat(np.arange(c), s)
    a, b = (i[:: 1 + len(i) // PAIRS] for i in np.triu_indices(c * s, 1))
    pairs = np.abs(rows[a] - rows[b])  # (pairs, D)
    spread = np.maximum(pairs.std(0), 1e-12)
    fitted = LogisticRegression(max_iter=1000, class_weight="balanced").fit(pairs / spread, of[a] == of[b])
    weights = (fitted.coef_[0] / spread).astype(np.float32)
    same = np.stack([np.abs(asked - row) @ weights for row in rows], 1)  # (q, c * s): log odds but a constant
    scores: np.ndarray = same.reshape(len(asked), c, s).mean(2)
    return scores


_WAYS: dict[str, Way] = {"prototypes": _prototypes, "siamese": _siamese}


def _ready(vectors: np.ndarray, metric: str) -> np.ndarray:
    """So that Euclidean distances are the space's own. No label plays a part."""
    z = np.asarray(vectors, np.float32)
    return (whitened(z.std(0)) if metric == "whitened" else Metric(metric)).ready(z)
