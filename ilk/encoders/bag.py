"""A text as the sum of its words' vectors: ready at once, and hard to beat where there is little text.

Legend: B texts, V pieces in the vocabulary, D dimensions, C directions that all texts share, N different
pieces of each text, over all texts.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ._base import Encoder
from ._tokenizer import Tokenizer


class Bag(Encoder):
    """Of the pieces of `tokenizer` (JSON), each with a vector whose length is its weight; made by `sif`.

    A piece that comes c times in a text counts 1 + log c times. `common`: so many directions, which all texts
    share, are taken out. A text in which nothing is known is the zero vector.
    """

    def __init__(self, tokenizer: str, dim: int = 256, common: int = 0) -> None:
        super().__init__()
        self.tokenizer, self.dim, self.common = tokenizer, dim, common
        self.words = Tokenizer(tokenizer)
        self.register_buffer("vectors", torch.zeros(self.words.size, dim))
        self.register_buffer("shared", torch.zeros(common, dim))
        self.vectors: Tensor
        self.shared: Tensor

    def forward(self, x: Sequence[str]) -> Tensor:  # (B,) texts -> (B, D), of length 1
        places, ids, times = (torch.from_numpy(a).to(self.vectors.device) for a in self.counts(x))
        starts = torch.searchsorted(places, torch.arange(len(x), device=places.device))
        z = F.embedding_bag(ids, self.vectors, starts, mode="sum", per_sample_weights=1 + times.log())
        z = z - z @ self.shared.T @ self.shared  # (B, D) x (D, C) x (C, D)
        return F.normalize(z)

    def counts(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,) each: the number of the text, rising; the piece; how often it comes there, float32."""
        found = self.known(texts)
        place = np.repeat(np.arange(len(found)), [len(ids) for ids in found])
        ids = np.concatenate([*found, np.zeros(0, np.int64)])
        keys, times = np.unique(place * self.words.size + ids, return_counts=True)
        return keys // self.words.size, keys % self.words.size, times.astype(np.float32)

    def known(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The pieces of each text in their order; what no piece stands for is left out."""
        found = (np.array(ids, np.int64) for ids in self.words.numbers(texts))
        return [ids[ids != self.words.unknown] for ids in found]
