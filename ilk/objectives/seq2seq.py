"""Span corruption (Raffel et al. 2019, T5): pieces are left out, and a decoder writes what is missing.

    given    the [BLANK0] hole is [BLANK1] the sky
    wanted   [BLANK0] black [BLANK1] dark in [SEP]

Legend: B texts, S pieces given, U wanted, N told.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..decoders._blanks import BLANKS, blanks
from ..decoders.text import Writer
from ..encoders._embed import device_of
from ..encoders._tokenizer import Pieces
from ..encoders.transformer import Transformer
from ..errors import OptionError
from ..source import Source
from . import _next
from ._base import Objective


class Seq2Seq(Objective):
    """For the encoder `transformer`. Of the pieces the share `missing` is left out, `span` in a row at the
    mean. The decoder looks at the encoder's tokens and at the vector.
    """

    kind: ClassVar[str] = "text"
    marks: ClassVar[tuple[str, ...]] = BLANKS
    encoder: Transformer

    def __init__(
        self,
        encoder: Transformer,
        *,
        missing: float = 0.15,
        span: float = 3.0,
        decoder_width: int = 128,
        decoder_depth: int = 2,
        decoder_heads: int = 4,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Transformer):
            what = f"{type(encoder).__name__} reads no text both ways"
            raise OptionError(what, "Give one that does: --encoder transformer.")
        if not 0 < missing < 1 or span < 1:
            raise OptionError(
                f"missing is {missing}, span {span}", "Give a share between 0 and 1, and 1 or more in a row."
            )
        self.encoder, self.missing, self.span = encoder, missing, span
        self.decoder_width, self.decoder_depth = decoder_width, decoder_depth
        self.decoder_heads = decoder_heads
        self.blanks = blanks(encoder.tokenizer)
        self.decoder: Writer = Writer(
            encoder.tokenizer,
            encoder.dim,
            encoder.token_dim,
            encoder.length,
            decoder_width,
            decoder_depth,
            decoder_heads,
        )

    def views(self, batch: list[str]) -> tuple[Tensor, Tensor]:
        """What is given (B, S) and what is wanted (B, 1 + U), its start before it."""
        words = self.encoder.words
        given, wanted = [], []
        for pieces in words.numbers(batch):
            pieces = pieces[: self.encoder.length - 2]
            left, out = corrupted(pieces, left_out(len(pieces), self.missing, self.span), self.blanks)
            given.append([words.start, *left, words.end])
            wanted.append([words.start, *out, words.end][: self.encoder.length + 1])
        device = device_of(self.encoder)
        return _next.filled(given, words.pad).to(device), _next.filled(wanted, words.pad).to(device)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        return {"surprise": _next.mean(self.told(*views))}

    def told(self, given: Tensor, wanted: Tensor) -> _next.Told:
        real = given != self.encoder.words.pad
        tokens = self.encoder.tokens(Pieces(given, real, torch.zeros_like(given)))  # (B, S, E)
        context, allowed = self.decoder.context(self.encoder.vector(tokens), tokens, real)
        return _next.written(self.decoder, wanted, context, allowed)

    def perplexity(self, source: Source, rows: np.ndarray) -> float:
        return _next.perplexity(self, self.told, self.views, source, rows)


def left_out(n: int, share: float, span: float) -> list[tuple[int, int]]:
    """Where spans begin and end, of n pieces; lengths by chance, between them and of them, none empty."""
    if n == 0:
        return []
    missing = min(max(round(n * share), 1), max(n - 1, 1))
    spans = min(max(round(missing / span), 1), max(n - missing, 1), len(BLANKS))
    between, out = _parted(n - missing, spans), _parted(missing, spans)
    found, at = [], 0
    for kept, length in zip(between, out):
        found.append((at + kept, at + kept + length))
        at += kept + length
    return found


def _parted(n: int, parts: int) -> list[int]:
    """n as the sum of so many numbers, each at least 1 where n is enough."""
    cuts = torch.randperm(max(n - 1, 0))[: parts - 1].sort().values.add(1).tolist()
    return [b - a for a, b in zip([0, *cuts], [*cuts, n])]


def corrupted(
    pieces: Sequence[int], spans: Sequence[tuple[int, int]], blanks: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The pieces with a blank for each span; and each blank followed by what it stands for."""
    given: list[int] = []
    wanted: list[int] = []
    at = 0
    for blank, (begin, end) in zip(blanks, spans):
        given += [*pieces[at:begin], blank]
        wanted += [blank, *pieces[begin:end]]
        at = end
    return [*given, *pieces[at:]], wanted
