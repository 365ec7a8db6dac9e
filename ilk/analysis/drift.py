"""What has changed between two versions of a space: which rows, and whether new ones are of another kind.

Whether two sets of rows are drawn alike is asked of their neighbours (Schilling 1986, Henze 1988): mixed in
equal numbers, half of a row's neighbours should be of its own set.

Legend: n rows, D numbers a vector, k neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..errors import EncoderMismatch
from ._drawn import trust as _drawn
from ._neighbours import nearest
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..space import Space

SOME = 2000  # rows of each set
LEAST = 20  # rows of a set, to say anything of it
K = 10
TRIALS = 999  # of chance


@dataclass(frozen=True)
class Drift(Result):
    before: int  # rows
    after: int
    added: int
    gone: int
    changed: int  # the same id with another vector
    own: (
        float | None
    )  # share of neighbours of the own set, new rows among old ones; None where too few are new
    chance: float | None  # how often rows drawn alike give as much
    moved: np.ndarray  # (D,) how far the mean of new rows is from that of the old, in spreads of the old

    @property
    def unlike(self) -> bool:
        return self.chance is not None and self.chance < 0.01

    def table(self) -> pa.Table:
        """The dimensions, those first where new rows are farthest off."""
        order = np.argsort(-np.abs(self.moved), kind="stable")
        return pa.table({"dimension": order, "moved": self.moved[order]})

    def sentence(self) -> str:
        counts = (
            f"{self.before:,} rows before, {self.after:,} after: {self.added:,} added, {self.gone:,} gone, "
            f"{self.changed:,} changed."
        )
        if self.own is None:
            return f"{counts} Too few are new to say whether they are of another kind."
        kind = "are unlike those there were" if self.unlike else "look like those there were"
        return (
            f"{counts} The new ones {kind}: {self.own:.0%} of nearest neighbours are of the own set, where "
            f"50% is chance (p = {self.chance:.3f})."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_drift(self)


def drift(before: Space, after: Space, *, seed: int = 0) -> Drift:
    """New rows are those of `after` whose id or vector `before` has not; both hold one encoder's vectors.

    `before`: an old version of the same space (`Space.open(path, version=...)`), or another space.
    """
    if before.fingerprint != after.fingerprint:
        raise EncoderMismatch(
            f"{before.path} holds vectors of {before.fingerprint}, {after.path} of {after.fingerprint}",
            "Drift is between vectors of one encoder; `ilk align` compares those of two.",
        )
    x, y = before.vectors(), after.vectors()
    place = {name: i for i, name in enumerate(before.ids())}
    was = np.array([place.get(name, -1) for name in after.ids()], np.int64)
    kept = np.flatnonzero(was >= 0)
    changed = kept[(x[was[kept]] != y[kept]).any(axis=1)]
    new = np.sort(np.concatenate([np.flatnonzero(was < 0), changed]))
    own = chance = None
    if min(len(new), len(x)) >= LEAST:
        ready = after.measure.ready
        own, chance = alike(ready(np.ascontiguousarray(x)), ready(y[new]), seed)
    moved = np.zeros(x.shape[1])
    if len(new) and len(x):
        spread = x.std(0)
        moved = np.divide(y[new].mean(0) - x.mean(0), spread, out=moved, where=spread > 0)
    added = len(was) - len(kept)
    return Drift(len(x), len(y), added, len(x) - len(kept), len(changed), own, chance, moved)


def alike(x: np.ndarray, y: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The share of neighbours of the own set, .5 where drawn alike; how often chance gives as much."""
    rng = np.random.default_rng(seed)
    size = min(len(x), len(y), SOME)
    both = np.concatenate([v[rng.permutation(len(v))[:size]] for v in (x, y)])
    near, _ = nearest(both, min(K, len(both) - 1))  # (2 size, k)
    side = np.repeat([False, True], size)

    def share(side: np.ndarray) -> float:
        return float((side[near] == side[:, None]).mean())

    found = share(side)
    as_much = sum(share(rng.permutation(side)) >= found for _ in range(TRIALS))
    return found, (1 + as_much) / (1 + TRIALS)
