"""Texts into words, and words into the rows of their pieces, as fastText hashes them.

Legend: V words, D dimensions; rows are V of whole words, then the buckets of pieces.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...compiled import compiled

Bags = tuple[np.ndarray, np.ndarray]  # where the rows of each word begin (V + 1,), the rows of all

END_OF_SENTENCE = "</s>"  # which fastText does not part into pieces
WORD = re.compile(r"\w+(?:['’]\w+)*")


def words(text: str, lower: bool) -> list[str]:
    """Runs of letters, digits and underscores; an apostrophe within a word is part of it."""
    return WORD.findall(text.lower() if lower else text)


def grams(
    words: Sequence[str], shortest: int, longest: int, buckets: int
) -> tuple[np.ndarray, np.ndarray]:  # (V + 1,), (all,)
    """Where each word's buckets begin, and those of its pieces: `<where>` has <wh, whe, her, ere, re>, ..."""
    written = [f"<{w}>".encode() if w else b"" for w in words]
    starts = np.concatenate([[0], np.cumsum([len(w) for w in written])]).astype(np.int64)
    letters = np.frombuffer(b"".join(written), np.uint8)
    begins = np.zeros(len(words) + 1, np.int64)
    _hashed(letters, starts, shortest, longest, buckets, begins, np.zeros(0, np.int32))
    found = np.zeros(begins[-1], np.int32)
    _hashed(letters, starts, shortest, longest, buckets, begins, found)
    return begins, found


@compiled()
def _hashed(
    letters: Any, starts: Any, shortest: Any, longest: Any, buckets: Any, begins: Any, found: Any
) -> None:
    """Fills `begins`, and `found` where it has room: FNV-1a of UTF-8, bytes taken as signed, as there."""
    n = 0
    for word in range(starts.shape[0] - 1):
        first, end = starts[word], starts[word + 1]
        for i in range(first, end):
            if letters[i] & 0xC0 == 0x80:  # within a letter
                continue
            j, size, hashed = i, 0, np.uint32(2166136261)
            while j < end and size < longest:
                while True:
                    signed = np.uint32(letters[j]) | np.uint32(0xFFFFFF00 if letters[j] >= 128 else 0)
                    hashed = np.uint32((hashed ^ signed) * np.uint32(16777619))
                    j += 1
                    if j == end or letters[j] & 0xC0 != 0x80:
                        break
                size += 1
                if size >= shortest and not (size == 1 and (i == first or j == end)):
                    if found.shape[0]:
                        found[n] = hashed % np.uint32(buckets)
                    n += 1
        begins[word + 1] = n


def bags(words: Sequence[str], shortest: int, longest: int, buckets: int) -> Bags:
    """Each word's own row, then those of its pieces."""
    V = len(words)
    starts, rows = grams(["" if w == END_OF_SENTENCE else w for w in words], shortest, longest, buckets)
    own = starts[:-1] + np.arange(V)
    found = np.empty(len(rows) + V, np.int32)
    others = np.ones(len(found), bool)
    others[own] = False
    found[own], found[others] = np.arange(V), rows + V
    return starts + np.arange(V + 1), found


def means(matrix: np.ndarray, of: Bags) -> np.ndarray:  # (V + buckets, D) -> (V, D)
    starts, rows = of
    share = np.repeat(1 / np.diff(starts), np.diff(starts)).astype(np.float32)
    mean: np.ndarray = sp.csr_matrix((share, rows, starts), (len(starts) - 1, len(matrix))) @ matrix
    return mean
