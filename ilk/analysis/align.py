"""Two spaces of the same samples, made by two encoders: how alike they are, and the way from one to another.

A space that was filled by an old encoder need not be thrown away when a new one is learnt: from the samples
that both spaces hold, the way from old vectors to new ones is found, its error is measured on samples it was
not found by, and the rest of the old space is carried over.

Legend: n samples in both spaces, D and E numbers a vector in the old and the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sklearn.model_selection import KFold

from ..console import progress, say
from ..errors import DataError, OptionError, UnknownName
from ..space.index.metric import Metric
from ._drawn import trust as _drawn
from ._maps import WAYS, Affine, alike
from ._neighbours import among, nearest
from ._result import Picture, Result
from ._unpaired import unpaired

if TYPE_CHECKING:
    from ..space import Space

FOLDS = 5
LEAST = 20  # samples in both spaces
MOST = 20_000  # to find the way by
SOME = 2000  # to compare the two spaces by
NEAR = 10  # neighbours that should stay
SURE = 0.5  # share that has to find itself, for others to be carried
CARRIED = "carried"  # the layer that names the rows which were


@dataclass(frozen=True)
class Way:
    """How well samples that it was not found by arrive."""

    name: str
    found: float  # share whose own vector is the nearest of all
    kept: float  # share of the 10 nearest neighbours that stays
    error: float  # distance of a carried vector from where the encoder puts it, the median
    usual: float  # distance of the nearest other sample, the median
    map: Affine  # found by all samples


@dataclass(frozen=True)
class Alignment(Result):
    old: str  # fingerprints of the encoders
    new: str
    samples: int  # in both spaces
    alike: float  # linear CKA
    ways: list[Way]  # the best first

    def carry(self, vectors: np.ndarray) -> np.ndarray:  # (m, D) -> (m, E)
        return self.ways[0].map(vectors)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "way": [w.name for w in self.ways],
                "found again": [w.found for w in self.ways],
                "neighbours kept": [w.kept for w in self.ways],
                "error": [w.error for w in self.ways],
                "nearest other": [w.usual for w in self.ways],
            }
        )

    def sentence(self) -> str:
        best = self.ways[0]
        return (
            f"By {self.samples:,} samples in both spaces (likeness {self.alike:.2f}): {best.name} carries an "
            f"old vector to within {best.error:.3g} of the new one, where the nearest other sample is "
            f"{best.usual:.3g} away; {best.found:.0%} find themselves, {best.kept:.0%} of their neighbours "
            "stay."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_alignment(self)


def align(old: Space, new: Space, *, way: str = "auto", pairs: bool = True, seed: int = 0) -> Alignment:
    """The way from the vectors of `old` to those of `new`, by the samples that both hold (the same id).

    `way`: rotation (turn, mirror, one scale), linear (any matrix), or auto: the one that keeps more
    neighbours. Without `pairs` the ids are not used to find the way, which is then the matrix under which the
    two clouds cannot be told apart; they still measure its error.
    """
    if way not in ("auto", *WAYS):
        raise UnknownName("way to align", way, ["auto", *WAYS])
    if not pairs and way != "auto":
        raise OptionError(f"way {way} without pairs", "Without pairs there is but one way: leave it out.")
    x, y = _both(old, new, seed)
    metric = new.measure
    ways: dict[str, Callable[[np.ndarray, np.ndarray], Affine]] = dict(WAYS)
    if not pairs:
        ways = {"unpaired": lambda a, b: unpaired(old.vectors(), new.vectors(), seed=seed)}
    elif way != "auto":
        ways = {way: WAYS[way]}
    made = [_measured(name, fit, x, y, metric, seed) for name, fit in ways.items()]
    some = np.random.default_rng(seed).permutation(len(x))[:SOME]
    made.sort(key=lambda w: -w.kept)
    return Alignment(old.fingerprint, new.fingerprint, len(x), alike(x[some], y[some]), made)


def carry(old: Space, new: Space, by: Alignment) -> int:
    """Puts the samples that only `old` holds into `new`; returns how many.

    The layer `carried` of `new` names them, the encoder they came from, and how far off they are (median).
    """
    if (by.old, by.new) != (old.fingerprint, new.fingerprint):
        raise OptionError(f"an alignment of {by.old} and {by.new}", "Align these two spaces first.")
    if by.ways[0].found < SURE:
        raise DataError(
            f"only {by.ways[0].found:.0%} of the samples in both spaces find themselves by {by.ways[0].name}",
            "What is carried would stand among strangers: add more of the old samples to the new space.",
        )
    known = set(new.ids())
    ids = old.ids()
    rows = np.array([i for i, name in enumerate(ids) if name not in known], np.int64)
    if not len(rows):
        return 0
    names = [ids[i] for i in rows]
    metadata = old.metadata()
    kept = metadata.take(rows) if metadata.num_columns else None
    made = {"by": "align", "from": by.old, "way": by.ways[0].name, "kept": by.ways[0].kept}
    layer = pa.table(
        {"id": names, "carried_from": [by.old] * len(names), "off": [by.ways[0].error] * len(names)}
    )
    if CARRIED in new.layers():
        layer = pa.concat_tables([new.layer(CARRIED).select(layer.column_names), layer])
    new.write_layer(CARRIED, layer, made)  # first: a kill in between must not leave them unmarked
    new.upsert_vectors(names, by.carry(old.vectors()[rows]), kept, old.pictures(rows))
    return len(names)


def _both(old: Space, new: Space, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (n, D) and (n, E) of the samples in both."""
    place = {name: i for i, name in enumerate(new.ids())}
    known = CARRIED in new.layers() and set(new.layer(CARRIED)["id"].to_pylist())
    both = [(i, place[n]) for i, n in enumerate(old.ids()) if n in place and not (known and n in known)]
    if len(both) < LEAST:
        raise DataError(
            f"{old.path} and {new.path} have {len(both)} ids in common, of {len(old):,} and {len(new):,}",
            f"The way is found by samples that both encoders have seen: add {LEAST} or more of the old ones.",
        )
    at = np.array(both)
    if len(at) > MOST:
        say(f"The way is found by {MOST:,} of the {len(at):,} samples in both spaces.")
        at = at[np.sort(np.random.default_rng(seed).permutation(len(at))[:MOST])]
    return old.vectors()[at[:, 0]], new.vectors()[at[:, 1]]


def _measured(
    name: str,
    fit: Callable[[np.ndarray, np.ndarray], Affine],
    x: np.ndarray,
    y: np.ndarray,
    metric: Metric,
    seed: int,
) -> Way:
    """By folds: each sample is carried by a way that was found without it."""
    carried = np.zeros(y.shape, np.float32)
    folds = list(KFold(FOLDS, shuffle=True, random_state=seed).split(x))
    whole = fit(x, y)
    with progress(f"aligning by {name}", FOLDS) as bar:
        for train, test in folds:
            one = whole if name == "unpaired" else fit(x[train], y[train])  # that one has seen no pair
            carried[test] = one(x[test])
            bar.advance()
    return Way(name, *_arrived(metric.ready(carried), metric.ready(np.ascontiguousarray(y)), metric), whole)


def _arrived(carried: np.ndarray, y: np.ndarray, metric: Metric) -> tuple[float, float, float, float]:
    """Share found again, neighbours kept, distance off, distance of the nearest other."""
    n, k = len(y), min(NEAR, len(y) - 1)
    theirs, far = nearest(y, k)  # (n, k) each
    ours, _ = among(y, carried, k + 1)
    itself = ours == np.arange(n)[:, None]
    found = float(itself[:, 0].mean())
    itself[:, -1] |= ~itself.any(1)  # one goes in every row: where it is not itself, the farthest
    others = ours[~itself].reshape(n, k)
    kept = float((others[:, :, None] == theirs[:, None]).any(2).mean())
    squared = ((carried - y) ** 2).sum(1), far[:, 0] ** 2
    error, usual = (float(np.median(metric.told(v))) for v in squared)
    return found, kept, error, usual
