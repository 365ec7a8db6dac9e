"""Words in like company get like vectors, step by step (Mikolov et al. 2013): rows are words, not texts."""

from typing import ClassVar

from ..encoders import Encoder
from ..encoders.words import Words, filled
from ..source import Source
from ._base import ClosedForm
from ._words.corpus import corpus
from ._words.vectors import MODELS, Vocabulary, check, first, learnt


class Word2Vec(ClosedForm):
    """`model`: skip-gram (better where there is little text) or cbow (two to three times as fast).

    window     words to each side that count as company, at most
    negative   noise words beside each true one; 0: hierarchical softmax
    sample     words of a larger share of the text are thinned out; 0: none
    rate       the learning rate at first (0.025; cbow 0.05)
    min_count  rarer words are left out
    phrases    so many times over, pairs that belong together become one word: new_york
    lower      in small letters
    threads    0: one a core. One thread gives the same bits each time, several nearly the same vectors
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
    ) -> None:
        whole = {"dim": dim, "window": window, "negative": negative, "epochs": epochs, "phrases": phrases}
        check(model, MODELS, sample, rate, **whole, min_count=min_count, threads=threads)
        self.dim, self.model, self.window, self.negative, self.sample = dim, model, window, negative, sample
        self.rate, self.epochs, self.min_count, self.phrases = rate, epochs, min_count, phrases
        self.lower, self.threads = lower, threads

    def solve(self, source: Source, *, seed: int = 0) -> Words:
        found = corpus(source, lower=self.lower, min_count=self.min_count, phrases=self.phrases)
        inputs = first(len(found.words), self.dim, 0.5 / self.dim, seed)  # (V, D')
        learnt(
            found,
            inputs,
            model=self.model,
            negative=self.negative,
            sample=self.sample,
            rate=self.rate,
            seed=seed,
            window=self.window,
            epochs=int(self.epochs),
            threads=self.threads,
        )
        return filled(found.words, inputs[:, : self.dim], found.counts, lower=self.lower)

    def content(self, source: Source, encoder: Encoder) -> Source:
        assert isinstance(encoder, Words)
        return Vocabulary(encoder, source.reading)
