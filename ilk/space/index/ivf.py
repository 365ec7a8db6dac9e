"""Inverted file: vectors in lists, each list around a centroid; a search looks into the nearest lists.

A new row is put into the list of its nearest centroid. Centroids are trained once; rows that lie farther
from theirs than the first ones did are drift, and make them be trained again.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np

from .family import Family

_TRAINING = 64  # vectors a centroid


class Ivf(Family):
    kind = "ivf"
    efforts = (*range(1, 9), *range(10, 17, 2), *range(20, 33, 4), *range(40, 65, 8), 80, 96, 128, 192, 256)
    wider = (1.3, 2, 4, 8)

    def make(self, dim: int, n: int) -> Any:
        lists = lists_for(n)
        index = faiss.IndexIVFScalarQuantizer(
            faiss.IndexFlatL2(dim), dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2
        )
        return modest(index)

    def training(self, dim: int, n: int) -> int:
        return min(n, _TRAINING * lists_for(n))

    def bytes(self, dim: int, n: int) -> float:
        return dim + 8 + 4 * dim * lists_for(n) / max(n, 1)

    def parameters(self, effort: int, among: Any) -> Any:
        return faiss.SearchParametersIVF(nprobe=effort, sel=among)


def lists_for(n: int) -> int:
    """2 sqrt(n), a power of two: in a list a byte is read where a centroid costs four."""
    return int(2 ** np.clip(round(np.log2(2 * np.sqrt(max(n, 1)))), 4, 16))


def modest(index: Any) -> Any:
    """k-means that is content with fewer vectors than FAISS's own, and does not complain."""
    index.cp.max_points_per_centroid = _TRAINING
    index.cp.min_points_per_centroid = 1
    index.cp.niter = 10
    return index
