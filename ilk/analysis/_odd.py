"""How likely a row as odd as this is where none is odd: measures of thin places, and their p.

Legend: n rows, D dimensions, m odd rows, k groups.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf

from ._neighbours import among, nearest

NEAR = 20  # neighbours: without trusted rows, larger groups are not odd
LEAST = 60  # rows, from which on the rarest quarter says how rows thin out
EDGE, ODD = 0.75, 0.95  # between these shares of the rows it is read off; what lies beyond may be odd
FOLDS = 5
SHAPED = 20_000  # rows that say what shape a group has
ALONE, GROUP, LARGE = "isolated", "in a small group of its own", "in a large group of its own"

Far = Callable[[np.ndarray, np.ndarray], np.ndarray]  # by rows that are known (b,), of others (m,): (m,)


def neighbours(x: np.ndarray, k: int) -> Far:
    """The distance to the k-th neighbour: the denser a place, the less."""

    def far(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return among(x[known], x[asked], min(k, len(known)))[1][:, -1]

    return far


def density(x: np.ndarray, labels: np.ndarray, seed: int = 0) -> Far:
    """How far out of all groups (n,), a Gaussian each: of a single one, the Mahalanobis distance.

    Of several it is sqrt(2 log(highest density there can be / density here)). -1: shapes no group.
    """
    rng = np.random.default_rng(seed)

    def far(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        own = labels[known]
        names, counts = np.unique(own[own >= 0], return_counts=True)
        large = names[counts >= 5] if (counts >= 5).any() else names
        heights, logs = [], []
        for name in large:
            rows = known[own == name]
            gauss = _robust(x[rows[rng.permutation(len(rows))[:SHAPED]]])
            half = 0.5 * float(np.linalg.slogdet(gauss.get_precision())[1])
            heights.append(np.log(len(rows)) + half)
            logs.append(heights[-1] - 0.5 * gauss.mahalanobis(x[asked]))
        return np.asarray(np.sqrt(np.maximum(2 * (logsumexp(heights) - logsumexp(logs, axis=0)), 0)))

    return far


def _robust(own: np.ndarray) -> LedoitWolf:
    """Fitted twice, then without the tenth that lies farthest out: else the odd would widen their measure."""
    gauss = LedoitWolf().fit(own)  # shrunk: a group may have fewer rows than there are dimensions
    far = gauss.mahalanobis(own)
    core = own[far <= np.quantile(far, 0.9)]
    return LedoitWolf().fit(core) if len(core) > 1 else gauss


def among_all(far: Far, n: int, seed: int = 0) -> np.ndarray:
    """(n,) each row by a fit that had not seen it."""
    folds = np.array_split(np.random.default_rng(seed).permutation(n), FOLDS)
    out = np.zeros(n)
    for i, rows in enumerate(folds):
        out[rows] = far(np.sort(np.concatenate(folds[:i] + folds[i + 1 :])), rows)
    return out


def by_trusted(far: Far, trusted: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) of rows asked, the measure and its p; of trusted rows NaN: they say what is usual.

    Half of the trusted rows are what is known, the other half is asked as the others are: then those and a
    usual row differ in nothing (Bates et al. 2023).
    """
    mixed = np.random.default_rng(seed).permutation(trusted)
    known, usual = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    asked = np.setdiff1d(np.arange(n), trusted)
    measure, p = np.full((2, n), np.nan)
    measure[asked], reference = far(known, asked), far(known, usual)
    p[asked] = conformal(reference, measure[asked])
    measure[asked] /= np.median(reference) or 1.0
    return measure, p


def conformal(usual: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(q,) of each asked, its rank from above among the usual: even in 0 to 1 where it is one of them."""
    above = len(usual) - np.searchsorted(np.sort(usual), asked, "left")
    return np.asarray((1 + above) / (1 + len(usual)))


def by_tail(far: np.ndarray) -> np.ndarray:
    """(n,) p of measures above 0, by how the upper quarter thins out; NaN stays.

    The logarithm of the distance to a neighbour has an exponential tail or a lighter one in clouds as
    different as Gaussian, even and heavy-tailed ones: a power law of distances is the worst there is. Its
    rate is that of the rows between EDGE and ODD, as those above may be the odd ones: they count as known
    to lie above ODD. As the rate is estimated, p is that of the next draw: (1 + excess / total)^-kept.
    Of fewer rows than LEAST it is the rank.
    """
    p = np.full(len(far), np.nan)
    known = np.isfinite(far)
    s = np.log(np.maximum(far[known], np.finfo(np.float32).tiny))
    ranked, n = np.sort(s), len(s)
    rank = (n - np.searchsorted(ranked, s, "left")) / max(1, n)
    if n < LEAST:
        p[known] = rank
        return p
    edge, top = ranked[int(EDGE * n)], ranked[int(ODD * n)]
    above = s > edge
    kept = above & (s <= top)
    total = float((s[kept] - edge).sum() + (above.sum() - kept.sum()) * (top - edge))
    tail = np.full(n, 1.0 if total == 0 else above.mean())  # total is 0 where most are the same
    tail[above] *= (1 + (s[above] - edge) / total) ** -kept.sum() if total else 1
    p[known] = np.where(above, tail, rank)
    return p


def kinds(x: np.ndarray, odd: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Odd rows (m,) nearer to one another than to any other row are a group; up to NEAR are a small one."""
    if not len(odd):
        return [], np.zeros(0, int)
    others, label = np.setdiff1d(np.arange(len(x)), odd), np.arange(len(odd))
    if len(odd) > 1 and len(others):
        away = among(x[others], x[odd], 1)[1][:, 0]  # (m,)
        near, far = nearest(x[odd], min(NEAR, len(odd) - 1))
        one, j = np.nonzero(far < np.minimum(away[:, None], away[near]))
        links = coo_array((np.ones(len(one), np.int8), (one, near[one, j])), shape=(len(odd), len(odd)))
        label = np.asarray(connected_components(links, directed=False)[1], np.int64)
    sizes = np.bincount(label)
    several = np.flatnonzero(sizes > 1)
    told = [ALONE if sizes[own] == 1 else GROUP if sizes[own] <= NEAR else LARGE for own in label]
    return told, np.where(sizes[label] > 1, np.searchsorted(several, label), -1)
