"""TSDAE (Wang et al. 2021): words are deleted; from the vector of what is left a decoder writes all.

Legend: B texts, D dimensions of the vector, U pieces of the longest text.
"""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..decoders.text import Writer
from ..encoders._embed import device_of
from ..encoders.transformer import Transformer
from ..errors import OptionError
from ..source import Source
from . import _next
from ._base import Objective


class TSDAE(Objective):
    """For the encoder `transformer`. Each word is deleted with the chance `deleted`.

    The decoder sees nothing but the vector, so the vector must hold what the text says.
    """

    kind: ClassVar[str] = "text"
    encoder: Transformer

    def __init__(
        self,
        encoder: Transformer,
        *,
        deleted: float = 0.6,
        decoder_width: int = 128,
        decoder_depth: int = 1,
        decoder_heads: int = 4,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Transformer):
            what = f"{type(encoder).__name__} reads no text in pieces"
            raise OptionError(what, "Give one that does: --encoder transformer.")
        if not 0 <= deleted < 1:
            raise OptionError(f"deleted is {deleted}", "Give a share from 0 up to 1.")
        self.encoder, self.deleted = encoder, deleted
        self.decoder_width, self.decoder_depth = decoder_width, decoder_depth
        self.decoder_heads = decoder_heads
        self.decoder: Writer = Writer(
            encoder.tokenizer,
            encoder.dim,
            None,
            encoder.length,
            decoder_width,
            decoder_depth,
            decoder_heads,
        )

    def views(self, batch: list[str]) -> tuple[list[str], Tensor]:
        """Texts that lack words, and the whole ones (B, 1 + U) in pieces."""
        words, longest = self.decoder.words, self.decoder.length
        whole = [[words.start, *pieces, words.end][: longest + 1] for pieces in words.numbers(batch)]
        ids = _next.filled(whole, words.pad).to(device_of(self.encoder))
        return [lacking(text, self.deleted) for text in batch], ids

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        return {"surprise": _next.mean(self.told(*views))}

    def told(self, lacks: list[str], ids: Tensor) -> _next.Told:
        return _next.written(self.decoder, ids, *self.decoder.context(self.encoder(lacks)))

    def perplexity(self, source: Source, rows: np.ndarray) -> float:
        return _next.perplexity(self, self.told, self.views, source, rows)


def lacking(text: str, share: float) -> str:
    """At least one word stays."""
    words = text.split()
    stays = torch.rand(len(words)) >= share
    if words and not bool(stays.any()):
        stays[int(torch.randint(len(words), ()))] = True
    return " ".join(word for word, kept in zip(words, stays.tolist()) if kept)
