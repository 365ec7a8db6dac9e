"""An index that looks at some of the vectors: what every family shares.

A family says how its index is made and how hard it looks; `Approximate` holds one such index over the slots
[0, covered), and gives candidates whose order `exact.settle` then finds from the rows' own vectors. Vectors
are kept here in a short form, so that more of them fit into memory. A slot that has died stays as a
tombstone, which search skips; when there are many, the index is built anew (keeping.py).

Legend: q queries, D numbers a vector, c candidates.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import faiss
import numpy as np

_BLOCK = 1024  # vectors added while a search waits


class Family(ABC):
    """How one kind of index is made, and how hard it looks."""

    kind: ClassVar[str]
    file: ClassVar[str] = "index.faiss"
    efforts: ClassVar[tuple[int, ...]]  # what may be tried, the quickest first
    moved: ClassVar[float] = 0.0  # how far rows are moved so that they are as hard to search for as new ones
    wider: ClassVar[tuple[float, ...]]  # candidates for each neighbour, so that the short form does no harm

    @abstractmethod
    def make(self, dim: int, n: int) -> Any:
        """An index for about n vectors, not yet trained."""

    @abstractmethod
    def training(self, dim: int, n: int) -> int:
        """How many vectors to train on."""

    @abstractmethod
    def bytes(self, dim: int, n: int) -> float:
        """Memory for each vector, about."""

    @abstractmethod
    def parameters(self, effort: int, among: Among | None) -> Any: ...

    def settle(self, index: Any) -> None:
        """After it was filled: whatever makes it quicker to search."""
        return

    def search(self, index: Any, asked: np.ndarray, c: int, params: Any) -> np.ndarray:
        """Slots (q, c), -1 where there is none."""
        found: np.ndarray = index.search(asked, c, params=params)[1]
        return found

    def save(self, index: Any, folder: Path) -> None:
        # Through Python's own file: FAISS's says nothing where closing it fails, as on a full disk.
        with open(folder / self.file, "wb") as f:
            faiss.write_index(index, faiss.PyCallbackIOWriter(f.write))

    def load(self, folder: Path) -> Any:
        return faiss.read_index(str(folder / self.file))


class Among:
    """The slots that may be found."""

    def __init__(self, alive: np.ndarray) -> None:  # (s,) bool
        self.alive = alive
        self.share = float(alive.mean())

    @cached_property
    def selector(self) -> Any:
        """In FAISS's form."""
        self._bits = np.packbits(self.alive, bitorder="little")  # FAISS looks at them, and does not own them
        return faiss.IDSelectorBitmap(self._bits)


class Approximate:
    """An index of one family, filled with the slots [0, covered)."""

    def __init__(self, family: Family, index: Any, *, effort: int, wider: float) -> None:
        self.family = family
        self.index = index
        self.effort = effort
        self.wider = wider
        self._plain = family.parameters(effort, None)
        self.covered = int(index.ntotal)  # slots
        family.settle(index)
        self._one = threading.Lock()  # FAISS can be searched by many at once, but not while it grows

    def candidates(self, asked: np.ndarray, k: int, among: Among | None = None) -> np.ndarray:
        """Slots (q, c), -1 where there is none."""
        c = min(math.ceil(self.wider * k), self.covered)
        params = self._plain
        if among is not None:  # the fewer may be found, the harder it is looked
            effort = min(self.family.efforts[-1], round(self.effort / max(among.share, 1e-3)))
            params = self.family.parameters(effort, among)
        with self._one:
            return self.family.search(self.index, asked, c, params)

    def look(self, *, effort: int, wider: float) -> None:
        self.effort, self.wider = effort, wider
        self._plain = self.family.parameters(effort, None)

    def add(self, ready: np.ndarray) -> None:
        """The next slots; searches go on between the blocks."""
        for start in range(0, len(ready), _BLOCK):
            with self._one:
                self.index.add(ready[start : start + _BLOCK])
                self.covered = int(self.index.ntotal)
