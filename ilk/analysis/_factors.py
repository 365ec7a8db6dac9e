"""What a recommender must beat: what is popular, and matrix factorisation.

Legend: U users, I items, D factors; seen (U, I) with a one where a user chose an item.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from ..console import progress


def popularity(seen: csr_array) -> np.ndarray:  # (I,)
    """How many chose each item."""
    return np.bincount(seen.indices, minlength=seen.shape[1]).astype(np.float32)


def factors(
    seen: csr_array,
    dim: int = 64,
    *,
    rounds: int = 15,
    unseen: float = 0.1,
    ridge: float = 0.003,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:  # (U, D), (I, D)
    """Alternating least squares of implicit feedback (Hu, Koren & Volinsky 2008; Rendle et al. 2021).

    Sum over all seen of (1 - u.v)^2, over all pairs of `unseen` (u.v)^2, and a ridge that grows with what is
    known of each. With the one side fixed, each of the other solves a linear system: that is a closed form.
    """
    rng = np.random.default_rng(seed)
    u, v = (rng.normal(0, dim**-0.5, (n, dim)).astype(np.float32) * 0.1 for n in seen.shape)
    back = seen.T.tocsr()
    with progress("matrix factorisation", rounds) as bar:
        for _ in range(rounds):
            u = _solved(seen, v, unseen, ridge)
            v = _solved(back, u, unseen, ridge)
            bar.advance()
    return u, v


def _solved(seen: csr_array, v: np.ndarray, unseen: float, ridge: float) -> np.ndarray:
    """(n, D) the best of each row, given the others' vectors (m, D)."""
    n, (m, dim) = seen.shape[0], v.shape
    base = unseen * v.T @ v  # (D, D)
    found = np.zeros((n, dim), np.float32)
    for row in range(n):
        own = v[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]]
        if len(own):
            held = ridge * (len(own) + unseen * m)
            found[row] = np.linalg.solve(
                base + own.T @ own + held * np.eye(dim, dtype=np.float32), own.sum(0)
            )
    return found
