"""How groups join, the two that lose least first: a tree of a mixture's Gaussians.

Two Gaussians are replaced by the one with their mean and covariance; what that costs in log likelihood, at
most, is (Runnalls 2007)  1/2 [(a + b) log|C| - a log|A| - b log|B|],  with weights a, b and covariances A, B
before and C after. Ward's tree asks the same of round groups of one size; this one knows their shapes.

Legend: d dimensions, k groups.
"""

from __future__ import annotations

import numpy as np

from .mixture import Mixture


def joined(m: Mixture) -> np.ndarray:
    """(k - 1, 4) as scipy's `linkage`: two numbers, the cost in nats a sample, so many first groups.

    Costs never fall on the way up: a cheaper join after a dear one is told at the dear one's cost.
    """
    k, means = m.k, m.places(m.means)
    alive = {i: (float(m.weights[i]), means[i], m.covariances[i], 1) for i in range(k)}
    tree: list[tuple[float, ...]] = []
    while len(alive) > 1:
        names = sorted(alive)
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        a, b = min(pairs, key=lambda p: _cost(alive[p[0]], alive[p[1]]))
        cost = max(_cost(alive[a], alive[b]), tree[-1][2] if tree else 0.0)
        alive[k + len(tree)] = _one(alive.pop(a), alive.pop(b))
        tree.append((a, b, cost, alive[k + len(tree)][3]))
    return np.array(tree, float).reshape(-1, 4)


def apart(m: Mixture) -> np.ndarray:
    """(k, k) what it costs to join two groups, in nats a sample; 0 with itself."""
    means, out = m.places(m.means), np.zeros((m.k, m.k))
    each = [(float(w), mean, c, 1) for w, mean, c in zip(m.weights, means, m.covariances)]
    for i in range(m.k):
        for j in range(i):
            out[i, j] = out[j, i] = _cost(each[i], each[j])
    return out


_Group = tuple[float, np.ndarray, np.ndarray, int]  # weight, mean (d,), covariance (d, d), first groups


def _one(a: _Group, b: _Group) -> _Group:
    weight = a[0] + b[0]
    mean = (a[0] * a[1] + b[0] * b[1]) / weight
    spread = sum(g[0] * (g[2] + np.outer(g[1] - mean, g[1] - mean)) for g in (a, b)) / weight
    return weight, mean, np.asarray(spread), a[3] + b[3]


def _cost(a: _Group, b: _Group) -> float:
    weights = (a[0] + b[0], -a[0], -b[0])
    logs = (float(np.linalg.slogdet(g[2])[1]) for g in (_one(a, b), a, b))
    return max(0.0, 0.5 * sum(w * log for w, log in zip(weights, logs)))
