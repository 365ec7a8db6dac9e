"""Causal language model (Radford et al. 2018): who tells the next piece has understood those before it.

Legend: B texts, W windows, T pieces that a window looks at, D width, N pieces told.
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..encoders import causal as network
from ..encoders._embed import device_of
from ..errors import OptionError
from ..source import Source
from . import _next
from ._base import Objective


class Causal(Objective):
    """For the encoder `causal`. A batch's texts are packed into windows as long as the encoder reads.

    No text sees another: in each window attention stays within a text, and positions begin anew with it.
    """

    kind: ClassVar[str] = "text"
    dim: ClassVar[int] = 128
    encoder: network.Causal

    def __init__(self, encoder: network.Causal) -> None:
        super().__init__()
        if not isinstance(encoder, network.Causal):
            what = f"{type(encoder).__name__} does not read from the left"
            raise OptionError(what, "Give one that does: --encoder causal.")
        self.encoder = encoder

    def views(self, batch: list[str]) -> tuple[Tensor, Tensor]:
        """(W, T + 1) pieces, and of which text each is."""
        return self._windows(batch, apart=False)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        return {"surprise": _next.mean(self.told(*views))}

    def told(self, ids: Tensor, of: Tensor) -> _next.Told:  # (W, T + 1) each
        given, same = of[:, :-1], of[:, :-1] == of[:, 1:]
        allowed = given[:, None, :, None] == given[:, None, None, :]  # (W, 1, T, T)
        z = self.encoder.writing(ids[:, :-1], places=_places(given), allowed=allowed)  # (W, T, D)
        known = same & (given >= 0)
        return _next.surprise(self.encoder.writing.logits(z[known]), ids[:, 1:][known])  # (N, D)

    def perplexity(self, source: Source, rows: np.ndarray) -> float:
        return _next.perplexity(self, self.told, lambda b: self._windows(b, apart=True), source, rows)

    def _windows(self, batch: list[str], *, apart: bool) -> tuple[Tensor, Tensor]:
        words = self.encoder.words
        texts = [[words.start, *pieces, words.end] for pieces in words.numbers(batch)]
        ids, of = _next.windows(texts, self.encoder.length, words.pad, apart=apart)
        device = device_of(self.encoder)
        return ids.to(device), of.to(device)


def _places(of: Tensor) -> Tensor:  # (W, T) -> (W, T)
    """How far each piece is from where its text begins in the window: 0 0 1 1 1 -> 0 1 0 1 2."""
    at = torch.arange(of.shape[1], device=of.device).expand_as(of)
    first = torch.ones_like(of, dtype=torch.bool)
    first[:, 1:] = of[:, 1:] != of[:, :-1]
    return at - torch.where(first, at, 0).cummax(1).values
