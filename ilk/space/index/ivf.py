"""Inverted file: vectors in lists, each list around a centroid; a search looks into the nearest lists.

A new row is put into the list of its nearest centroid. Centroids are trained once; rows that lie farther
from theirs than the first ones did are drift, and make them be trained again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .exact import ALL
from .family import Among, Family
from .lists import Lists

TRAINING = 64  # vectors a centroid


class Ivf(Family):
    kind = "ivf"
    file = "index.safetensors"
    efforts = (*range(1, 9), *range(10, 17, 2), *range(20, 33, 4), *range(40, 65, 8), 80, 96, 128, 192, 256)
    wider = (1.3, 2, 4, 8)

    def make(self, dim: int, n: int) -> Lists:
        return Lists(dim, lists_for(n))

    def training(self, dim: int, n: int) -> int:
        return min(n, TRAINING * lists_for(n))

    def bytes(self, dim: int, n: int) -> float:
        return 1.25 * (dim + 12) + 5 * dim * lists_for(n) / max(n, 1)

    def parameters(self, effort: int, among: Among | None) -> tuple[int, np.ndarray]:
        return effort, ALL if among is None else among.alive

    def search(self, index: Lists, asked: np.ndarray, c: int, params: tuple[int, np.ndarray]) -> np.ndarray:
        return index.search(asked, c, *params)

    def save(self, index: Lists, folder: Path) -> None:
        (folder / self.file).write_bytes(index.save())

    def load(self, folder: Path) -> Lists:
        return Lists.load(folder / self.file)


def lists_for(n: int) -> int:
    """2 sqrt(n), a power of two: so the nearest lists hold about as much as there are centroids."""
    return int(2 ** np.clip(round(np.log2(2 * np.sqrt(max(n, 1)))), 4, 16))
