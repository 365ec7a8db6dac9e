"""Lists of short codes around centroids, which take new rows and are searched by compiled loops.

For one question as for many quicker than FAISS's own (benchmarks/space.py). Kept in one safetensors file,
its arrays as they stand here.

Legend: n rows, D numbers a vector, L lists, r room for rows in all, q queries, c candidates.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from . import _scan
from .exact import ALL

ROUNDS = 10  # of k-means
_ROOM = 1.25  # times what a list holds, when it is given more
_SHARED = 64  # questions that are worth a thread

_ARRAYS = {  # what is kept
    "middle": np.float32,  # (D,)
    "step": np.float32,  # (D,)
    "centres": np.float32,  # (L, D)
    "first": np.int64,  # (L,)
    "held": np.int64,  # (L,)
    "codes": np.int8,  # (r, D)
    "norms": np.float32,  # (r,)
    "slots": np.int64,  # (r,)
}


class Lists:
    """Searched, filled and trained by the same calls as an index of FAISS."""

    def __init__(self, dim: int, lists: int) -> None:
        self.centres = np.zeros((lists, dim), np.float32)
        self.first, self.held = np.zeros(lists, np.int64), np.zeros(lists, np.int64)
        self.codes, self.norms = np.zeros((0, dim), np.int8), np.zeros(0, np.float32)
        self.slots = np.zeros(0, np.int64)
        self.is_trained = False
        self.ntotal = 0

    def train(self, vectors: np.ndarray) -> None:  # (n, D), n >= L
        lists, dim = self.centres.shape
        means = faiss.Kmeans(dim, lists, niter=ROUNDS, min_points_per_centroid=1)
        means.cp.max_points_per_centroid = len(vectors)
        means.train(vectors)
        self.centres = means.centroids
        low, high = vectors.min(0), vectors.max(0)
        self.middle, self.step = low / 2 + high / 2, high / 254 - low / 254  # of the largest floats too
        self._ready()
        self.is_trained = True

    def add(self, vectors: np.ndarray) -> None:  # (n, D): the next slots
        lists = faiss.knn(vectors, self.centres, 1)[1][:, 0]
        held = self.held + np.bincount(lists, minlength=len(self.held))
        if (held > np.diff(self.first, append=len(self.codes))).any():
            self._make_room(held)
        named = np.arange(self.ntotal, self.ntotal + len(vectors))
        codes, norms = _scan.coded(vectors, self.middle, self.step)
        room = (self.codes, self.norms, self.slots, self.first, self.held)
        _scan.put(*room, codes, norms, named, lists)
        self.ntotal += len(vectors)

    def search(self, asked: np.ndarray, c: int, lists: int, alive: np.ndarray = ALL) -> np.ndarray:
        """Slots (q, c) in no order, -1 where there is none, from so many lists; of those `alive` (s,)."""
        if len(asked) < 2 * _SHARED or (threads := faiss.omp_get_max_threads()) < 2:
            return _scan.nearest(asked, lists, c, alive, *self._arrays)  # type: ignore[no-any-return]
        parts = np.array_split(asked, min(threads, len(asked) // _SHARED))
        with ThreadPoolExecutor(len(parts)) as pool:
            each = pool.map(lambda part: _scan.nearest(part, lists, c, alive, *self._arrays), parts)
            return np.concatenate(list(each))

    def save(self) -> bytes:
        written: bytes = save({name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS})
        return written

    @classmethod
    def load(cls, path: Path) -> Lists:
        """Raises ValueError where the file does not hold such lists."""
        try:
            arrays = load_file(path)
        except SafetensorError as e:
            raise ValueError(f"{path.name}: {e}") from None
        found = cls(arrays["centres"].shape[1], len(arrays["centres"]))
        for name in _ARRAYS:
            setattr(found, name, arrays[name])
        if not found._sound():  # compiled loops ask no more
            raise ValueError(f"{path.name} does not hold the lists of an index")
        found.ntotal = int(found.held.sum())
        found._ready()
        found.is_trained = True
        return found

    def _sound(self) -> bool:
        lists, dim = self.centres.shape
        r = len(self.codes)
        shapes: dict[str, tuple[int, ...]]
        shapes = {"middle": (dim,), "step": (dim,), "first": (lists,), "held": (lists,)}
        shapes |= {"centres": (lists, dim), "codes": (r, dim), "norms": (r,), "slots": (r,)}
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return (
            all(arrays[n].dtype == t and arrays[n].shape == shapes[n] for n, t in _ARRAYS.items())
            and bool(((self.first >= 0) & (self.first <= r)).all())
            and bool(((self.held >= 0) & (self.held <= r - self.first)).all())
            and bool(((self.slots >= 0) & (self.slots < max(1, self.held.sum()))).all())
        )

    def _ready(self) -> None:
        """The arrays as the compiled search takes them."""
        centres = _scan.coded(self.centres, self.middle, self.step)
        lists = (self.first, self.held, self.codes, self.norms, self.slots)
        self._arrays = (self.middle, self.step, *centres, *lists)

    def _make_room(self, held: np.ndarray) -> None:
        """For so many rows in each list (L,), and some more."""
        room = np.ceil(_ROOM * held).astype(np.int64) + 8
        first = np.concatenate([[0], np.cumsum(room)[:-1]])
        within = np.arange(self.held.sum()) - np.repeat(np.cumsum(self.held) - self.held, self.held)
        old, new = np.repeat(self.first, self.held) + within, np.repeat(first, self.held) + within
        for name in ("codes", "norms", "slots"):
            before = getattr(self, name)
            after = np.zeros((int(room.sum()), *before.shape[1:]), before.dtype)
            after[new] = before[old]
            setattr(self, name, after)
        self.first = first
        self._ready()
