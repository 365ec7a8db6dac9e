"""Words in like company get like vectors, step by step (Mikolov et al. 2013): rows are words, not texts."""

from dataclasses import dataclass

from ..encoders.words import Words, filled
from ..source import Source
from ._words.vectors import WordCourse, first


@dataclass(kw_only=True, eq=False)
class Word2Vec(WordCourse):
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

    def solve(self, source: Source, *, seed: int = 0) -> Words:
        found = self.read(source)
        inputs = first(len(found.words), self.dim, 0.5 / self.dim, seed)  # (V, D')
        self.move(found, inputs, seed)
        return filled(found.words, inputs[:, : self.dim], found.counts, lower=self.lower)
