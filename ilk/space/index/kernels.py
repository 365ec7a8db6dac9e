"""Distances in double precision, compiled: where NumPy would spend its time on the way to the numbers.

The same number comes out for the same two vectors, wherever they stand. Vectors lie in two parts (see
slots.py), those of the disk and those that came since; slots count through both. A candidate that is no
slot (-1), or is not `alive` (empty: all are), is infinitely far.

Legend: q queries, D numbers a vector, c candidates, k neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ...compiled import compiled

_TOGETHER = 32  # vectors
_LINE = 16  # floats that come together

_VECTOR = types.Array(types.float32, 1, "C", readonly=True)
_VECTORS = types.Array(types.float32, 2, "C", readonly=True)
_SLOTS = types.Array(types.int64, 2, "C", readonly=True)
_ALIVE = types.Array(types.boolean, 1, "C", readonly=True)
_WEIGHTS = types.Array(types.float64, 1, "C", readonly=True)
_ASKED = (_VECTORS, _VECTORS, _VECTORS, _SLOTS, _ALIVE, _WEIGHTS, types.boolean)


@compiled(types.float64(_VECTOR, _VECTOR), reorder=True)
def _product(a: Any, b: Any) -> Any:
    total = 0.0
    for i in range(a.shape[0]):
        total += np.float64(a[i]) * np.float64(b[i])
    return total


@compiled(types.float64(_VECTOR, _VECTOR, _WEIGHTS), reorder=True)
def _apart(a: Any, b: Any, weights: Any) -> Any:
    total = 0.0
    for i in range(a.shape[0]):
        step = (np.float64(a[i]) - np.float64(b[i])) * weights[i]
        total += step * step
    return np.sqrt(total)


@compiled(types.float32[:, ::1](_VECTORS))
def unit(vectors: Any) -> Any:  # (n, D) -> (n, D) of length 1; zero stays zero
    out = np.zeros(vectors.shape, np.float32)
    for i in range(vectors.shape[0]):
        length = np.sqrt(_product(vectors[i], vectors[i]))  # squares of floats overflow floats
        if length > 0:
            for j in range(vectors.shape[1]):
                out[i, j] = vectors[i, j] / length
    return out


@compiled(types.void(_VECTORS, _VECTORS, types.Array(types.int64, 1, "C", readonly=True), types.float32[::1]))
def _fetch(old: Any, new: Any, slots: Any, out: Any) -> None:
    """Asks the memory for all of these at once: one after the other takes longer. `out` is scratch."""
    for j in range(slots.shape[0]):
        if slots[j] >= 0:
            vector = old[slots[j]] if slots[j] < old.shape[0] else new[slots[j] - old.shape[0]]
            for d in range(0, vector.shape[0], _LINE):
                out[j] += vector[d]


@compiled(types.float32[:, ::1](*_ASKED))
def distances(
    queries: Any, old: Any, new: Any, found: Any, alive: Any, weights: Any, cosine: Any
) -> Any:  # (q, D), (m, D), (t, D), (q, c), (s,), (D,) -> (q, c) float32
    out = np.empty(found.shape, np.float32)
    for i in range(found.shape[0]):
        own = _product(queries[i], queries[i])
        for begin in range(0, found.shape[1], _TOGETHER):
            end = min(begin + _TOGETHER, found.shape[1])
            _fetch(old, new, found[i, begin:end], out[i, begin:end])
            for j in range(begin, end):
                slot = found[i, j]
                if slot < 0 or (alive.shape[0] > 0 and not alive[slot]):
                    out[i, j] = np.inf
                    continue
                vector = old[slot] if slot < old.shape[0] else new[slot - old.shape[0]]
                if not cosine:
                    out[i, j] = _apart(queries[i], vector, weights)
                    continue
                lengths = np.sqrt(own) * np.sqrt(_product(vector, vector))
                cos = _product(queries[i], vector) / lengths if lengths > 0 else 0.0
                # Rounded so that equal directions are equally near: their cosines differ in the last digits.
                out[i, j] = np.rint((1 - min(1.0, max(-1.0, cos))) * 1e12) * 1e-12
    return out


@compiled(types.Tuple((types.int64[:, ::1], types.float32[:, ::1], types.int64[::1]))(*_ASKED, types.int64))
def first(queries: Any, old: Any, new: Any, found: Any, alive: Any, weights: Any, cosine: Any, k: Any) -> Any:
    """Slots and distances (q, k) of the nearest, -1 and inf where they are too few; which q have ties."""
    far = distances(queries, old, new, found, alive, weights, cosine)
    slots = np.full((found.shape[0], k), -1, np.int64)
    nearest = np.full((found.shape[0], k), np.inf, np.float32)
    tied = np.zeros(found.shape[0], np.bool_)
    for i in range(found.shape[0]):
        held = 0
        for j in range(found.shape[1]):
            d = far[i, j]
            if d == np.inf or (held == k and d > nearest[i, k - 1]):
                continue
            if held == k and d == nearest[i, k - 1]:
                tied[i] = True
                continue
            at = held if held < k else k - 1
            if held == k and k > 1 and nearest[i, k - 2] == nearest[i, k - 1]:
                tied[i] = True  # the one that goes was as near as one that stays, for now
            while at > 0 and nearest[i, at - 1] > d:
                nearest[i, at], slots[i, at] = nearest[i, at - 1], slots[i, at - 1]
                at -= 1
            nearest[i, at], slots[i, at] = d, found[i, j]
            held = min(held + 1, k)
        for j in range(1, held):
            tied[i] |= nearest[i, j] == nearest[i, j - 1]
    return slots, nearest, np.flatnonzero(tied)
