"""A corpus as word ids in a file without a name: read once, whatever its size, memory-mapped after.

Legend: V words kept, N ids, T texts.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO

import numpy as np

from ...console import progress
from ...encoders._words.pieces import words as parted
from ...errors import DataError
from ...files import room
from ...source import Source
from .phrases import BLOCK, join

END = -1  # behind each text
MARK = "\0"  # the same, among words
TEXTS = 2048  # read at a time
MOST = 8_000_000  # different words that are held; then the rarest are forgotten, as word2vec does


@dataclass(frozen=True)
class Corpus:
    ids: np.ndarray  # (N,) int32, of kept words only; END behind each text
    words: list[str]  # (V,), the most frequent first
    counts: np.ndarray  # (V,) int64


def corpus(source: Source, *, lower: bool, min_count: int, phrases: int = 0) -> Corpus:
    """The words that occur `min_count` times; `phrases` times, pairs that belong together become one word."""
    reader = _Reader()
    with room(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as file:
        with progress("reading", len(source)) as bar:
            for start in range(0, len(source), TEXTS):
                rows = np.arange(start, min(start + TEXTS, len(source)))
                reader.take(_words(source.batch(rows), lower)).tofile(file)
                bar.advance(len(rows))
        ids, names, counts = _mapped(file), reader.names(), reader.counts
    for _ in range(phrases):
        ids, names, counts = join(ids, names, counts, least=min_count)
    return _kept(ids, names, counts, min_count)


def _words(texts: list[str], lower: bool) -> list[str]:
    found: list[str] = []
    for text in texts:
        if not isinstance(text, str):
            do = "Read it with ilk.source.text, or say --as text."
            raise DataError(f"words are found in texts; this is a {type(text).__name__}", do)
        found += parted(text, lower)
        found.append(MARK)
    return found


class _Reader:
    """Numbers words as they are met: the text is gone through once, and counted by its numbers."""

    def __init__(self) -> None:
        self._next = count().__next__
        self._number: defaultdict[str, int] = defaultdict(self._next)
        self._number[MARK] = END
        self.counts = np.zeros(0, np.int64)
        self._least = 1

    def take(self, words: list[str]) -> np.ndarray:
        ids = np.fromiter(map(self._number.__getitem__, words), np.int32, len(words))
        met = np.bincount(ids[ids >= 0], minlength=len(self.counts))
        met[: len(self.counts)] += self.counts
        self.counts = met
        while len(self._number) > MOST:
            self._least += 1
            self._number = defaultdict(
                self._next,
                {w: i for w, i in self._number.items() if i < 0 or self.counts[i] >= self._least},
            )
        return ids

    def names(self) -> list[str]:
        """By number; those forgotten are empty."""
        names = [""] * len(self.counts)
        for word, number in self._number.items():
            if number >= 0:
                names[number] = word
        return names


def _mapped(file: IO[bytes]) -> np.ndarray:
    """The whole file, to be written to; it lasts as long as the array does."""
    file.flush()
    if not file.tell():
        return np.zeros(0, np.int32)
    return np.memmap(file, np.int32, "r+").view(np.ndarray)


def blocks(n: int) -> Iterator[slice]:
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))


def _kept(ids: np.ndarray, names: list[str], counts: np.ndarray, min_count: int) -> Corpus:
    """Numbered anew, the most frequent first; rare words leave, and those around move together."""
    counts = np.where([bool(name) for name in names], counts, 0) if names else counts
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] >= max(min_count, 1)]
    if not len(order):
        most = f"the most frequent occurs {counts.max()} times" if counts.any() else "there is no word"
        raise DataError(
            f"no word occurs {min_count} times: {most}", "Give more text, or a smaller min_count."
        )
    rare, end = -2, -1
    new = np.full(len(counts) + 1, rare, np.int32)  # the last place is that of END
    new[order], new[end] = np.arange(len(order)), END
    filled = 0
    for block in blocks(len(ids)):
        some = new[ids[block]]
        some = some[some != rare]
        ids[filled : filled + len(some)] = some
        filled += len(some)
    return Corpus(ids[:filled], [names[i] for i in order], counts[order])
