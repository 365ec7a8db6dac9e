"""What numbers go with a vector, by the rows about it. Legend: n rows, m asked, D dimensions, p columns."""

import numpy as np

from ..analysis._neighbours import among

NEAR = 100  # rows that say what goes with a vector
BLOCK = 512


def beside(x: np.ndarray, y: np.ndarray, asked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, D), (n, p), (m, D) -> (m, p): for each vector asked one draw of what goes with it.

    That of one of the rows near it, moved to where it is by a straight line through these (Beaumont, Zhang &
    Balding 2002): so what cannot be told from a vector stays open, and columns keep how they hang together.
    """
    scale = x.std(0) + 1e-12
    x, asked = ((a / scale).astype(np.float32) for a in (x, asked))  # by how much rows differ in a dimension
    near, far = among(x, asked, min(NEAR, len(x)))  # (m, k)
    found = np.empty((len(asked), y.shape[1]))
    for start in range(0, len(asked), BLOCK):
        some = slice(start, start + BLOCK)
        found[some] = _moved(x[near[some]] - asked[some, None], y[near[some]], far[some], rng)
    return np.clip(found, y.min(0), y.max(0))


def _moved(off: np.ndarray, y: np.ndarray, far: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(m, k, D) from what was asked, (m, k, p), (m, k) -> (m, p)."""
    m, k, D = off.shape
    weight = 1 - (far / (far[:, -1:] * 1.0001 + 1e-12)) ** 2 + 1e-3  # (m, k) Epanechnikov's: less, if farther
    line = np.concatenate([np.ones((m, k, 1)), off], 2)  # (m, k, 1 + D)
    heavy = line * weight[..., None]
    inner = heavy.swapaxes(1, 2) @ line + 1e-3 * np.einsum("mkd,mk->m", off**2, weight)[
        :, None, None
    ] / D * np.eye(1 + D)
    slopes = np.linalg.solve(inner, heavy.swapaxes(1, 2) @ y)  # (m, 1 + D, p)
    chosen = (weight.cumsum(1) / weight.sum(1, keepdims=True) < rng.random((m, 1))).sum(1)
    rows = np.arange(m)
    return np.asarray(y[rows, chosen] - np.einsum("md,mdp->mp", off[rows, chosen], slopes[:, 1:]))
