"""A Gaussian mixture fitted from many starts, and what tells real groups from cuts through a continuum.

Legend: n rows, D dimensions, k groups.

Likelihood alone cannot tell: a curved or heavy-tailed continuum is always fitted better by more Gaussians.
Groups are real when the density falls between them, which is asked twice, of the data (`valley`) and of a
richer mixture (`modes`), and when another sample of the same data shows them again (in `clusters`).
"""

import warnings
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

INITS = ("k-means++", "kmeans", "random_from_data")  # each fails on some data that another one solves
RIDGE = 1e-4  # of the mean variance (which `standard` sets to 1): keeps a group of few points from collapsing
TOL = 1e-3  # of the mean log likelihood
BROAD = 0.03  # the same, for a second opinion: a likelihood that gains less by making groups thin


def fit(x: np.ndarray, k: int, covariance: str, starts: int, seed: int, ridge: float = RIDGE) -> Any:
    """The likeliest of `starts` mixtures: each runs a little, the best three to the end (emEM)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of k-means on copies
        begun = [
            GaussianMixture(
                k,
                covariance_type=covariance,
                reg_covar=ridge,
                init_params=INITS[s % 3],
                random_state=seed * 1000 + s,
                max_iter=0,
            ).fit(x)
            for s in range(starts if k > 1 else 1)
        ]
    short = [_climbed(g, x, ridge, 12) for g in begun]
    short.sort(key=lambda g: -g.lower_bound_)
    return max((refine(g, x, ridge) for g in short[:3]), key=lambda g: float(g.lower_bound_))


def apart(x: np.ndarray, k: int, covariance: str, starts: int, seed: int) -> Any:
    """The k groups that are clearest apart, of the likeliest two ways to find them.

    Where the data hold more than k groups, some must share a Gaussian. The likelihood then chooses which by
    how thin the others are, and differently from seed to seed; where they lie is the better reason.
    """
    likeliest = fit(x, k, covariance, starts, seed)
    if k == 1:
        return likeliest
    second = refine(fit(x, k, covariance, starts, seed, BROAD), x)
    return min((likeliest, second), key=lambda g: valley(g, x))


def refine(g: Any, x: np.ndarray, ridge: float = RIDGE) -> Any:
    """On from `g`, to the end, on the rows `x`."""
    return _climbed(g, x, ridge, 200)


def _climbed(g: Any, x: np.ndarray, ridge: float, most: int) -> Any:
    """Expectation and maximisation in turn, at most so often, until they gain less than `TOL` a row.

    As scikit-learn's own, whose checks of every small array take several times as long as its sums.
    """
    weights, means, roots, bound = g.weights_, g.means_, _roots(g), -np.inf
    for _ in range(most):
        log = np.log(weights) + _log_densities(x, means, roots)  # (n, k)
        top = log.max(1, keepdims=True)
        share = np.exp(log - top)
        total = share.sum(1, keepdims=True)
        share /= total
        before, bound = bound, float((top + np.log(total)).mean())
        held = share.sum(0) + 10 * np.finfo(float).eps  # (k,)
        weights, means = held / held.sum(), (share.T @ x) / held[:, None]
        found = _spread(x, share, held, means, g.covariance_type, ridge)
        roots = np.linalg.inv(np.linalg.cholesky(found)).swapaxes(1, 2)  # (k, D, D) L with L L' = found^-1
        if abs(bound - before) < TOL:
            break
    return _as_mixture(g, weights, means, found, roots, bound)


def _roots(g: Any) -> np.ndarray:
    """(k, D, D) upper L of each Gaussian, with L L' the inverse of its covariance."""
    roots, (k, dim) = g.precisions_cholesky_, g.means_.shape
    if g.covariance_type == "diag":
        return np.stack([np.diag(v) for v in roots])
    return np.broadcast_to(roots, (k, dim, dim))


def _log_densities(x: np.ndarray, means: np.ndarray, roots: np.ndarray) -> np.ndarray:  # -> (n, k)
    out = np.empty((len(x), len(means)))
    for i, (m, root) in enumerate(zip(means, roots)):
        y = x @ root - m @ root  # (n, D)
        out[:, i] = np.log(root.diagonal()).sum() - 0.5 * np.einsum("nd,nd->n", y, y)
    out -= 0.5 * x.shape[1] * np.log(2 * np.pi)
    return out


def _spread(
    x: np.ndarray, share: np.ndarray, held: np.ndarray, means: np.ndarray, kind: str, ridge: float
) -> np.ndarray:  # (k, D, D)
    found = np.empty((len(means), *2 * x.shape[1:]))
    for i, m in enumerate(means):
        step = x - m  # (n, D)
        found[i] = (share[:, i] * step.T) @ step / held[i]
    if kind == "tied":
        found[:] = np.average(found, axis=0, weights=held)
    one = np.eye(x.shape[1])
    return (found * one if kind == "diag" else found) + ridge * one


def _as_mixture(
    g: Any, weights: np.ndarray, means: np.ndarray, found: np.ndarray, roots: np.ndarray, bound: float
) -> Any:
    """What these parameters say of rows is asked of scikit-learn."""
    done = GaussianMixture(g.n_components, covariance_type=g.covariance_type)
    done.weights_, done.means_, done.lower_bound_ = weights, means, bound
    if g.covariance_type == "diag":
        found, roots = (a.diagonal(axis1=1, axis2=2) for a in (found, roots))
    elif g.covariance_type == "tied":
        found, roots = found[0], roots[0]
    done.covariances_, done.precisions_cholesky_ = found, roots
    return done


def icl(g: Any, x: np.ndarray) -> float:
    """BIC and twice the entropy of the memberships: charging groups that overlap. Smaller is better."""
    p = g.predict_proba(x)  # (n, k)
    return float(g.bic(x) - 2 * (p * np.log(p + 1e-300)).sum())


def covariances(g: Any) -> np.ndarray:
    """(k, D, D) whatever the kind."""
    c = g.covariances_
    k, dim = g.means_.shape
    if g.covariance_type == "diag":
        return np.stack([np.diag(v) for v in c])
    return np.broadcast_to(c, (k, dim, dim)) if g.covariance_type == "tied" else np.asarray(c)


def valley(g: Any, x: np.ndarray) -> float:
    """How full the emptiest place between the two worst-separated groups is: 0 a gap, 1 no dip at all.

    Each pair's rows fall on their discriminant axis; there, the density's lowest point between the two
    means is compared with the lower of the highest points on either side. `x` had better be rows that
    `g` was not fitted to: an axis fitted to noise separates that noise.
    """
    labels, cov, worst = g.predict(x), covariances(g), 0.0
    for i in range(g.n_components):
        for j in range(i):
            pair = x[(labels == i) | (labels == j)]
            if min((labels == i).sum(), (labels == j).sum()) < 5:
                return 1.0
            axis = np.linalg.solve(cov[i] + cov[j], g.means_[i] - g.means_[j])
            worst = max(worst, _dip(pair @ axis, *sorted((g.means_[i] @ axis, g.means_[j] @ axis))))
    return worst


def _dip(t: np.ndarray, left: float, right: float, bins: int = 256) -> float:
    low, high = t.min(), t.max()
    if not low < high:
        return 1.0
    counts, edges = np.histogram(t, bins, (low, high))
    width = 0.63 * t.std() * len(t) ** -0.2  # seven tenths of Silverman's: his is for a single Gaussian
    density = gaussian_filter1d(counts.astype(float), width / (edges[1] - edges[0]), mode="constant")
    shore = np.minimum(np.maximum.accumulate(density), np.maximum.accumulate(density[::-1])[::-1])
    middle = (edges[:-1] >= left) & (edges[1:] <= right)
    return float((density[middle] / shore[middle]).min()) if middle.any() else 1.0


def modes(g: Any, keep: float = 0.3) -> np.ndarray:
    """(k,) which hill of the whole density each Gaussian belongs to: those with no real dip between are one.

    Between two Gaussians every extremum lies on their ridge line (Ray & Lindsay 2005). Its lowest point is
    the pass; a hill is its own when the pass lies below `keep` of its height (as in ToMATo, Chazal 2013).
    """
    k, hill = g.n_components, list(range(g.n_components))
    height = g.score_samples(g.means_)  # log density
    passes = sorted(((_pass(g, i, j), i, j) for i in range(k) for j in range(i)), reverse=True)

    def top(i: int) -> int:
        while hill[i] != i:
            i = hill[i]
        return i

    for saddle, i, j in passes:  # the highest pass first, so that bent groups join step by step
        low, high = sorted((top(i), top(j)), key=lambda m: float(height[m]))
        if low != high and saddle > height[low] + np.log(keep):
            hill[low] = high
    return np.array([top(i) for i in range(k)])


def _pass(g: Any, i: int, j: int) -> float:
    cov, m = covariances(g), g.means_
    share = np.linspace(0, 1, 33)[:, None, None]
    a, b = (1 - share) * np.linalg.inv(cov[i]), share * np.linalg.inv(cov[j])  # (33, D, D)
    ridge = np.linalg.solve(a + b, a @ m[i, :, None] + b @ m[j, :, None])  # (33, D, 1)
    return float(g.score_samples(ridge[..., 0]).min())


def torn(labels: np.ndarray, hills: np.ndarray) -> float:
    """The share of rows that the grouping cuts off from the rest of their hill."""
    kept = sum(int(np.bincount(labels[hills == hill]).max()) for hill in np.unique(hills))
    return 1 - kept / len(labels)
