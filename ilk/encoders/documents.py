"""A text's vector is what foretells its words best, found by some passes over it (Le & Mikolov 2014).

Legend: B texts, V words, D dimensions, N words of all texts.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ._base import Encoder
from ._words.kernels import Numbers, Tables, inferred
from ._words.pieces import words as parted
from ._words.tables import tables


class Documents(Encoder):
    """`words` that count; the other keywords are those that `doc2vec` learnt with.

    The same text has the same vector, whatever stands beside it. One without known words is the zero vector.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self,
        words: list[str],
        dim: int = 100,
        model: str = "dbow",
        window: int = 5,
        negative: int = 5,
        sample: float = 1e-3,
        rate: float = 0.025,
        epochs: int = 10,
        lower: bool = True,
    ) -> None:
        super().__init__()
        self.words, self.dim, self.model, self.window = words, dim, model, window
        self.negative, self.sample, self.rate, self.epochs, self.lower = negative, sample, rate, epochs, lower
        V = len(words)
        self.register_buffer("inputs", torch.zeros(V if model == "dm" else 0, dim))
        self.register_buffer("outputs", torch.zeros(V, dim))
        self.register_buffer("counts", torch.ones(V, dtype=torch.int64))
        self.inputs: Tensor
        self.outputs: Tensor
        self.counts: Tensor

    def forward(self, x: Sequence[str]) -> Tensor:  # (B,) texts -> (B, D)
        known = [[self._places[w] for w in parted(t, self.lower) if w in self._places] for t in x]
        starts = np.cumsum([0, *map(len, known)])
        ids = np.array([i for one in known for i in one], np.int32)  # (N,)
        found = np.zeros((len(x), self.dim), np.float32)
        numbers = Numbers(self.window, self.negative, self.rate, self.rate / 100, 1)
        inferred(ids, starts, found, *self._matrices, self._tables, numbers, self.epochs)
        return torch.from_numpy(found).to(self.outputs.device)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    # Made when first asked for: the weights come after the constructor.

    @cached_property
    def _tables(self) -> Tables:
        return tables(self.counts.cpu().numpy(), sample=self.sample, negative=self.negative)

    @property
    def _matrices(self) -> tuple[np.ndarray, np.ndarray]:
        return self.inputs.cpu().numpy(), self.outputs.cpu().numpy()
