"""A card for each group: how sure it is, who stands for it, what is usual in it, how it differs.

Legend: n rows, k groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from ..console import progress
from ._differences import Difference, differences, typical
from ._drawn import cards as _drawn
from ._opinions import Dense, dense, found_again, silhouettes
from ._probed import Measure
from ._result import Picture, Result
from .clusters import Clusters, clusters
from .hierarchy import apart

if TYPE_CHECKING:
    from ..space import Space

WORDS = 4  # differences, and usual values, that a card tells
FACES = 8


@dataclass(frozen=True)
class Card:
    cluster: int
    size: int
    share: float
    again: Measure  # of the group, what the best group of half of the samples covers; guess: by chance
    silhouette: Measure  # how much nearer to its own group than to the next
    own: float  # mean chance of its samples to belong to it
    neighbour: int | None  # the group that it is cheapest to join with
    apart: float  # the cost of that: nats a sample
    representatives: list[str]
    typical: list[str]
    differences: list[Difference]

    def words(self) -> list[str]:
        """How it differs: from its neighbour first."""
        out = []
        for other in (self.neighbour, None):
            told = [d.words() for d in self.differences if d.other == other][: WORDS // 2]
            if told:
                out.append(f"unlike {'the others' if other is None else other}: {', '.join(told)}")
        return list(dict.fromkeys(out))

    def sentence(self) -> str:
        sure = f"found again by {self.again.value:.0%} ({self.again.low:.0%} to {self.again.high:.0%})"
        words = self.words()
        told = f" {'; '.join(words)}." if words else ""
        beside = "" if self.neighbour is None else f", nearest to {self.neighbour}"
        return f"Group {self.cluster}: {self.size:,} samples ({self.share:.0%}), {sure}{beside}.{told}"


@dataclass(frozen=True)
class Cards(Result):
    groups: Clusters
    cards: list[Card]
    silhouette: np.ndarray  # (n,) NaN where it was not looked at
    dense: Dense  # what HDBSCAN says

    def table(self) -> pa.Table:
        """One row a group."""
        rows = [
            {
                "cluster": c.cluster, "size": c.size, "share": c.share,
                "again": c.again.value, "low": c.again.low, "high": c.again.high, "chance": c.again.guess,
                "silhouette": c.silhouette.value, "own": c.own, "neighbour": c.neighbour, "apart": c.apart,
                "typical": c.typical, "differs": c.words(), "representatives": c.representatives,
            }
            for c in self.cards
        ]  # fmt: skip
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        parts = [self.groups.sentence()]
        if len(self.cards) > 1:
            least = min(self.cards, key=lambda c: c.again.value)
            parts.append(f"The least sure is {least.cluster}, found again by {least.again.value:.0%}.")
        d = self.dense
        if not d.clear:
            parts.append("HDBSCAN, which asks for no shape, finds no groups that last.")
        else:
            same = f", alike by {d.alike(self.groups.labels):.2f} (ARI)" if len(self.cards) > 1 else ""
            parts.append(
                f"HDBSCAN, which asks for no shape, finds {d.k} dense places{same}, and {d.none:.0%} of the "
                "samples in none."
            )
        return " ".join(parts)

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self.cards, self.groups.labels, self.silhouette)


def cluster_cards(space: Space, found: Clusters | None = None, *, seed: int = 0) -> Cards:
    """What can be said for each group of a space, and in words of its metadata; a second opinion by HDBSCAN.

    found   the groups, as of `ilk.clusters`, which is asked where none are given
    """
    found = clusters(space, seed=seed) if found is None else found
    x, columns, m = np.asarray(space.vectors()), space.metadata(), found.mixture
    labels, far = m.labels, apart(m)
    np.fill_diagonal(far, np.inf)
    neighbours = [int(far[c].argmin()) if m.k > 1 else None for c in range(m.k)]
    with threadpool_limits(1), progress("asking again", 4) as bar:
        places = m.places(np.asarray(x, np.float64))
        again = found_again(places, labels, m.covariance, seed)
        bar.advance()
        near = silhouettes(places, labels, seed)
        bar.advance()
        other = dense(places, seed)
        bar.advance()
        told = differences(columns, labels, neighbours)
    made = []
    for c in range(m.k):
        rows, neighbour = np.flatnonzero(labels == c), neighbours[c]
        usual = typical(columns, rows)
        telling = dict.fromkeys([*(d.column for d in told[c]), *usual])
        card = Card(
            c, len(rows), len(rows) / len(labels), again[c], _mean(near[rows]),
            float(m.memberships[rows, c].mean()) if len(rows) else float("nan"), neighbour,
            0.0 if neighbour is None else float(far[c, neighbour]), found.representatives(c, FACES),
            [usual[name] for name in telling if name in usual][:WORDS], told[c],
        )  # fmt: skip
        made.append(card)
    return Cards(found, made, near, other)


def _mean(values: np.ndarray) -> Measure:
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return Measure(float("nan"), float("nan"), float("nan"), 0.0)
    mean, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / float(np.sqrt(len(values)))
    return Measure(mean, mean - half, mean + half, 0.0)
