"""What an encoder gets of rows of a table: some of them, column by column, each as its kind is.

Legend: B rows, L entries of a list, C channels, H x W pixels, V numbers of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

KINDS = ("id", "category", "several", "number", "vector", "text", "image", "kept")
CODED = ("id", "category", "several")


@dataclass(frozen=True)
class Coded:
    """Names by their place: one a row, or a list of them, the last ones of which are given."""

    names: Sequence[str]
    codes: np.ndarray  # (B,) or (B, L); -1: none

    def __getitem__(self, rows: Any) -> Coded:
        return Coded(self.names, self.codes[rows])


@dataclass(frozen=True)
class Pictures:
    pixels: Tensor  # (B, C, H, W)
    known: Tensor  # (B,) whether there is one

    def __getitem__(self, rows: Any) -> Pictures:
        return Pictures(self.pixels[rows], self.known[rows])


# number: (B,) with NaN for none; vector: (B, V)
Column: TypeAlias = Coded | Pictures | np.ndarray | list[str]


class Records:
    """A batch: `ids` (B,) of one side ("users" or "items"; "" where there is but one), and their columns."""

    def __init__(self, side: str, ids: Sequence[str], columns: dict[str, Column]) -> None:
        self.side, self.ids, self.columns = side, ids, columns

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> Records:
        return Records(self.side, self.ids[rows], {n: c[rows] for n, c in self.columns.items()})


@dataclass(frozen=True)
class Lists:
    """Lists of names of different lengths, end to end: of row i, codes[ends[i] : ends[i + 1]]."""

    names: Sequence[str]
    codes: np.ndarray
    ends: np.ndarray  # (n + 1,)

    def last(self, rows: np.ndarray, most: int) -> Coded:  # (B, L)
        """The last `most` of each row, in order; fewer are filled up with -1, in front."""
        last = self.ends[rows + 1]
        return Coded(self.names, self.between(self.ends[rows], last, most))

    def between(self, first: np.ndarray, last: np.ndarray, most: int) -> np.ndarray:  # (B, L)
        """The last `most` codes from places `first` to (without) `last`."""
        longest = int(np.clip((last - first).max(initial=0), 1, most))
        at = last[:, None] - longest + np.arange(longest)  # (B, L)
        inside = at >= first[:, None]
        padded = self.codes if len(self.codes) else np.array([-1])
        return np.where(inside, padded[np.where(inside, at, 0)], -1)

    def take(self, rows: np.ndarray) -> Lists:
        sizes = self.ends[rows + 1] - self.ends[rows]
        ends = np.concatenate([[0], np.cumsum(sizes)])
        at = np.arange(ends[-1]) - np.repeat(ends[:-1] - self.ends[rows], sizes)
        return Lists(self.names, self.codes[at], ends)
