"""Product quantisation: a vector cut into parts, each part named by an entry of that part's code-book.

A new row is encoded with the code-books there are. They were trained once; where new rows are encoded worse
than the first, that is drift, and they are trained again. `pq` looks at every code, `ivf-pq` at those of
the nearest lists.
"""

from __future__ import annotations

from typing import Any, ClassVar

import faiss

from .family import Among, Family
from .ivf import TRAINING, Ivf, lists_for
from .lists import ROUNDS

_ENTRIES = 256  # a byte a part


class IvfPq(Family):
    kind = "ivf-pq"
    efforts: ClassVar[tuple[int, ...]] = Ivf.efforts
    wider = (4, 10, 30, 100)

    def lists(self, n: int) -> int:
        return lists_for(n)

    def make(self, dim: int, n: int) -> Any:
        index = faiss.IndexIVFPQ(faiss.IndexFlatL2(dim), dim, self.lists(n), parts(dim), bits(n))
        for means in (index.cp, index.pq.cp):  # content with fewer vectors than FAISS's own
            means.max_points_per_centroid, means.min_points_per_centroid = TRAINING, 1
        index.cp.niter = ROUNDS
        return index

    def training(self, dim: int, n: int) -> int:
        return min(n, TRAINING * max(_ENTRIES, self.lists(n)))

    def bytes(self, dim: int, n: int) -> float:
        return parts(dim) + 8 + 4 * dim * self.lists(n) / max(n, 1)

    def parameters(self, effort: int, among: Among | None) -> Any:
        return faiss.SearchParametersIVF(nprobe=effort, sel=among and among.selector)


class Pq(IvfPq):
    """One list, which is looked at whole: FAISS's own index without lists knows no conditions."""

    kind = "pq"
    efforts = (1,)

    def lists(self, n: int) -> int:
        return 1


def parts(dim: int) -> int:
    """About a byte for four numbers: the largest divisor of D that is not more."""
    return max(m for m in range(1, max(1, dim // 4) + 1) if dim % m == 0)


def bits(n: int) -> int:
    """Eight, or as many as n vectors can fill code-books for."""
    return int(min(8, max(1, (max(n, 2) // 4).bit_length() - 1)))
