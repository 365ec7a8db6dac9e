"""Second opinions on groups: are they found again, how far apart do they lie, what says a way without shapes.

Legend: n rows, d dimensions, k groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from . import _mixture
from ._neighbours import among
from ._probed import Measure
from .mixture import STABLE

RESAMPLINGS = 20
SOME = 2000  # rows that are looked at
LEAST, SMALL = 10, 0.02  # rows, share of the rows: what HDBSCAN has to call a group
CORE = 10  # neighbours that make a place dense
HALVES = 3


@dataclass(frozen=True)
class Dense:
    """What HDBSCAN finds (Campello et al. 2013): dense places of any shape, and samples that lie in none."""

    k: int
    labels: np.ndarray  # (m,) -1: in none
    rows: np.ndarray  # (m,) that were looked at
    stability: float  # how alike the groupings by two halves of the rows are (ARI)

    @property
    def clear(self) -> bool:
        return self.k > 1 and self.stability >= STABLE

    @property
    def none(self) -> float:
        """The share of samples in no dense place."""
        return float((self.labels < 0).mean())

    def alike(self, labels: np.ndarray) -> float:
        """ARI with other groups (n,), of the samples that lie in a dense place."""
        dense = self.labels >= 0
        return float(adjusted_rand_score(labels[self.rows][dense], self.labels[dense]))


def dense(x: np.ndarray, seed: int = 0) -> Dense:
    """HDBSCAN of (n, d), and of halves of the rows, where every row goes with its nearest one."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(x))[:SOME])
    some = np.ascontiguousarray(x[rows], np.float32)
    labels, again = _by_density(some), []
    if labels.max() > 0:
        for _ in range(HALVES):
            halves = np.array_split(rng.permutation(len(some)), 2)
            one, other = (_by_density(some[h], 2)[among(some[h], some, 1)[0][:, 0]] for h in halves)
            again.append(_agreement(one, other))
    return Dense(int(labels.max()) + 1, labels, rows, float(np.mean(again)) if again else float("nan"))


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    """ARI of the rows that both put into a group; 0 where they differ about most of these, or find one."""
    both, either = (one >= 0) & (other >= 0), (one >= 0) | (other >= 0)
    if min(one.max(), other.max()) < 1 or both.sum() < either.sum() / 2:
        return 0.0
    return float(adjusted_rand_score(one[both], other[both]))


def _by_density(x: np.ndarray, part: int = 1) -> np.ndarray:
    """Of one `part`-th of the rows, groups are so many times smaller, and places thinner."""
    size = max(LEAST // part, round(SMALL * len(x)))
    if len(x) <= size:
        return np.full(len(x), -1)
    way = HDBSCAN(min_cluster_size=size, min_samples=min(CORE // part, len(x) - 1), copy=True)
    return np.asarray(way.fit_predict(x))


def found_again(x: np.ndarray, labels: np.ndarray, covariance: str, seed: int = 0) -> list[Measure]:
    """Of each group, what of it the best group of a half of the rows covers (Jaccard, Hennig 2007).

    The median of the halves, and the middle nine tenths. By chance, a group of a share s scores about s.
    """
    rng, k = np.random.default_rng(seed), int(labels.max()) + 1
    rows = np.sort(rng.permutation(len(x))[:SOME])
    some, own = x[rows] / np.sqrt(x.var(0).mean() or 1.0), labels[rows]
    shares = np.zeros((RESAMPLINGS, k))
    for i in range(RESAMPLINGS):
        half = rng.permutation(len(some))[: len(some) // 2]
        g = _mixture.fit(some[half], k, covariance, 3, int(rng.integers(1 << 20)))
        told = g.predict(some)
        both = np.zeros((k, k))
        np.add.at(both, (own, told), 1)
        either = both.sum(1)[:, None] + both.sum(0) - both
        shares[i] = np.divide(both, either, out=np.zeros_like(both), where=either > 0).max(1)
    chance = np.bincount(own, minlength=k) / len(own)
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    return [Measure(*map(float, four)) for four in zip(np.median(shares, 0), low, high, chance)]


def silhouettes(x: np.ndarray, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n,) how much nearer each row is to its own group than to the next: 1 at best; NaN if not looked at.

    Rousseeuw (1987), which takes all groups to be round and of one size.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(x))[:SOME])
    out = np.full(len(x), np.nan)
    if 1 < len(np.unique(labels[rows])) < len(rows):
        out[rows] = silhouette_samples(x[rows], labels[rows])
    return out
