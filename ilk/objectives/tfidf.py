"""Baseline: which words a text holds, the frequent ones counting little.

Legend: V pieces in the vocabulary, D dimensions.
"""

from typing import ClassVar

import numpy as np
import torch

from ..encoders import Encoder, batches
from ..encoders._tokenizer import trained
from ..encoders.bag import Bag
from ..source import Source
from ._base import ClosedForm

TEXTS = 50_000  # are enough for how frequent a piece is


class TFIDF(ClosedForm):
    """Each of the `vocabulary` pieces is a direction of its own, at random among `dim` dimensions.

    Cosines are then those of TF-IDF, give or take 1 / sqrt(dim) (Johnson & Lindenstrauss 1984).
    """

    kind: ClassVar[str] = "text"

    def __init__(self, *, dim: int = 1024, vocabulary: int = 8192) -> None:
        self.dim, self.vocabulary = dim, vocabulary

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.permutation(len(source))[:TEXTS])
        bag = Bag(trained("wordpiece", source, self.vocabulary, seed=seed), self.dim)
        holding = np.zeros(bag.words.size)  # texts in which each piece comes
        for batch in batches(source, 1024, rows):
            holding += np.bincount(bag.counts(batch)[1], minlength=len(holding))
        rare = np.log((1 + len(rows)) / (1 + holding)) + 1  # (V,)
        directions = rng.standard_normal((len(rare), self.dim)) / np.sqrt(self.dim)  # (V, D)
        bag.vectors.copy_(torch.from_numpy(directions * rare[:, None]).float())
        return bag.eval()
