"""Search in lists of short codes, compiled: an inverted file's inner loops.

A code is a byte for each number: how many steps it is from the middle of its dimension. A question keeps two
bytes a number, so that a distance is a sum of products of small integers, which a processor takes sixteen
at a time. Each list has room for more than it holds; it starts at `first` and holds `held`.

Legend: q queries, D numbers a vector, L lists, r room for rows in all, m new rows, p lists looked into,
c candidates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ...compiled import compiled

_MOST = 32767.0  # of a question's two bytes
_SUM = 2.0**24  # of all of them: times the 127 of a code, it still fits into 32 bits

_VECTORS = types.Array(types.float32, 2, "C", readonly=True)
_CODES = types.Array(types.int8, 2, "C", readonly=True)
_FLOATS = types.Array(types.float32, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_ALIVE = types.Array(types.boolean, 1, "C", readonly=True)


@compiled(types.int32(types.int16[::1], _CODES, types.int64))
def _product(a: Any, codes: Any, at: Any) -> Any:
    total = np.int32(0)
    for i in range(a.shape[0]):
        total = np.int32(total + np.int32(np.int32(a[i]) * np.int32(codes[at, i])))
    return total


@compiled(types.void(types.float32[::1], types.int64[::1], types.float32, types.int64))
def _replace_worst(far: Any, which: Any, distance: Any, name: Any) -> None:
    """Of a heap whose first is the farthest, that one goes."""
    n, at = far.shape[0], 0
    while True:
        down = 2 * at + 1
        if down >= n:
            break
        if down + 1 < n and far[down + 1] > far[down]:
            down += 1
        if far[down] <= distance:
            break
        far[at], which[at] = far[down], which[down]
        at = down
    far[at], which[at] = distance, name


@compiled(types.float32(_FLOATS, _FLOATS, _FLOATS, types.int16[::1]))
def _asked(query: Any, middle: Any, step: Any, out: Any) -> Any:
    """The question in two bytes a number; what a product with a code is multiplied by, twice."""
    most, total = 0.0, 0.0
    for i in range(query.shape[0]):
        size = abs((query[i] - middle[i]) * step[i])
        most, total = max(most, size), total + size
    finer = min(_MOST / most, _SUM / total) if most > 0 else 0.0
    for i in range(query.shape[0]):
        out[i] = np.int16(np.rint((query[i] - middle[i]) * step[i] * finer))
    return np.float32(2 / finer if finer > 0 else 0.0)


@compiled(
    types.int64[:, ::1](
        *(_VECTORS, types.int64, types.int64, _ALIVE, _FLOATS, _FLOATS),
        *(_CODES, _FLOATS, _INTS, _INTS, _CODES, _FLOATS, _INTS),
    )
)
def nearest(
    queries: Any,  # (q, D) ready
    p: Any,
    c: Any,
    alive: Any,  # (s,) by slot; empty: all
    middle: Any,  # (D,)
    step: Any,  # (D,)
    centres: Any,  # (L, D) codes
    lengths: Any,  # (L,) squares of their lengths
    first: Any,  # (L,)
    held: Any,  # (L,)
    codes: Any,  # (r, D)
    norms: Any,  # (r,) squares of their lengths
    slots: Any,  # (r,)
) -> Any:  # (q, c) in no order, -1 where there is none
    found = np.full((queries.shape[0], c), -1, np.int64)
    far = np.empty(c, np.float32)  # what is the same for all is left out
    p, asked = min(p, centres.shape[0]), np.empty(queries.shape[1], np.int16)
    lists, apart = np.zeros(p, np.int64), np.empty(p, np.float32)
    for i in range(queries.shape[0]):
        twice = _asked(queries[i], middle, step, asked)
        far[:] = np.inf
        apart[:] = np.inf
        lists[:] = -1
        for at in range(centres.shape[0]):
            distance = lengths[at] - twice * np.float32(_product(asked, centres, at))
            if distance < apart[0]:
                _replace_worst(apart, lists, distance, at)
        for which in lists:
            if which < 0:
                continue
            for at in range(first[which], first[which] + held[which]):
                distance = norms[at] - twice * np.float32(_product(asked, codes, at))
                if distance >= far[0]:
                    continue
                slot = slots[at]
                if alive.shape[0] == 0 or (slot < alive.shape[0] and alive[slot]):
                    _replace_worst(far, found[i], distance, slot)
    return found


@compiled(types.Tuple((types.int8[:, ::1], types.float32[::1]))(_VECTORS, _FLOATS, _FLOATS))
def coded(vectors: Any, middle: Any, step: Any) -> Any:  # (m, D) -> (m, D) codes, (m,) squared lengths
    codes = np.zeros(vectors.shape, np.int8)
    norms = np.zeros(vectors.shape[0], np.float32)
    for i in range(vectors.shape[0]):
        total = 0.0
        for j in range(vectors.shape[1]):
            if step[j] > 0:
                code = min(127.0, max(-127.0, np.rint((vectors[i, j] - middle[j]) / step[j])))
                codes[i, j] = np.int8(code)
                total += (code * step[j]) ** 2
        norms[i] = total
    return codes, norms


@compiled(
    types.void(
        *(types.int8[:, ::1], types.float32[::1], types.int64[::1], types.int64[::1], types.int64[::1]),
        *(_CODES, _FLOATS, _INTS, _INTS),
    )
)
def put(
    codes: Any, norms: Any, slots: Any, first: Any, held: Any, new: Any, theirs: Any, named: Any, lists: Any
) -> None:
    """New rows (m, D), called so (m,), into their lists (m,), which have room for them."""
    for i in range(new.shape[0]):
        at = first[lists[i]] + held[lists[i]]
        codes[at], norms[at], slots[at] = new[i], theirs[i], named[i]
        held[lists[i]] += 1
