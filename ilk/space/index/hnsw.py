"""A graph of neighbours in layers (HNSW): a search walks from vector to nearer vector.

A new row is connected to its neighbours as a search finds them. A row that was replaced or deleted stays in
the graph as a tombstone: walked over, never found.
"""

from __future__ import annotations

from typing import Any

import faiss

from ._pages import large
from .family import Among, Family

LINKS = 16  # a vector, in each layer; twice as many in the lowest
_CARE = 80  # candidates while connecting
_TRAINING = 65_536


class Hnsw(Family):
    kind = "hnsw"
    efforts = (*range(16, 49, 4), *range(56, 97, 8), *range(112, 161, 16), 192, 224, 256, 320, 384, 512)
    wider = (1.3, 2, 4, 8)
    moved = 0.7  # a row of the graph has links to its neighbours, a new one has not

    def make(self, dim: int, n: int) -> Any:
        index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, LINKS, faiss.METRIC_L2)
        index.hnsw.efConstruction = _CARE
        return index

    def training(self, dim: int, n: int) -> int:
        return min(n, _TRAINING)

    def settle(self, index: Any) -> None:
        graph = index.hnsw
        for vector in (faiss.downcast_index(index.storage).codes, graph.neighbors, graph.offsets):
            if vector.size():
                large(faiss.rev_swig_ptr(vector.data(), vector.size()))

    def bytes(self, dim: int, n: int) -> float:
        return dim + 4 * (2 * LINKS + 2) + 8

    def parameters(self, effort: int, among: Among | None) -> Any:
        return faiss.SearchParametersHNSW(efSearch=effort, sel=among and among.selector)
