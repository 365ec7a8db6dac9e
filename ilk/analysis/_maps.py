"""Maps from one space's vectors to another's, and how alike two sets of vectors of the same samples are.

Legend: n samples, D and E numbers a vector in the one and the other space, r directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV

_RIDGES = tuple(10.0**p for p in range(-6, 5))


@dataclass(frozen=True)
class Affine:
    """x -> (x - before) @ matrix + after"""

    before: np.ndarray  # (D,)
    matrix: np.ndarray  # (D, E)
    after: np.ndarray  # (E,)

    def __call__(self, x: np.ndarray) -> np.ndarray:  # (n, D) -> (n, E)
        out: np.ndarray = (x - self.before) @ self.matrix + self.after
        return out.astype(np.float32)


Fit = Callable[[np.ndarray, np.ndarray], Affine]  # x (n, D), y (n, E)


def rotation(x: np.ndarray, y: np.ndarray) -> Affine:
    """Orthogonal Procrustes: the turn, mirror and one scale that bring x nearest to y (Schoenemann 1966)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    before, after = x.mean(0), y.mean(0)
    x = x - before
    left, singular, right = np.linalg.svd(x.T @ (y - after), full_matrices=False)
    spread = float((x**2).sum())
    return Affine(before, left @ right * (singular.sum() / spread if spread else 0.0), after)


def linear(x: np.ndarray, y: np.ndarray) -> Affine:
    """Any matrix, held back as far as leaving one sample out says (ridge regression)."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    before, after = x.mean(0), y.mean(0)
    unit = float(np.sqrt(((x - before) ** 2).mean())) or 1.0  # so that the same ridges fit any scale
    fitted = RidgeCV(_RIDGES, fit_intercept=False).fit((x - before) / unit, y - after)
    return Affine(before, np.atleast_2d(fitted.coef_).T / unit, after)


WAYS: dict[str, Fit] = {"rotation": rotation, "linear": linear}


@dataclass(frozen=True)
class Canonical:
    """Directions in two spaces along which the same samples vary together (Hotelling 1936)."""

    one: Affine  # (n, D) -> (n, r), each direction of spread 1
    other: Affine  # (n, E) -> (n, r)
    correlations: np.ndarray  # (r,) falling, of the samples it was found by


def canonical(x: np.ndarray, y: np.ndarray, r: int | None = None, ridge: float = 1e-3) -> Canonical:
    """`ridge`: a share of the mean spread, added to every direction so that none is blown up."""
    one, a = whitener(x, ridge)
    other, b = whitener(y, ridge)
    joint = a.T @ ((x - one).T @ (y - other) / len(x)) @ b
    left, correlations, right = np.linalg.svd(joint, full_matrices=False)
    a, b = (a @ left)[:, :r], (b @ right.T)[:, :r]
    nothing = np.zeros(a.shape[1])
    return Canonical(Affine(one, a, nothing), Affine(other, b, nothing), correlations[:r])


def whitener(x: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean (D,), and the matrix (D, D) that makes every direction equally wide."""
    x = np.asarray(x, np.float64)
    mean = x.mean(0)
    variances, axes = np.linalg.eigh(np.cov(x.T, bias=True).reshape(x.shape[1], -1))
    floor = ridge * max(float(variances.mean()), np.finfo(float).tiny)
    return mean, axes / np.sqrt(np.maximum(variances, 0) + floor)


def alike(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA, 1 for spaces that differ by turn and scale, near 0 for unrelated ones (Kornblith 2019).

    By the estimate of Song et al. (2012), which does not grow when there are few samples.
    """
    shared, own, other = _dependence(x, y), _dependence(x, x), _dependence(y, y)
    return float(shared / np.sqrt(own * other)) if own > 0 < other else 0.0


def _dependence(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased Hilbert-Schmidt independence criterion of linear kernels."""
    n = len(x)
    one, other = _products(x), _products(y)  # (n, n) with an empty diagonal
    both = float((one * other).sum()) + one.sum() * other.sum() / ((n - 1) * (n - 2))
    return float(both - 2 * (one.sum(0) @ other.sum(0)) / (n - 2)) / (n * (n - 3))


def _products(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    out: np.ndarray = (x - x.mean(0)) @ (x - x.mean(0)).T
    np.fill_diagonal(out, 0)
    return out
