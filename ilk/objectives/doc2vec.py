"""A text's own vector foretells its words, alone or with the words around (Le & Mikolov 2014)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ..encoders import Encoder
from ..encoders._words import kernels
from ..encoders._words.tables import tables
from ..encoders.documents import Documents
from ..source import Source
from ._words.corpus import corpus
from ._words.vectors import Course, first


@dataclass(kw_only=True, eq=False)
class Doc2Vec(Course):
    """`model`: dbow (the text's vector alone) or dm (its mean with the words around).

    `again`: passes over a text to find its vector. What goes into a space is found so too, as for any new
    text: the vectors from learning serve to learn the words'. The other options are those of word2vec.
    """

    models: ClassVar[tuple[str, ...]] = ("dbow", "dm")
    naturals: ClassVar[tuple[str, ...]] = (*Course.naturals, "again")

    model: str = "dbow"
    epochs: int = 10
    again: int = 20

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        found = corpus(source, lower=self.lower, min_count=self.min_count)
        known = tables(found.counts, sample=self.sample, negative=self.negative)
        V, wide = len(found.words), 0.5 / self.dim
        vectors = first(len(source), self.dim, wide, seed)
        inputs = first(V if self.model == "dm" else 0, self.dim, wide, seed + 1)
        outputs = np.zeros((V, vectors.shape[1]), np.float32)

        def step(begin: int, end: int, before: int, numbers: kernels.Numbers) -> None:
            kernels.pooled(found.ids, begin, end, inputs, outputs, known, numbers, vectors, before, False)

        self.train(step, found, seed)
        return self._encoder(found.words, found.counts, inputs, outputs)

    def _encoder(
        self, words: list[str], counts: np.ndarray, inputs: np.ndarray, outputs: np.ndarray
    ) -> Documents:
        made = Documents(
            words,
            self.dim,
            self.model,
            self.window,
            self.negative,
            self.sample,
            self.pace,
            self.again,
            self.lower,
        )
        made.inputs.copy_(torch.from_numpy(inputs[:, : self.dim]))
        made.outputs.copy_(torch.from_numpy(outputs[:, : self.dim]))
        made.counts.copy_(torch.from_numpy(counts))
        return made.eval()
