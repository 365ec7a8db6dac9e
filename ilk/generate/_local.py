"""What numbers go with a vector, by the rows about it. Legend: n rows, m asked, D dimensions, p columns."""

import numpy as np
from scipy.stats import norm, rankdata

from ..analysis._neighbours import among

NEAR = 100  # rows that say what goes with a vector
RIDGE = 0.1  # of how far rows lie about: slopes that few rows tell are kept small
BLOCK = 512


def beside(x: np.ndarray, y: np.ndarray, asked: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, D), (n, p), (m, D) -> (m, p): for each vector asked one draw of what goes with it.

    That of one of the rows near it, moved to where it is by a straight line through these (Beaumont, Zhang &
    Balding 2002): so what cannot be told from a vector stays open, and columns keep how they hang together.
    """
    x, asked = x.astype(np.float32), asked.astype(np.float32)
    # by their order, as normal numbers: ends are no walls then, and long tails pull no line
    scores = norm.ppf((rankdata(y, axis=0) - 0.5) / len(y))  # (n, p)
    near, far = among(x, asked, min(NEAR, len(x)))  # (m, k)
    found = np.empty((len(asked), y.shape[1]))
    for start in range(0, len(asked), BLOCK):
        some = slice(start, start + BLOCK)
        found[some] = _moved(x[near[some]] - asked[some, None], scores[near[some]], far[some], rng)
    back = [np.interp(f, np.sort(v), np.sort(w)) for f, v, w in zip(found.T, scores.T, y.T)]
    return np.stack(back, 1)


def _moved(off: np.ndarray, y: np.ndarray, far: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(m, k, D) from what was asked, (m, k, p), (m, k) -> (m, p)."""
    m, k, D = off.shape
    weight = 1 - (far / (far[:, -1:] * 1.0001 + 1e-12)) ** 2 + 1e-3  # (m, k) Epanechnikov's: less, if farther
    line = np.concatenate([np.ones((m, k, 1)), off], 2)  # (m, k, 1 + D)
    heavy = line * weight[..., None]
    ridge = RIDGE / D * np.einsum("mkd,mk->m", off**2, weight)
    inner = heavy.swapaxes(1, 2) @ line + ridge[:, None, None] * np.diag([0.0, *np.ones(D)])
    slopes = np.linalg.solve(inner, heavy.swapaxes(1, 2) @ y)  # (m, 1 + D, p)
    chosen = (weight.cumsum(1) / weight.sum(1, keepdims=True) < rng.random((m, 1))).sum(1)
    rows = np.arange(m)
    own = line[rows, chosen]  # (m, 1 + D)
    left = y[rows, chosen] - np.einsum("md,mdp->mp", own, slopes)  # what the line does not tell of that row
    pull = np.einsum("md,md->m", heavy[rows, chosen], np.linalg.solve(inner, own[..., None])[..., 0])
    return np.asarray(slopes[:, 0] + left / np.maximum(1 - pull, 0.2)[:, None])  # ... had it not been there
