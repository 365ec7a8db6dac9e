"""What every encoder is: a network that turns a batch of samples into vectors."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """The constructor's keywords are the configuration: stored unchanged, JSON-able (or an Encoder)."""

    dim: int  # D

    @abstractmethod
    def forward(self, x: Any) -> Tensor:  # batch -> (B, D)
        ...


class TokenEncoder(Encoder, ABC):
    """An encoder that also gives a vector for each token (patch, word), for objectives that mask."""

    @abstractmethod
    def tokens(self, x: Any, *, keep: Tensor | None = None, masked: Tensor | None = None) -> Tensor:
        # keep: (B, K) indices of the tokens to see; masked: (B, T) True for a mask token -> (B, T', D)
        ...
