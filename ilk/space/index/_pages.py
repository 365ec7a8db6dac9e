"""Memory in large pages, where the system has them.

A search in a graph jumps from vector to vector; with pages of 4 kB nearly each jump has to find out first
where in memory its page lies (benchmarks/space.py --rows 1000000 --kinds hnsw).
"""

from __future__ import annotations

import ctypes
import sys

import numpy as np

_PAGE = 4096
_COLLAPSE = 25  # MADV_COLLAPSE of Linux 6.1 and later; where it is refused, nothing has changed


def large(array: np.ndarray) -> None:
    """The memory of this array, as it lies there now, in place."""
    if sys.platform != "linux" or not array.size:
        return
    start = array.ctypes.data & -_PAGE
    length = array.ctypes.data + array.nbytes - start
    ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _COLLAPSE)
