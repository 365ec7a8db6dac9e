"""word2vec with the pieces of words, so that unseen words have vectors too (Bojanowski et al. 2017).

Legend: V words, D dimensions, D' = D widened to a multiple of 8.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..encoders._words.pieces import bags, grams, means
from ..encoders.words import Words, filled
from ..errors import OptionError
from ..source import Source
from ._words.vectors import WordCourse, first

BUCKETS = 2_000_000  # at most, as fastText has them
EVERY = 2**31 - 1  # so many that hardly two pieces share one


@dataclass(kw_only=True, eq=False)
class FastText(WordCourse):
    """A word is the mean of its own row and those of its pieces of `shortest` to `longest` letters.

    `buckets`: rows that pieces share by chance (default: as many as there are pieces, up to two million).
    The other options are those of word2vec.
    """

    naturals: ClassVar[tuple[str, ...]] = (*WordCourse.naturals, "shortest", "longest", "buckets")

    shortest: int = 3
    longest: int = 6
    buckets: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.longest < self.shortest:
            what = f"pieces of {self.shortest} to {self.longest} letters"
            raise OptionError(what, "Give shortest up to longest.")

    def solve(self, source: Source, *, seed: int = 0) -> Words:
        found = self.read(source)
        buckets = self.buckets or self._pieces(found.words)
        rows = bags(found.words, self.shortest, self.longest, buckets)
        inputs = first(len(found.words) + buckets, self.dim, 1 / self.dim, seed)  # (V + buckets, D')
        self.move(found, inputs, seed, rows)
        inputs = inputs[:, : self.dim]
        V, ends = len(found.words), {"shortest": self.shortest, "longest": self.longest}
        vectors, pieces = means(inputs, rows), inputs[V:]
        return filled(found.words, vectors, found.counts, pieces, lower=self.lower, **ends)

    def _pieces(self, words: list[str]) -> int:
        every = grams(words, self.shortest, self.longest, EVERY)[1]
        return max(1, min(BUCKETS, len(np.unique(every))))
