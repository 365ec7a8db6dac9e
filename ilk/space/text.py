"""The ids of some slots, read from Arrow's own bytes: a search asks for a few of millions.

Legend: n slots, w characters of the longest of their ids, at most.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numba import types

from ..compiled import compiled

Text: TypeAlias = tuple[np.ndarray, np.ndarray]  # where each id starts (int32), and the bytes of all

_STARTS = types.Array(types.int32, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_SLOTS = types.Array(types.int64, 1, "C", readonly=True)


def text(ids: pa.Array[Any]) -> Text:
    if not len(ids):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    _, starts, letters = ids.buffers()
    first = np.frombuffer(memoryview(starts or b""), np.int32)[ids.offset : ids.offset + len(ids) + 1]
    return first, np.frombuffer(memoryview(letters or b""), np.uint8)


def names(old: Text, new: Text, slots: np.ndarray) -> np.ndarray:  # (n,) -> (n,) of str
    """Slots count through the old ids, then through the new."""
    letters = _letters(*old, *new, np.ascontiguousarray(slots, np.int64))
    found: np.ndarray = letters.view(_of(letters.shape[1]))[:, 0]
    return found


@cache
def _of(w: int) -> np.dtype[Any]:
    return np.dtype(f"<U{w}")


@compiled(types.uint32[:, ::1](_STARTS, _BYTES, _STARTS, _BYTES, _SLOTS))
def _letters(old_starts: Any, old: Any, new_starts: Any, new: Any, slots: Any) -> Any:  # (n, w) code points
    first = old_starts.shape[0] - 1
    w = 1
    for slot in slots:
        starts, at = (old_starts, slot) if slot < first else (new_starts, slot - first)
        w = max(w, starts[at + 1] - starts[at])
    out = np.zeros((slots.shape[0], w), np.uint32)
    for i in range(slots.shape[0]):  # asks the memory for all of them at once
        slot = slots[i]
        starts, at = (old_starts, slot) if slot < first else (new_starts, slot - first)
        letters = old if slot < first else new
        if starts[at] < starts[at + 1]:
            out[i, 0] = letters[starts[at]]
    for i in range(slots.shape[0]):
        slot = slots[i]
        starts, at = (old_starts, slot) if slot < first else (new_starts, slot - first)
        letters = old if slot < first else new
        place, end, j = starts[at], starts[at + 1], 0
        while place < end:  # UTF-8: the first byte says how many follow, each with six bits more
            code = np.uint32(letters[place])
            more = 0 if code < 0x80 else 1 if code < 0xE0 else 2 if code < 0xF0 else 3
            if more:
                code &= np.uint32(0x3F >> more)
            for m in range(more):
                code = np.uint32((code << np.uint32(6)) | (letters[place + 1 + m] & 0x3F))
            out[i, j] = code
            place, j = place + 1 + more, j + 1
    return out
