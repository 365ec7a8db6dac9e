"""A graph of neighbours in layers (HNSW): a search walks from vector to nearer vector.

A new row is connected to its neighbours as a search finds them. A row that was replaced or deleted stays in
the graph as a tombstone: walked over, never found. FAISS makes and keeps the graph; compiled loops of our own
walk in it, in about half its time (benchmarks/space.py).

Legend: n vectors, D numbers each, q queries, c candidates, l links.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from . import _codes
from .exact import ALL
from .family import Among, Family, shared_out

LINKS = 16  # a vector, in each layer; twice as many in the lowest
_CARE = 80  # candidates while connecting
_TRAINING = 65_536
_SHARED = 16  # questions that are worth a thread


class Hnsw(Family):
    kind = "hnsw"
    efforts = (*range(16, 49, 4), *range(56, 97, 8), *range(112, 161, 16), 192, 224, 256, 320, 384, 512)
    wider = (1.3, 2, 4, 8)
    moved = 0.7  # a row of the graph has links to its neighbours, a new one has not

    def make(self, dim: int, n: int) -> Linked:
        index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, LINKS, faiss.METRIC_L2)
        index.hnsw.efConstruction = _CARE
        return Linked(index)

    def training(self, dim: int, n: int) -> int:
        return min(n, _TRAINING)

    def bytes(self, dim: int, n: int) -> float:
        return dim + 4 * (2 * LINKS + 2) + 12

    def parameters(self, effort: int, among: Among | None) -> tuple[int, np.ndarray]:
        return effort, ALL if among is None else among.alive

    def search(self, index: Linked, asked: np.ndarray, c: int, params: tuple[int, np.ndarray]) -> np.ndarray:
        return index.search(asked, c, *params)

    def save(self, index: Linked, folder: Path) -> None:
        super().save(index.faiss, folder)

    def load(self, folder: Path) -> Linked:
        return Linked(super().load(folder))


class Linked:
    """A graph of FAISS, searched in the arrays as they lie in its memory."""

    def __init__(self, index: Any) -> None:
        """Raises ValueError where the graph leads out of itself."""
        self.faiss = index
        self._sizes = np.zeros(0, np.float32)  # (n,) squares of the lengths
        if index.ntotal:
            self._see()
            self._check(*self._arrays[4:])

    @property
    def is_trained(self) -> bool:
        return bool(self.faiss.is_trained)

    @property
    def ntotal(self) -> int:
        return int(self.faiss.ntotal)

    def train(self, vectors: np.ndarray) -> None:
        self.faiss.train(vectors)

    def add(self, vectors: np.ndarray) -> None:
        self.faiss.add(vectors)
        self._see()

    def search(self, asked: np.ndarray, c: int, effort: int, alive: np.ndarray = ALL) -> np.ndarray:
        """Slots (q, c), -1 where there is none; of those `alive` (s,)."""
        if not self.ntotal:
            return np.full((len(asked), c), -1, np.int64)
        return shared_out(
            lambda q: _codes.nearest_by_links(q, effort, c, alive, *self._arrays), asked, _SHARED
        )

    def _see(self) -> None:
        """The arrays as the compiled search takes them: they move in memory when the graph grows."""
        graph, codes = self.faiss.hnsw, faiss.downcast_index(self.faiss.storage)
        n, dim = self.ntotal, self.faiss.d
        links, starts = _view(graph.neighbors), _view(graph.offsets)
        before = faiss.vector_to_array(graph.cum_nneighbor_per_level).astype(np.int32)
        low, high = np.split(faiss.vector_to_array(codes.sq.trained), 2)
        step = high / 255
        marks = _view(codes.codes).reshape(n, dim)
        new = _codes.squares(marks[len(self._sizes) :], step)
        self._sizes = np.concatenate([self._sizes, new])
        self._arrays = (
            *(low + step / 2, step, marks, self._sizes),  # FAISS reads a code as the middle of its step
            *(links, starts, before, graph.entry_point, graph.max_level),
        )

    def _check(self, links: np.ndarray, starts: np.ndarray, before: np.ndarray, entry: int, top: int) -> None:
        """What compiled loops do not ask."""
        n, room = self.ntotal, np.diff(starts.astype(np.int64))  # (n,) links that each may have
        whole = len(starts) == n + 1 and starts[0] == 0 and starts[-1] == len(links)
        whole = whole and 0 <= entry < n and 0 <= top < len(before) - 1 and bool((np.diff(before) > 0).all())
        if not (whole and room.min() >= before[1] and links.min() >= -1 and links.max() < n):
            raise ValueError("the graph of an index leads out of itself")


def _view(vector: Any) -> np.ndarray:
    return np.asarray(faiss.rev_swig_ptr(vector.data(), vector.size()))
