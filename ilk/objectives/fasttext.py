"""word2vec with the pieces of words, so that unseen words have vectors too (Bojanowski et al. 2017).

Legend: V words, D dimensions, D' = D widened to a multiple of 8.
"""

from typing import ClassVar

import numpy as np

from ..encoders import Encoder
from ..encoders._words.pieces import bags, grams, means
from ..encoders.words import Words, filled
from ..errors import OptionError
from ..source import Source
from ._base import ClosedForm
from ._words.corpus import corpus
from ._words.vectors import MODELS, Vocabulary, check, first, learnt

BUCKETS = 2_000_000  # at most, as fastText has them
EVERY = 2**31 - 1  # so many that hardly two pieces share one


class FastText(ClosedForm):
    """A word is the mean of its own row and those of its pieces of `shortest` to `longest` letters.

    `buckets`: rows that pieces share by chance (default: as many as there are pieces, up to two million).
    The other options are those of word2vec.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        *,
        dim: int = 100,
        model: str = "skip-gram",
        window: int = 5,
        negative: int = 5,
        sample: float = 1e-3,
        rate: float | None = None,
        epochs: int = 5,
        min_count: int = 5,
        phrases: int = 0,
        lower: bool = True,
        threads: int = 0,
        shortest: int = 3,
        longest: int = 6,
        buckets: int | None = None,
    ) -> None:
        whole = {"dim": dim, "window": window, "negative": negative, "epochs": epochs, "phrases": phrases}
        whole |= {"shortest": shortest, "longest": longest} | (
            {} if buckets is None else {"buckets": buckets}
        )
        check(model, MODELS, sample, rate, **whole, min_count=min_count, threads=threads)
        if longest < shortest:
            raise OptionError(f"pieces of {shortest} to {longest} letters", "Give shortest up to longest.")
        self.dim, self.model, self.window, self.negative, self.sample = dim, model, window, negative, sample
        self.rate, self.epochs, self.min_count, self.phrases = rate, epochs, min_count, phrases
        self.lower, self.threads = lower, threads
        self.shortest, self.longest, self.buckets = shortest, longest, buckets

    def solve(self, source: Source, *, seed: int = 0) -> Words:
        found = corpus(source, lower=self.lower, min_count=self.min_count, phrases=self.phrases)
        buckets = self.buckets or self._pieces(found.words)
        rows = bags(found.words, self.shortest, self.longest, buckets)
        inputs = first(len(found.words) + buckets, self.dim, 1 / self.dim, seed)  # (V + buckets, D')
        learnt(
            found,
            inputs,
            model=self.model,
            negative=self.negative,
            sample=self.sample,
            rate=self.rate,
            seed=seed,
            bags=rows,
            window=self.window,
            epochs=int(self.epochs),
            threads=self.threads,
        )
        inputs = inputs[:, : self.dim]
        V, ends = len(found.words), {"shortest": self.shortest, "longest": self.longest}
        vectors, pieces = means(inputs, rows), inputs[V:]
        return filled(found.words, vectors, found.counts, pieces, lower=self.lower, **ends)

    def content(self, source: Source, encoder: Encoder) -> Source:
        assert isinstance(encoder, Words)
        return Vocabulary(encoder, source.reading)

    def _pieces(self, words: list[str]) -> int:
        every = grams(words, self.shortest, self.longest, EVERY)[1]
        return max(1, min(BUCKETS, len(np.unique(every))))
