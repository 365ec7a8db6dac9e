"""Gaussians fitted to vectors, their number given or found; one is an honest answer, too.

Legend: n rows, D dimensions, d after reduction, k groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from ..console import progress
from ..errors import DataError, OptionError
from . import _mixture
from ._neighbours import directions

Covariance = Literal["full", "tied", "diag"]
MOST = 12  # groups looked for
LOOK = 5000  # rows that say which directions are worth looking in
PATIENCE = 4  # more groups that do not better ICL, and the search ends
RESAMPLINGS = 6
STABLE = 0.6  # ARI between two halves' groupings. Clear groups give .95 and more, handwritten digits .7
# Between two groups the density must fall to half of the lower peak (a split Gaussian: .8 to 1), and on rows
# not fitted to two thirds: half the rows place the axes less well.
DEEP, DEEP_ELSEWHERE = 0.5, 0.67
WHOLE = 0.2  # share of rows cut off from their hill of the density: two moons in two .23, digits in ten .05


@dataclass(frozen=True)
class Trial:
    """What was seen with k groups. NaN where ICL or separation had settled it already."""

    k: int
    bic: float
    icl: float
    valley: float  # 0: a gap between the closest two groups; 1: none
    torn: float  # share of rows cut off from the rest of their hill of the density
    elsewhere: float = float("nan")  # the valley on rows not fitted
    stability: float = float("nan")  # ARI between the groupings of two halves
    held: bool = False  # separated, whole and found again


@dataclass(frozen=True)
class Mixture:
    """k Gaussians, the largest first, in the vectors' own coordinates (or the leading `dims` of them)."""

    k: int
    found: bool  # chosen here, not given
    weights: np.ndarray  # (k,)
    means: np.ndarray  # (k, D)
    covariances: np.ndarray  # (k, d, d) about `means`, along `axes`
    axes: np.ndarray  # (D, d) orthonormal: the identity unless there were too many dimensions for the rows
    memberships: np.ndarray  # (n, k)
    log_likelihood: np.ndarray  # (n,)
    distances: np.ndarray  # (n, k) Mahalanobis
    trials: tuple[Trial, ...]
    tried: int  # rows on which
    covariance: Covariance

    @property
    def labels(self) -> np.ndarray:  # (n,)
        return np.asarray(self.memberships.argmax(1))

    def places(self, vectors: np.ndarray) -> np.ndarray:  # (n, D) -> (n, d)
        """Where rows lie along `axes`, about the middle of all: what the Gaussians were fitted to."""
        return np.asarray((vectors - self.weights @ self.means) @ self.axes)

    @property
    def stability(self) -> float:
        """How alike the groupings of two halves of the data are (ARI, 1 the same); NaN if not measured."""
        return next((t.stability for t in self.trials if t.k == self.k), float("nan"))


def mixture(
    vectors: np.ndarray,
    k: int | None = None,
    *,
    covariance: Covariance = "full",
    starts: int = 10,
    seed: int = 0,
    rows: int = 5000,
) -> Mixture:
    """Gaussians fitted to (n, D). k=None finds their number, on at most `rows` of the rows."""
    given = _checked(vectors, k, covariance)
    with threadpool_limits(1):  # matrices this small are slower on several threads, and the bits would differ
        x, scale, axes, centre = _standard(given)
        rng = np.random.default_rng(seed)
        sample = x[_some(rng, len(x), rows)]
        found = k is None
        g, trials = (
            _choose(sample, covariance, starts, rng)
            if k is None
            else _given(sample, k, covariance, starts, rng)
        )
        k = int(g.n_components)
        if len(x) > len(sample):
            g = _mixture.refine(g, x[_some(rng, len(x), 10 * rows)])
        order = np.argsort(-np.bincount(g.predict(x), minlength=k), kind="stable")
        cov = _mixture.covariances(g)[order]
        return Mixture(
            k=k,
            found=found,
            weights=g.weights_[order],
            means=centre + scale * g.means_[order] @ axes.T,  # (k, d) -> (k, D)
            covariances=cov * scale**2,
            axes=axes,
            memberships=g.predict_proba(x)[:, order],
            log_likelihood=g.score_samples(x) - x.shape[1] * np.log(scale),
            distances=_mahalanobis(x, g.means_[order], cov),
            trials=trials,
            tried=len(sample),
            covariance=covariance,
        )


def _checked(vectors: np.ndarray, k: int | None, covariance: str) -> np.ndarray:
    if covariance not in ("full", "tied", "diag"):
        raise OptionError(f"no covariance called {covariance!r}", "Known: full, tied, diag.")
    if k is not None and not 1 <= k <= len(vectors):
        raise OptionError(
            f"{k} clusters of {len(vectors)} rows", "Give a number from 1 to the number of rows."
        )
    if vectors.ndim != 2 or len(vectors) < 2:
        raise DataError(f"clusters need at least 2 rows of vectors; got an array of shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise DataError(
            "some vectors hold NaN or infinity", "Find and delete them, or learn the encoder again."
        )
    return np.asarray(vectors, np.float64)


def _standard(x: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """Centred, mean variance 1, in as many directions as let n rows carry twelve full covariances."""
    n, dim = x.shape
    centre, axes = x.mean(0), np.eye(dim)
    few = max(2, min(32, int(np.sqrt(n / MOST))))
    if dim > few:
        axes = directions(x[_some(np.random.default_rng(0), n, LOOK)], few)
    y = (x - centre) @ axes  # (n, D) -> (n, d)
    scale = float(np.sqrt(y.var(0).mean())) or 1.0
    return y / scale, scale, axes, centre


def _some(rng: np.random.Generator, n: int, most: int) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(rng.permutation(n)[:most])


def _given(
    x: np.ndarray, k: int, covariance: str, starts: int, rng: np.random.Generator
) -> tuple[Any, tuple[Trial, ...]]:
    g = _mixture.apart(x, k, covariance, starts, _seed(rng))
    enough = k > 1 and len(x) >= 4 * k
    return g, (_tried_again(_trial(g, x, None), x, covariance, starts, rng),) if enough else ()


def _choose(
    x: np.ndarray, covariance: str, starts: int, rng: np.random.Generator
) -> tuple[Any, tuple[Trial, ...]]:
    """The number of groups with the best ICL among those that are separated, whole and found again."""
    n, d = x.shape
    affordable = int(n / (1.5 * (1 + d + d * (d + 1) / 2)))
    with progress("looking for groups", MOST + 2) as bar:
        fits, worth = [], []
        for k in range(1, max(1, min(MOST, affordable)) + 1):
            fits.append(_mixture.fit(x, k, covariance, starts, _seed(rng)))
            bar.advance()
            worth.append(_mixture.icl(fits[-1], x))
            if k - int(np.argmin(worth)) > PATIENCE:
                break
        richest = min(fits, key=lambda g: float(g.bic(x)))
        hills = _mixture.modes(richest)[richest.predict(x)]
        trials = [_trial(g, x, hills) for g in fits]
        chosen = 1
        for t in sorted(trials[1:], key=lambda t: t.icl):
            if t.valley <= DEEP and t.torn <= WHOLE:
                trials[t.k - 1] = t = _tried_again(t, x, covariance, starts, rng)
                if t.held:
                    chosen = t.k
                    break
    # Few starts can miss the likeliest by a little
    once_more = _mixture.fit(x, chosen, covariance, 3 * starts, _seed(rng))
    return max(fits[chosen - 1], once_more, key=lambda g: float(g.lower_bound_)), tuple(trials)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 20))


def _trial(g: Any, x: np.ndarray, hills: np.ndarray | None) -> Trial:
    torn = 0.0 if hills is None else _mixture.torn(g.predict(x), hills)
    valley = _mixture.valley(g, x) if g.n_components > 1 else 0.0
    return Trial(g.n_components, float(g.bic(x)), _mixture.icl(g, x), valley, torn)


def _tried_again(t: Trial, x: np.ndarray, covariance: str, starts: int, rng: np.random.Generator) -> Trial:
    """Fits both halves of the rows, again and again: are the groups the same, and apart on the other half?"""
    alike, valleys = [], []
    for _ in range(RESAMPLINGS):
        first, second = np.array_split(rng.permutation(len(x)), 2)
        a, b = (_mixture.fit(x[half], t.k, covariance, starts, _seed(rng)) for half in (first, second))
        alike.append(adjusted_rand_score(a.predict(x), b.predict(x)))
        valleys += [_mixture.valley(a, x[second]), _mixture.valley(b, x[first])]
    stability, elsewhere = float(np.mean(alike)), float(np.median(valleys))
    held = stability >= STABLE and max(t.valley / DEEP, elsewhere / DEEP_ELSEWHERE, t.torn / WHOLE) <= 1
    return replace(t, elsewhere=elsewhere, stability=stability, held=held)


def _mahalanobis(x: np.ndarray, means: np.ndarray, cov: np.ndarray) -> np.ndarray:  # -> (n, k)
    out = []
    for m, c in zip(means, cov):
        root = np.linalg.cholesky(np.linalg.inv(c))  # c^-1 = L L'
        out.append(np.linalg.norm((x - m) @ root, axis=1))
    return np.stack(out, 1)
