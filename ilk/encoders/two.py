"""Two towers into one space: pictures by one network, words by another (Radford et al. 2021).

Legend: B batch, P and T the vectors' dimensions of the two networks, D those of the space.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._base import Encoder


class Two(Encoder):
    """Takes pictures (a tensor), words (a list), or pairs of both, which lie in the middle of their two.

    All vectors have length 1, and are comparable whatever they were made from.
    """

    kind: ClassVar[str] = "pairs"

    def __init__(self, pictures: Encoder, words: Encoder, dim: int = 128) -> None:
        super().__init__()
        self.pictures, self.words, self.dim = pictures, words, dim
        self.of_pictures = nn.Linear(pictures.dim, dim, bias=False)
        self.of_words = nn.Linear(words.dim, dim, bias=False)
        self.register_buffer("scale", torch.ones(1))  # of cosines, to log odds; learnt by the objective
        self.scale: Tensor

    def forward(self, x: Any) -> Tensor:  # (B, C, H, W), (B,) texts, or both -> (B, D)
        if isinstance(x, tuple):
            pictures, words = x
            return F.normalize(self(pictures) + self(words))
        if isinstance(x, Tensor):
            return F.normalize(self.of_pictures(self.pictures(x)))  # (B, P) -> (B, D)
        return F.normalize(self.of_words(self.words(x)))  # (B, T) -> (B, D)
