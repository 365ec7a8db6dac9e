"""Communities by moving nodes to where modularity gains most (Blondel et al. 2008), compiled.

Legend: n nodes, m arcs, c communities.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..compiled import compiled


def louvain(
    arcs: csr_array, resolution: float, seed: int
) -> np.ndarray:  # (n, n) symmetric -> (n,) 0 to c - 1
    """Nodes move until nothing is gained; then communities become nodes, and so on."""
    rng = np.random.default_rng(seed)
    found = np.arange(arcs.shape[0])
    while True:
        n = arcs.shape[0]
        degree = np.asarray(arcs.sum(1), np.float64)
        community, total = np.arange(n), degree.copy()
        matrix = (arcs.indptr.astype(np.int64), arcs.indices.astype(np.int64), arcs.data.astype(np.float64))
        _move(*matrix, degree, rng.permutation(n), community, total, resolution)
        names, community = np.unique(community, return_inverse=True)
        found = community[found]
        if len(names) == n:
            return by_size(found)
        member = csr_array((np.ones(n), (np.arange(n), community)))  # (n, c)
        arcs = (member.T @ arcs @ member).tocsr()


def by_size(found: np.ndarray) -> np.ndarray:
    """Numbered anew: 0 is the largest."""
    order = np.argsort(-np.bincount(found), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(place[found])


@compiled()
def _move(
    starts: Any, near: Any, weight: Any, degree: Any, order: Any, community: Any, total: Any, resolution: Any
) -> None:
    """`total` (c,): the degrees of each community's nodes. A move gains w_c - resolution d total_c / 2m."""
    n, whole = len(degree), degree.sum()
    if whole == 0:
        return
    to, met = np.zeros(n), np.empty(n, np.int64)
    moved = True
    while moved:
        moved = False
        for v in order:
            own, k = community[v], 0
            for i in range(starts[v], starts[v + 1]):
                c = community[near[i]]
                if near[i] == v:
                    continue
                if to[c] == 0:
                    met[k] = c
                    k += 1
                to[c] += weight[i]
            total[own] -= degree[v]
            best, most = own, to[own] - resolution * degree[v] * total[own] / whole
            for i in range(k):
                c = met[i]
                gain = to[c] - resolution * degree[v] * total[c] / whole
                if gain > most + 1e-12 * whole:
                    best, most = c, gain
            for i in range(k):
                to[met[i]] = 0
            total[best] += degree[v]
            if best != own:
                community[v] = best
                moved = True
