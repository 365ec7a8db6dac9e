"""One protocol for every encoder: the same held-out rows, the same questions, one row of a table.

Which rows are held out hangs on their ids alone, so that it is the same today, in a year, and with more rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..encoders import Encoder, embed, encode
from ..errors import DataError
from ..source import Source
from ..source._labels import column, labelled
from ..training import health
from .probe import How, r2_apart
from .shots import drawn

HELD_OUT = 5  # one row in so many
K, TEMPERATURE, SHOTS = 20, 0.07, 5
HOW: tuple[How, How] = ("knn", "linear")
VIEWED = 512  # rows of which two views are looked for


@dataclass(frozen=True)
class Score:
    dim: int
    knn: float  # accuracy, K nearest of the learnt rows by cosine, voting by TEMPERATURE
    linear: float  # accuracy of logistic regression on the learnt rows
    shots: float | None  # accuracy by prototypes of SHOTS rows of each label, among held-out rows
    views: float | None  # share of held-out rows whose one view finds the other among VIEWED
    rank: float  # RankMe of the held-out rows


def held_out(source: Source) -> np.ndarray:
    """(n,) True for the rows that are only asked, never learnt from."""
    digests = (hashlib.blake2b(source.id(i).encode(), digest_size=4).digest() for i in range(len(source)))
    return np.array([int.from_bytes(d, "big") % HELD_OUT == 0 for d in digests], bool)


def score(encoder: Encoder, source: Source, label: str, *, seed: int = 0) -> Score:
    """The encoder must have learnt from rows that are not `held_out` only. `label`: a metadata column."""
    codes, labels = labelled(column(source, label))
    held = held_out(source)
    known, asked = (np.flatnonzero(chosen & (codes >= 0)) for chosen in (~held, held))
    if not len(asked) or len(np.unique(codes[known])) < 2:
        raise DataError(
            f"{len(known)} rows to learn {len(labels)} labels from, {len(asked)} to ask",
            "Expected two labels or more, and some hundred rows.",
        )
    z, q = embed(encoder, source, known), embed(encoder, source, asked)
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(z, codes[known])
    return Score(
        dim=z.shape[1],
        knn=health.knn_accuracy(z, codes[known], q, codes[asked], k=K, temperature=TEMPERATURE),
        linear=float((line.predict(q) == codes[asked]).mean()),
        shots=drawn(q, codes[asked], SHOTS, seed=seed).accuracy,
        views=_views(encoder, source, asked[:VIEWED], seed),
        rank=health.rankme(q),
    )


def score_amounts(encoder: Encoder, source: Source, columns: Sequence[str], *, seed: int = 0) -> Score:
    """The same where no label is known, but amounts: `knn` and `linear` are R2, the mean over `columns`."""
    held = held_out(source)
    z, asked = embed(encoder, source), np.flatnonzero(held)
    values = [np.asarray(column(source, name), np.float64) for name in columns]
    knn, linear = (float(np.mean([r2_apart(z, v, held, how=how) for v in values])) for how in HOW)
    views = _views(encoder, source, asked[:VIEWED], seed)
    return Score(z.shape[1], knn, linear, None, views, health.rankme(z[held]))


def _views(encoder: Encoder, source: Source, rows: np.ndarray, seed: int) -> float | None:
    views = source.views()
    if views is None:
        return None
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        a, b = views(source.batch(rows))[:2]
    return health.view_retrieval(encode(encoder, a), encode(encoder, b))
