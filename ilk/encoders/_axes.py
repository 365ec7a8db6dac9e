"""Axes other than main ones, for vectors of an encoder or of a space.

ica      independent axes (FastICA, Hyvaerinen 1999): each as far from a Gaussian as can be
varimax  main axes turned so that each dimension weighs on few of them (Kaiser 1958)
factor   what dimensions have in common, each with noise of its own (factor analysis, Spearman 1904), turned
         as by varimax

Legend: n rows, D dimensions, r axes.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis, FastICA
from sklearn.exceptions import ConvergenceWarning

WAYS = ("pca", "ica", "varimax", "factor")
ROUNDS = 200  # of factor analysis


def turned(x: np.ndarray, way: str, r: int, seed: int = 0) -> np.ndarray:  # (n, D) about 0 -> (D, r)
    """The matrix to r axes, by one of WAYS; PCA's as wide as they are."""
    if way == "factor":
        return _factors(x, r, seed)
    main = PCA(r, svd_solver="full" if min(x.shape) <= 1024 else "randomized", random_state=seed).fit(x)
    matrix = main.components_.T  # (D, r)
    if way == "varimax":
        return np.asarray(matrix @ varimax(matrix * np.sqrt(main.explained_variance_)))
    if way == "ica":
        white = matrix / np.sqrt(np.maximum(main.explained_variance_, 1e-12))
        return np.asarray(white @ _independent(x @ white, seed))
    return np.asarray(matrix)


def spread_evenly(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:  # (n, D), (D, r) -> (D, r)
    """Each axis with a spread of 1 over these rows, and its largest weight positive."""
    spread = (x @ matrix).std(0)
    largest = np.take_along_axis(matrix, np.abs(matrix).argmax(0)[None], 0)[0]
    return np.asarray(matrix * np.where(largest < 0, -1, 1) / np.where(spread > 0, spread, 1))


def varimax(loadings: np.ndarray, rounds: int = 100) -> np.ndarray:  # (D, r) -> (r, r)
    """The turn after which the squared loadings vary most within each axis."""
    d, r = loadings.shape
    turn, last = np.eye(r), 0.0
    for _ in range(rounds):
        now = loadings @ turn
        slope = loadings.T @ (now**3 - now * (now**2).sum(0) / d)
        left, singular, right = np.linalg.svd(slope)
        turn = left @ right
        if singular.sum() < last * (1 + 1e-9):
            break
        last = float(singular.sum())
    return turn


def _factors(x: np.ndarray, r: int, seed: int) -> np.ndarray:
    """Factor scores are linear: W' of weights and noise, as scikit-learn's `transform`, times varimax."""
    exact = "lapack" if min(x.shape) <= 512 else "randomized"
    spread = np.maximum(x.std(0), 1e-12)
    x = x / spread  # else the search begins with the widest dimension, and ends there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = FactorAnalysis(r, max_iter=ROUNDS, svd_method=exact, random_state=seed).fit(x)
    weights = found.components_.T  # (D, r)
    noise = np.maximum(found.noise_variance_, 1e-12)[:, None]
    inner = np.eye(r) + weights.T @ (weights / noise)
    return np.asarray((weights / noise) @ np.linalg.inv(inner) @ varimax(weights) / spread[:, None])


def _independent(white: np.ndarray, seed: int) -> np.ndarray:  # (n, r) -> (r, r)
    with warnings.catch_warnings():  # Gaussian axes have no independent direction: any is as good
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = FastICA(whiten=False, random_state=seed, max_iter=500).fit(white)
    return np.asarray(fitted.components_.T)
