"""BERT (Devlin et al. 2018): words are hidden, and the words around them tell which they were.

Legend: B texts, T tokens, D a token's width, M pieces to be told, V pieces in the vocabulary.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders._attention import initialise
from ..encoders._tokenizer import SPECIALS, Pieces
from ..encoders.transformer import Transformer
from ..errors import OptionError
from ..source._text.halves import halves
from ._base import Objective

IGNORED = -100  # what cross_entropy passes over


class BERT(Objective):
    """Of the pieces the share `masked` is to be told: 80% hidden, 10% another, 10% as they were.

    Beside its token, the text's vector helps to tell, so that it learns what the text is about. With
    `next_sentence` a text comes in two halves, and the vector tells whether they belong together; the encoder
    then needs `segments`.
    """

    kind: ClassVar[str] = "text"
    spelling: ClassVar[str] = "wordpiece"
    encoder: Transformer

    def __init__(self, encoder: Transformer, *, masked: float = 0.15, next_sentence: bool = False) -> None:
        super().__init__()
        if not isinstance(encoder, Transformer):
            what = f"{type(encoder).__name__} reads no text in pieces"
            raise OptionError(what, "Give one that does: --encoder transformer.")
        if not 0 < masked < 1:
            raise OptionError(f"masked is {masked}", "Give a share between 0 and 1.")
        if next_sentence and not encoder.segments:
            raise OptionError("next_sentence, and an encoder that cannot tell two texts", "Give --segments.")
        self.encoder, self.masked, self.next_sentence = encoder, masked, next_sentence
        D = encoder.token_dim
        self.whole = nn.Linear(encoder.dim, D)
        self.transform = nn.Sequential(nn.Linear(D, D), nn.GELU(), nn.LayerNorm(D))
        self.bias = nn.Parameter(torch.zeros(encoder.words.size))
        self.follows = nn.Linear(encoder.dim, 2) if next_sentence else None
        initialise(self.whole)
        initialise(self.transform)

    def views(self, batch: list[str]) -> tuple[Pieces, Tensor, Tensor]:
        """The pieces as the encoder sees them, what is to be told (B, T), who follows whom (B,)."""
        if self.next_sentence:
            texts, truth = _pairs(batch)
            pieces = self.encoder.pieces(texts)
        else:
            pieces, truth = self.encoder.pieces(batch), torch.ones(len(batch), dtype=torch.long)
        ids, told = self._hidden(pieces)
        return Pieces(ids, pieces.real, pieces.segments), told, truth.to(ids.device)

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        seen, told, truth = views
        tokens = self.encoder.tokens(seen)  # (B, T, D)
        vector = self.encoder.vector(tokens)  # (B, dim)
        asked = told != IGNORED  # (B, T)
        helped = self.transform((tokens + self.whole(vector)[:, None])[asked])  # (M, D)
        logits = F.linear(helped, self.encoder.embed.weight, self.bias)  # (M, V)
        terms = {"words": _surprise(logits.float(), told[asked])}
        if self.follows is not None:
            terms["next sentence"] = F.cross_entropy(self.follows(vector).float(), truth)
        return terms

    def _hidden(self, pieces: Pieces) -> tuple[Tensor, Tensor]:  # (B, T), (B, T)
        ids, words = pieces.ids, self.encoder.words
        device = ids.device
        may = pieces.real & (ids != words.start) & (ids != words.end)
        draw = torch.rand(ids.shape, device=device).masked_fill(~may, 2.0)
        asked = may & ((draw < self.masked) | (draw == draw.amin(1, keepdim=True)))  # one of each text
        how = torch.rand(ids.shape, device=device)
        other = torch.randint(len(SPECIALS), words.size, ids.shape, device=device)
        hidden = torch.where(asked & (how < 0.8), words.mask, ids)
        hidden = torch.where(asked & (how >= 0.9), other, hidden)
        return hidden, torch.where(asked, ids, IGNORED)


def _surprise(logits: Tensor, truth: Tensor) -> Tensor:
    """0 where nothing is to be told: the texts are empty."""
    return F.cross_entropy(logits, truth) if len(truth) else logits.sum()


def _pairs(batch: list[str]) -> tuple[list[tuple[str, str]], Tensor]:
    """Halves of texts: of one, or (0) the second of the text before."""
    first, second = halves(batch)
    truth = torch.randint(2, (len(batch),))
    return [(a, second[i if truth[i] else i - 1]) for i, a in enumerate(first)], truth
