"""Random walks on a graph that look one node back (Grover & Leskovec 2016), compiled.

From node v, where it came to from t, a walk goes to a neighbour x of v by the edge's weight times 1/p where x
is t, 1 where x is a neighbour of t, 1/q elsewhere. No table of all pairs of edges is made: x is drawn by the
weight alone and stays with the chance of its factor over the largest factor, else is drawn again, which
gives the same law (as in KnightKing, Yang et al. 2019).

Legend: n nodes, m arcs.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ..compiled import compiled


class Roads(NamedTuple):
    starts: np.ndarray  # (n + 1,) int64: where each node's neighbours begin
    near: np.ndarray  # (m,) int32: neighbours, rising
    upto: (
        np.ndarray
    )  # (m,) float64: sums of a node's weights so far, as shares; (0,) where all weigh the same


def roads(arcs: csr_array) -> Roads:
    starts, weights = arcs.indptr.astype(np.int64), arcs.data.astype(np.float64)
    upto = np.zeros(0)
    if len(weights) and np.ptp(weights):
        row = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        total = np.bincount(row, weights, len(starts) - 1)
        before = np.concatenate([[0], np.cumsum(weights)])
        upto = (before[1:] - before[starts[row]]) / total[row]
    return Roads(starts, arcs.indices.astype(np.int32), upto)


# The generator of encoders/_words/kernels.py, from other first states: the cache of compiled code sees the
# changes of one file only.


@compiled()
def _random(state: Any) -> Any:  # xorshift64
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    return state ^ (state << np.uint64(17))


@compiled()
def _start(seed: Any) -> Any:
    state = np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0x94D049BB133111EB)
    return (state ^ (state >> np.uint64(31))) | np.uint64(1)


@compiled()
def _share(state: Any) -> Any:
    """In [0, 1)."""
    return np.float64(state >> np.uint64(11)) * 2.0**-53


@compiled()
def _drawn(roads: Any, v: Any, share: Any) -> Any:
    """A neighbour of v, by weight."""
    low, high = roads.starts[v], roads.starts[v + 1]
    if roads.upto.shape[0] == 0:
        return roads.near[low + np.int64(share * (high - low))]
    last = high - 1
    while low < last:  # the first whose sum is above
        middle = (low + last) // 2
        if roads.upto[middle] > share:
            last = middle
        else:
            low = middle + 1
    return roads.near[low]


@compiled()
def _leads(roads: Any, t: Any, x: Any) -> Any:
    """Whether there is an arc from t to x."""
    low, high = roads.starts[t], roads.starts[t + 1]
    while low < high:
        middle = (low + high) // 2
        if roads.near[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low < roads.starts[t + 1] and roads.near[low] == x


@compiled()
def walk(roads: Any, roots: Any, length: Any, p: Any, q: Any, seed: Any, out: Any) -> Any:
    """A walk of at most `length` nodes from each root into `out`, -1 behind each -> how many numbers.

    It ends where no arc leads on.
    """
    back, away = 1 / p, 1 / q
    top, least = max(back, away, 1.0), min(back, away, 1.0)
    state, n = _start(seed), 0
    for root in roots:
        before, now = np.int64(-1), np.int64(root)
        out[n] = now
        n += 1
        for _ in range(length - 1):
            if roads.starts[now] == roads.starts[now + 1]:
                break
            while True:
                state = _random(state)
                x = np.int64(_drawn(roads, now, _share(state)))
                if before < 0:
                    break
                state = _random(state)
                chance = _share(state) * top
                if chance < least:  # whatever it is
                    break
                if x == before:
                    if chance < back:
                        break
                elif chance < (1.0 if _leads(roads, before, x) else away):
                    break
            before, now = now, x
            out[n] = now
            n += 1
        out[n] = -1
        n += 1
    return n
