"""Words with a vector each, as word2vec, fastText and GloVe make them; a text is the mean of its words'.

Legend: B texts, V words, D dimensions, N words of all texts.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from ._base import Encoder
from ._words.pieces import grams
from ._words.pieces import words as parted


class Words(Encoder):
    """`words`, the most frequent first. `lower`: texts are looked at in small letters.

    With `buckets`, an unknown word is the mean of its pieces of `shortest` to `longest` letters.

    What is itself a known word has that word's vector; of another text its words count, unknown ones left
    out. A text in which nothing is known is the zero vector.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        words: list[str],
        dim: int = 100,
        lower: bool = True,
        buckets: int = 0,
        shortest: int = 3,
        longest: int = 6,
    ) -> None:
        super().__init__()
        if buckets and not 1 <= shortest <= longest:
            do = "Give shortest from 1 to longest."
            raise OptionError(f"pieces of {shortest} to {longest} letters", do)
        self.words, self.dim, self.lower = words, dim, lower
        self.buckets, self.shortest, self.longest = buckets, shortest, longest
        self.register_buffer("vectors", torch.zeros(len(words), dim))
        self.register_buffer("pieces", torch.zeros(buckets, dim))
        self.register_buffer("counts", torch.zeros(len(words), dtype=torch.int64))  # 0: not known
        self.vectors: Tensor
        self.pieces: Tensor
        self.counts: Tensor

    @cached_property
    def places(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def forward(self, x: Sequence[str]) -> Tensor:  # (B,) texts -> (B, D)
        found = [self._found(text) for text in x]
        device = self.vectors.device
        known = [[self.places[w] for w in words if w in self.places] for words in found]
        starts = np.cumsum([0, *map(len, known)])[:-1]
        flat = torch.tensor([i for one in known for i in one], dtype=torch.int64, device=device)
        z = F.embedding_bag(flat, self.vectors, torch.from_numpy(starts).to(device), mode="sum")
        number = torch.tensor([len(one) for one in known], device=device)  # (B,)
        strange = [(b, w) for b, words in enumerate(found) for w in words if w not in self.places]
        if self.buckets and strange:
            places = torch.tensor([b for b, _ in strange], device=device)
            z = z.index_add(0, places, self._pieced([w for _, w in strange]))
            number = number.index_add(0, places, torch.ones_like(places))
        return z / number.clamp(min=1)[:, None]

    def _found(self, text: str) -> list[str]:
        for whole in (text, text.lower()) if self.lower else (text,):
            if whole in self.places:
                return [whole]
        return parted(text, self.lower)

    def _pieced(self, words: Sequence[str]) -> Tensor:  # (N, D)
        starts, rows = grams(words, self.shortest, self.longest, self.buckets)
        device = self.vectors.device
        flat = torch.from_numpy(rows.astype(np.int64)).to(device)
        return F.embedding_bag(flat, self.pieces, torch.from_numpy(starts[:-1]).to(device), mode="mean")


def filled(
    words: list[str],
    vectors: np.ndarray,
    counts: np.ndarray,
    pieces: np.ndarray | None = None,
    **options: Any,
) -> Words:
    """With these vectors (V, D), counts (V,) and pieces (buckets, D)."""
    made = Words(words, vectors.shape[1], buckets=0 if pieces is None else len(pieces), **options)
    made.vectors.copy_(torch.from_numpy(vectors))
    made.counts.copy_(torch.from_numpy(counts))
    if pieces is not None:
        made.pieces.copy_(torch.from_numpy(pieces))
    return made.eval()
