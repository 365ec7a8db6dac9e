"""What would help a column to be told: more labels, better vectors, or labels and splits put right.

Legend: n rows, m of them learnt from, D dimensions, c labels, f folds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedKFold, train_test_split

from ..console import progress
from ..errors import DataError, OptionError
from ..source._labels import labelled
from . import _slips
from ._drawn import trust as _drawn
from ._probed import Measure
from ._result import Picture, Result
from ._ways import Asked, model
from .pairs import ALL_PAIRS, duplicates
from .probing import interval, plain, values_of

if TYPE_CHECKING:
    from ..space import Space

FOLDS = 5
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)  # of the rows that a fold learns from
MOST = 10_000  # rows that lines learn from and are asked for
BLOCK = 65_536  # rows whose labels are looked at together
ENOUGH = 0.98  # right: nothing needs to be done


@dataclass(frozen=True)
class Step:
    at: int  # m, on average over the folds; or the main axes looked at
    asked: Measure  # accuracy of rows held out
    own: float  # of those learnt from


@dataclass(frozen=True)
class Diagnosis(Result):
    column: str
    rows: int  # with a label
    drawn: int  # of them by chance, that lines learnt from and were asked for
    curve: list[Step]
    gain: Measure  # in accuracy, of the last doubling of the rows learnt from
    capacity: list[Step]  # by so many main axes of the vectors, all rows learnt from
    fewer: Measure  # in accuracy, of as many axes as the other folds found best, against all
    suspects: (
        pa.Table
    )  # rows whose label is likely wrong: id, label, told, wrong (its chance); the surest first
    leaks: pa.Table | None  # rows with a near-duplicate on the other side; None: no split was named

    def table(self) -> pa.Table:
        """The learning curve: one row a number of labels."""
        return _steps("labels", self.curve)

    def capacities(self) -> pa.Table:
        """The curve against capacity: one row a number of main axes."""
        return _steps("axes", self.capacity)

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_diagnosis(self)

    def sentence(self) -> str:
        last = self.curve[-1]
        told = f"{last.asked.value:.1%} of {self.column} are told right after {last.at:,} labels"
        parts = [f"{told} ({last.own:.1%} of those learnt from).", self._next()]
        if self.drawn < self.rows:
            parts.append(
                f"So {self.drawn:,} of {self.rows:,} labelled rows say, drawn by chance: what more of them "
                f"would bring was not asked (the last doubling: {self.gain.value:+.1%})."
            )
        n = len(self.suspects)
        parts.append(f"{n:,} of {self.rows:,} labels are likely wrong." if n else "No label looks wrong.")
        if self.leaks is not None:
            parts.append(
                f"{len(self.leaks):,} rows have a near-duplicate on the other side of the split: "
                "what is measured across it is too good."
                if len(self.leaks)
                else "No near-duplicate crosses the split."
            )
        return " ".join(parts)

    def _next(self) -> str:
        last, grown = self.curve[-1], f"the last doubling of labels brought {self.gain.value:+.1%}"
        if last.asked.value >= ENOUGH:
            return "That is nearly all: neither labels nor vectors need to be better."
        if self.gain.low > 0:
            return f"More labels help: {grown} ({self.gain.low:+.1%} to {self.gain.high:+.1%})."
        if self.fewer.low > 0:
            best = max(self.capacity, key=lambda s: s.asked.value).at
            return f"Fewer dimensions help: {best} main axes bring {self.fewer.value:+.1%} over all of them."
        if last.own - last.asked.value > 0.5 * (1 - last.asked.value):
            return f"More labels hardly help ({grown}), yet those learnt from are told: try fewer dimensions."
        return f"More labels hardly help ({grown}), nor are those learnt from told: try better vectors."


def _steps(what: str, steps: list[Step]) -> pa.Table:
    rows = []
    for s in steps:
        m = s.asked
        rows.append({what: s.at, "accuracy": m.value, "low": m.low, "high": m.high, "guess": m.guess})
        rows[-1]["own"] = s.own
    return pa.Table.from_pylist(rows)


def diagnose(
    space: Space, label: str, *, split: str | None = None, most: int = MOST, seed: int = 0
) -> Diagnosis:
    """Learning curve of a straight line on the vectors, likely label errors, leakage across a split.

    label   a column of names, of metadata or of a layer
    split   a column that says which rows are learnt from and which are asked, such as train and test
    most    of more rows so many are drawn by chance for the curves; labels are looked at in all of them
    """
    if most < 2 * FOLDS:
        raise OptionError(f"most is {most}", f"Give {2 * FOLDS} or more.")
    kind, values = plain(values_of(space, label))
    if kind == "numbers":
        raise DataError(f"{label} holds amounts, not labels", "`ilk parameters` asks for amounts.")
    codes, names = labelled(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    rows = np.flatnonzero(np.isin(codes, np.flatnonzero(counts >= 2 * FOLDS)))
    kept, y = np.unique(codes[rows], return_inverse=True)
    if len(kept) < 2:
        raise DataError(
            f"{len(kept)} of {len(names)} labels of {label} have {2 * FOLDS} rows or more; two are needed",
            "Label more of each.",
        )
    some, ids = _drawn_by_chance(y, most, seed), space.ids()
    x, own = space.vectors()[rows[some]], y[some]
    curve, gain, chances = _curve(x, own, seed)
    capacity, fewer = _capacity(x, own, curve[-1].asked.guess, seed)
    clean = chances.argmax(1) == own  # a line that learns from wrong labels is less sure of the right ones
    if (np.bincount(own[clean], minlength=len(kept)) >= FOLDS).all():
        chances = _again(x, own, clean, seed)
    else:
        clean[:] = True
    right, told = _looked_at(space.vectors(), rows, y, (some, chances), some[clean], seed)
    suspects = _slips.suspects([ids[i] for i in rows], [names[i] for i in kept], y, right, told)
    leaks = None if split is None else _leaks(space, split)
    return Diagnosis(label, len(rows), len(some), curve, gain, capacity, fewer, suspects, leaks)


def _looked_at(
    vectors: np.ndarray,
    rows: np.ndarray,
    y: np.ndarray,
    asked: tuple[np.ndarray, np.ndarray],
    clean: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the chance that a label is right, and the likeliest one, of every row.

    `asked`: some of the rows, with chances by lines that had not seen them; the others are told by a line
    that learns from the `clean` of these.
    """
    seen, chances = asked
    rest = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(y)), seen))
    blocks = [rest[i : i + BLOCK] for i in range(0, len(rest), BLOCK)]
    if blocks:
        line, first = _line(vectors[rows[clean]], y[clean], seed), blocks.pop(0)
        told = line.predict_proba(vectors[rows[first]])
        seen, chances = np.concatenate([seen, first]), np.concatenate([chances, told])
    law = _slips.slips(chances, y[seen])
    right, likeliest = np.zeros(len(y)), np.zeros(len(y), np.int64)
    right[seen], likeliest[seen] = _slips.doubts(chances, y[seen], law), chances.argmax(1)
    for block in blocks:
        told = line.predict_proba(vectors[rows[block]])
        right[block], likeliest[block] = _slips.doubts(told, y[block], law), told.argmax(1)
    return right, likeliest


def _drawn_by_chance(y: np.ndarray, most: int, seed: int) -> np.ndarray:
    """About `most` rows, each label as often as among all, but often enough to be dealt into folds."""
    if len(y) <= most:
        return np.arange(len(y))
    counts, rng = np.bincount(y), np.random.default_rng(seed)
    take = np.minimum(counts, np.maximum(2 * FOLDS, np.round(counts * most / len(y)).astype(int)))
    return np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == c))[:n] for c, n in enumerate(take)]))


def _curve(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[list[Step], Measure, np.ndarray]:
    """The curve, the gain of its last doubling, and chances (n, c) by lines that had not seen the row."""
    c = int(y.max()) + 1
    right, own = np.zeros((2, len(SHARES), FOLDS))
    learnt, guess, chances = np.zeros((len(SHARES), FOLDS)), np.zeros(FOLDS), np.zeros((len(x), c))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y)
    with progress("diagnosing", len(SHARES) * FOLDS) as bar:
        for f, (train, test) in enumerate(folds):
            guess[f] = (y[test] == np.bincount(y[train]).argmax()).mean()
            for i, share in enumerate(SHARES):
                some = _some(train, y, max(2 * c, round(share * len(train))), seed)
                fitted = _line(x[some], y[some], seed)
                told = fitted.predict_proba(x[test])  # (t, c): every label is among `some`
                right[i, f] = (told.argmax(1) == y[test]).mean()
                own[i, f], learnt[i, f] = fitted.score(x[some], y[some]), len(some)
                bar.advance()
            chances[test] = told  # of the last share, which is all
    steps = {
        round(m.mean()): Step(
            round(m.mean()), Measure(*interval(list(r), 1), float(guess.mean())), float(o.mean())
        )
        for m, r, o in zip(learnt, right, own)
    }  # few rows give the same number twice
    return list(steps.values()), Measure(*interval(list(right[-1] - right[-2])), 0.0), chances


def _capacity(x: np.ndarray, y: np.ndarray, guess: float, seed: int) -> tuple[list[Step], Measure]:
    """The curve against the main axes that a line may look at, and what fewer would bring.

    Each fold asks as many axes as the other folds found best: else the best of several flatters itself.
    """
    most = min(x.shape[1], len(x) - -(-len(x) // FOLDS))
    axes = [*(2**i for i in range(12) if 2**i < most), most]
    right, own = np.zeros((2, len(axes), FOLDS))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y)
    with progress("looking at fewer axes", FOLDS) as bar:
        for f, (train, test) in enumerate(folds):
            main = PCA(most, svd_solver="full").fit(x[train])
            a, b = main.transform(x[train]), main.transform(x[test])
            for i, m in enumerate(axes):
                fitted = _line(a[:, :m], y[train], seed)
                right[i, f], own[i, f] = fitted.score(b[:, :m], y[test]), fitted.score(a[:, :m], y[train])
            bar.advance()
    steps = [
        Step(m, Measure(*interval(list(r), 1), guess), float(o.mean())) for m, r, o in zip(axes, right, own)
    ]
    best = [int(np.delete(right, f, 1).mean(1).argmax()) for f in range(FOLDS)]
    gains = [float(right[best[f], f] - right[-1, f]) for f in range(FOLDS)]
    return steps, Measure(*interval(gains), 0.0)


def _again(x: np.ndarray, y: np.ndarray, clean: np.ndarray, seed: int) -> np.ndarray:
    """Chances (n, c) by lines that learnt from clean rows only, and not from the row itself."""
    chances = np.zeros((len(x), int(y.max()) + 1))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        kept = train[clean[train]]
        fitted = _line(x[kept], y[kept], seed)
        chances[np.ix_(test, fitted.classes_)] = fitted.predict_proba(x[test])
    return chances


def _line(x: np.ndarray, y: np.ndarray, seed: int) -> Any:
    return model("linear", Asked(False, len(x), "l2", seed), {}).fit(x, y)


def _some(rows: np.ndarray, y: np.ndarray, m: int, seed: int) -> np.ndarray:
    """About m of the rows, each label as often as among all, once at least."""
    c = len(np.unique(y[rows]))
    if m > len(rows) - c:
        return rows
    drawn = train_test_split(rows, train_size=m, stratify=y[rows], random_state=seed)[0]
    missing = np.setdiff1d(y[rows], y[drawn])
    first = [rows[np.flatnonzero(y[rows] == code)[0]] for code in missing]
    return np.concatenate([drawn, np.array(first, int)])


def _leaks(space: Space, split: str) -> pa.Table:
    """Rows whose group of near-duplicates lies on several sides of the split."""
    sides = np.array([str(v) for v in values_of(space, split).to_pylist()], object)
    found, ids = duplicates(space, exact=len(space) <= ALL_PAIRS), space.ids()
    across = [g for g in np.unique(found.groups) if len(set(sides[found.rows[found.groups == g]])) > 1]
    kept = np.isin(found.groups, across)
    rows = found.rows[kept]
    return pa.table(
        {
            "group": pa.array(found.groups[kept], pa.int64()),
            "id": pa.array([ids[i] for i in rows], pa.string()),
            "side": pa.array(list(sides[rows]), pa.string()),
            "nearest": pa.array([ids[i] for i in found.nearest[kept]], pa.string()),
            "distance": pa.array(found.distances[kept], pa.float32()),
        }
    )
