"""Search among short codes, compiled: in the lists of an inverted file, and along the links of a graph.

A code is a byte for each number: how many steps it is from a point that is the same for all. A question keeps
two bytes a number, so that a distance is a sum of products of small integers, which a processor takes sixteen
at a time.

Legend: q queries, D numbers a vector, c candidates, m new rows. Lists: L of them, r room for rows in all,
p lists looked into. A graph: n vectors, l links in all, e effort (the nearest that are walked on from).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ...compiled import compiled

_MOST = 32767.0  # of a question's two bytes
_SUM = 2.0**23  # of all of them: times the 255 of a code, it still fits into 32 bits
_LINE = 64  # bytes that memory brings at a time

_VECTORS = types.Array(types.float32, 2, "C", readonly=True)
_CODES = types.Array(types.int8, 2, "C", readonly=True)  # of lists
_MARKS = types.Array(types.uint8, 2, "C", readonly=True)  # of a graph, which FAISS keeps
_FLOATS = types.Array(types.float32, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_LINKS = types.Array(types.int32, 1, "C", readonly=True)
_STARTS = types.Array(types.uint64, 1, "C", readonly=True)
_ALIVE = types.Array(types.boolean, 1, "C", readonly=True)


@compiled([types.int32(types.int16[::1], codes, types.int64) for codes in (_CODES, _MARKS)])
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
def nearest_in_lists(
    queries: Any,  # (q, D) ready
    p: Any,
    c: Any,
    alive: Any,  # (s,) by slot; empty: all
    middle: Any,  # (D,)
    step: Any,  # (D,)
    centres: Any,  # (L, D) codes
    lengths: Any,  # (L,) squares of their lengths
    first: Any,  # (L,) where each list starts; it has room for more than it holds
    held: Any,  # (L,) what it holds
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


@compiled(types.float32[::1](_MARKS, _FLOATS), reorder=True)
def squares(codes: Any, step: Any) -> Any:  # (n, D) -> (n,) squares
    out = np.empty(codes.shape[0], np.float32)
    for at in range(codes.shape[0]):
        total = np.float32(0)
        for i in range(codes.shape[1]):
            total += (np.float32(codes[at, i]) * step[i]) ** 2
        out[at] = total
    return out


@compiled(types.int64(types.float32[::1], types.int64[::1], types.int64, types.float32, types.int64))
def _put(far: Any, which: Any, held: Any, distance: Any, name: Any) -> Any:
    """Into its place among the nearest so far, of which the last goes where there is no room; its place."""
    at = held if held < far.shape[0] else held - 1
    while at > 0 and far[at - 1] > distance:
        far[at], which[at] = far[at - 1], which[at - 1]
        at -= 1
    far[at], which[at] = distance, name
    return at


@compiled(
    types.int64(
        types.int16[::1],
        types.float32,
        *(_MARKS, _FLOATS, _LINKS, _STARTS, _LINKS, types.int64, types.int64),
    )
)
def _descend(
    asked: Any, twice: Any, codes: Any, norms: Any, links: Any, starts: Any, before: Any, entry: Any, top: Any
) -> Any:
    """A vector that none of its neighbours is nearer than, from layer to layer down to the last but one."""
    here, near = entry, norms[entry] - twice * np.float32(_product(asked, codes, entry))
    for layer in range(top, 0, -1):
        moved = True
        while moved:
            moved = False
            first, last = np.int64(starts[here]), np.int64(starts[here + 1])
            for at in range(first + before[layer], min(first + before[layer + 1], last)):
                other = np.int64(links[at])
                if other < 0:
                    break
                distance = norms[other] - twice * np.float32(_product(asked, codes, other))
                if distance < near:
                    here, near, moved = other, distance, True
    return here


@compiled(
    types.int64[:, ::1](
        *(_VECTORS, types.int64, types.int64, _ALIVE, _FLOATS, _FLOATS),
        *(_MARKS, _FLOATS, _LINKS, _STARTS, _LINKS, types.int64, types.int64),
    )
)
def nearest_by_links(
    queries: Any,  # (q, D) ready
    e: Any,
    c: Any,
    alive: Any,  # (s,) by slot; empty: all
    low: Any,  # (D,)
    step: Any,  # (D,)
    codes: Any,  # (n, D)
    norms: Any,  # (n,) squares of their lengths
    links: Any,  # (l,)
    starts: Any,  # (n + 1,) of each one's links
    before: Any,  # of these, links in the layers below each
    entry: Any,
    top: Any,  # its layer
) -> Any:  # (q, c) the nearest first, -1 where there is none
    found = np.full((queries.shape[0], c), -1, np.int64)
    best = np.empty(c, np.float32)
    far, which = np.empty(max(e, c), np.float32), np.empty(max(e, c), np.int64)  # -1 - name: walked on from
    todo = np.empty(before[1], np.int64)
    seen, asked = np.empty(codes.shape[0] // 8 + 1, np.uint8), np.empty(queries.shape[1], np.int16)
    touched = np.float32(0)
    for i in range(queries.shape[0]):
        twice = _asked(queries[i], low, step, asked)
        seen[:] = 0
        todo[0] = _descend(asked, twice, codes, norms, links, starts, before, entry, top)
        seen[todo[0] >> 3] |= np.uint8(1 << (todo[0] & 7))
        many, held, got, at = 1, 0, 0, 0
        while True:
            for j in range(many):
                other = todo[j]
                distance = norms[other] - twice * np.float32(_product(asked, codes, other))
                if held < far.shape[0] or distance < far[held - 1]:
                    at = min(at, _put(far, which, held, distance, other))
                    held = min(held + 1, far.shape[0])
                if (got < c or distance < best[got - 1]) and (
                    alive.shape[0] == 0 or (other < alive.shape[0] and alive[other])
                ):
                    _put(best, found[i], got, distance, other)
                    got = min(got + 1, c)
            while at < held and which[at] < 0:
                at += 1
            if at == held:
                break
            here = which[at]
            which[at] = -1 - here
            many = (
                0  # what it is linked to is touched first: memory brings all at once, and none is waited for
            )
            for link in range(np.int64(starts[here]), np.int64(starts[here]) + before[1]):
                other = np.int64(links[link])
                if other < 0:
                    break
                if seen[other >> 3] & np.uint8(1 << (other & 7)):
                    continue
                seen[other >> 3] |= np.uint8(1 << (other & 7))
                todo[many] = other
                many += 1
                touched += norms[other]
                for byte in range(0, codes.shape[1], _LINE):
                    touched += np.float32(codes[other, byte])
    if touched == -1:  # never, but so it has to be summed
        found[0, 0] = -1
    return found
