"""The nearest rows of every row, and the directions in which they are near.

Legend: n rows, D dimensions, k neighbours, d directions.
"""

from typing import Any

import faiss
import numpy as np
from scipy.linalg import eigh

EXACT = 20_000  # up to so many rows every pair is compared


def nearest(x: np.ndarray, k: int, *, exact: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) the nearest other rows, and how far; beyond 20,000 rows nearly all of them, or `exact`."""
    n, dim = x.shape
    index: Any = faiss.IndexFlatL2(dim)
    if n > EXACT and not exact:
        cells = int(4 * np.sqrt(n))
        index = faiss.IndexIVFFlat(index, dim, cells)
        index.nprobe = 24
        index.train(x[:: max(1, n // (50 * cells))])
    index.add(x)
    squared, near = index.search(x, k + 1)  # (n, k + 1)
    own = (near == np.arange(n)[:, None]) | (near < 0)
    own[~own.any(1), -1] = True  # a row with many copies may not have been named among them
    order = np.argsort(own, axis=1, kind="stable")[:, :k]  # its own place last
    near, squared = np.take_along_axis(near, order, 1), np.take_along_axis(squared, order, 1)
    near = np.where(near < 0, near[:, :1], near)  # a sparse cell gave fewer: the nearest again
    return near, np.sqrt(np.maximum(squared, 0)).astype(np.float64)


def directions(x: np.ndarray, d: int, k: int = 10) -> np.ndarray:
    """(D, d) orthonormal: where rows lie far apart but neighbours close together, which is where groups show.

    The leading solutions v of  total v = lambda local v, the covariances of all rows and of the steps between
    neighbours (Art, Gnanadesikan & Kettenring 1982). Unlike principal axes they do not depend on how each
    dimension is scaled, so vectors that were whitened, which have no principal axes, lose nothing.
    """
    near, _ = nearest(np.ascontiguousarray(x, np.float32), min(k, len(x) - 1))
    steps = (x[:, None] - x[near]).reshape(-1, x.shape[1])  # (n k, D)
    total, local = np.cov(x, rowvar=False), steps.T @ steps / len(steps)
    D = len(total)
    floor = 0.1 * np.trace(local) / D + np.finfo(float).tiny  # few rows say little of most directions
    _, leading = eigh(total, local + floor * np.eye(D), subset_by_index=(D - d, D - 1))
    return np.asarray(np.linalg.qr(leading[:, ::-1])[0])
