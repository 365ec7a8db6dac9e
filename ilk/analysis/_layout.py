"""A plane in which neighbours stay neighbours: the graph, the start, and the pulling and pushing.

The scheme of UMAP (McInnes, Healy & Melville 2018) with the kernel of t-SNE, 1 / (1 + d^2), whose gradient
needs no power function. One thread throughout: the same input gives the same bits.

Legend: n rows, D dimensions, k neighbours, m edges.
"""

import numba
import numpy as np
from scipy.sparse import coo_matrix

PUSHES = 5  # rows pushed away for each one pulled in
SPAN = 4.0  # half the width of the start


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _weights(distances: np.ndarray) -> np.ndarray:  # (n, k) -> (n, k)
    """exp(-(d - nearest) / sigma), sigma such that each row's weights sum to log2(k)."""
    n, k = distances.shape
    out, target, mean = np.empty((n, k)), np.log2(k + 1.0), distances.mean()
    for i in range(n):
        low, high, sigma, rho = 0.0, np.inf, 1.0, distances[i].min()
        for _ in range(64):
            total = 0.0
            for j in range(k):
                total += np.exp(-(distances[i, j] - rho) / sigma)
            if abs(total - target) < 1e-5:
                break
            if total > target:
                high = sigma
                sigma = (low + high) / 2
            else:
                low = sigma
                sigma = sigma * 2 if high == np.inf else (low + high) / 2
        sigma = max(sigma, 1e-3 * mean, 1e-12)
        for j in range(k):
            out[i, j] = np.exp(-(distances[i, j] - rho) / sigma)
    return out


def edges(near: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From, to and weight (m,) of the symmetric graph: an edge is there if either end says so."""
    n, k = near.shape
    ends = (np.repeat(np.arange(n), k), near.reshape(-1))
    one_way = coo_matrix((_weights(distances).reshape(-1), ends), shape=(n, n)).tocsr()
    back = one_way.T.tocsr()
    both = (one_way + back - one_way.multiply(back)).tocoo()
    return both.row.astype(np.int32), both.col.astype(np.int32), both.data.astype(np.float64)


def start(x: np.ndarray) -> np.ndarray:
    """(n, 2) the two principal axes: far apart in the data starts far apart in the plane."""
    centred = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(
        axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    )  # eigh's signs are arbitrary
    y = np.zeros((len(x), 2))
    y[:, : axes.shape[1]] = centred @ axes
    return y * (SPAN / (np.abs(y).max() or 1.0))


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def settle(
    y: np.ndarray,  # (n, 2), changed in place
    moving: np.ndarray,  # (n,) bool
    tails: np.ndarray,
    heads: np.ndarray,
    weights: np.ndarray,  # (m,) each
    epochs: int,
    rate: float,
    seed: int,
) -> None:
    """Pulls the ends of edges together, the oftener the heavier, and pushes random rows apart."""
    n, heaviest = len(y), weights.max()
    state = np.uint64(seed) * np.uint64(2) + np.uint64(0x9E3779B97F4A7C15)
    due = np.zeros(len(weights))
    for epoch in range(epochs):
        step = rate * (1 - epoch / epochs)
        for e in range(len(weights)):
            i, j = tails[e], heads[e]
            if not moving[i]:
                continue
            due[e] += weights[e] / heaviest
            if due[e] < 1:
                continue
            due[e] -= 1
            dx, dy = y[i, 0] - y[j, 0], y[i, 1] - y[j, 1]
            pull = -2 / (1 + dx * dx + dy * dy)
            gx, gy = step * min(4.0, max(-4.0, pull * dx)), step * min(4.0, max(-4.0, pull * dy))
            y[i, 0] += gx
            y[i, 1] += gy
            if moving[j]:
                y[j, 0] -= gx
                y[j, 1] -= gy
            for _ in range(PUSHES):
                state ^= state << np.uint64(13)  # xorshift64 (Marsaglia 2003)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                other = np.int64((state >> np.uint64(11)) % np.uint64(n))
                if other == i:
                    continue
                dx, dy = y[i, 0] - y[other, 0], y[i, 1] - y[other, 1]
                near = dx * dx + dy * dy
                push = 2 / ((0.001 + near) * (1 + near))
                y[i, 0] += step * min(4.0, max(-4.0, push * dx))
                y[i, 1] += step * min(4.0, max(-4.0, push * dy))
