"""A look inside an encoder of text: what its pieces look at, which of its words the vector comes from.

Legend: T pieces of one text (marks such as [CLS] counted), h heads, n words, D dimensions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder, encode
from ..encoders.causal import Causal
from ..encoders.hub_text import HubText
from ..encoders.transformer import Transformer
from ..errors import DataError
from ._drawn import inside as _drawn
from ._result import Picture, Result
from .inside import eye, joint, still


@dataclass(frozen=True)
class Reading:
    """How one text is read."""

    pieces: list[str]  # (T,) as they read
    layers: Sequence[Tensor]  # of (h, T, T): how much a piece (second) looks at another (third)
    pool: str  # whose vectors make the text's: mean (of all), cls (the first), last
    causal: bool  # whether no piece sees what comes later

    def rollout(self) -> Tensor:  # (T,)
        """What reaches the vector through all layers, of each piece."""
        through = joint([weights[None] for weights in self.layers])[0]  # (T, T)
        return {"cls": through[0], "last": through[-1]}.get(self.pool, through.mean(0))

    def received(self) -> list[Tensor]:
        """Of each layer (T,): what a piece receives, in shares of what it would if all looked evenly.

        Where nobody looks ahead, the first piece is in everybody's sight and the last in its own alone: that
        is reckoned in.
        """
        seen = torch.ones(len(self.pieces), len(self.pieces))
        seen = seen.tril() if self.causal else seen
        even = (seen / seen.sum(1, keepdim=True)).mean(0)  # (T,)
        return [weights.mean((0, 1)).cpu() / even for weights in self.layers]


@dataclass(frozen=True)
class TextSinks(Result):
    """Layer by layer: the piece that most texts look at most, and how much it receives, on average.

    In even shares: 1 is even, far above is a sink (Xiao et al. 2024).
    """

    piece: list[str]
    shares: list[float]

    def table(self) -> pa.Table:
        layers = list(range(1, len(self.piece) + 1))
        return pa.table({"layer": layers, "piece": self.piece, "shares": self.shares})

    def sentence(self) -> str:
        worst = max(range(len(self.shares)), key=self.shares.__getitem__)
        told = f"In layer {worst + 1} '{self.piece[worst]}' receives {self.shares[worst]:.1f} times"
        return f"{told} an even share of the attention."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.received(self.shares, self.piece)


@torch.inference_mode()
def reading(encoder: Encoder, text: str) -> Reading | None:
    """Of an encoder with attention among the pieces of a text; None of others."""
    network = eye(encoder)
    if not isinstance(network, Transformer | Causal | HubText):
        return None
    with still(network):
        layers = [weights[0] for weights in network.attention([text])]
    pool = network.model["pool"] if isinstance(network, HubText) else network.pool
    return Reading(network.spelled(text), layers, pool, isinstance(network, Causal))


def sinks(encoder: Encoder, texts: Sequence[str]) -> TextSinks | None:
    """Of one text, or on average over many."""
    read = [one for one in (reading(encoder, text) for text in texts) if one is not None]
    if not read:
        return None
    layers = list(zip(*(one.received() for one in read)))  # by layer, by text: (T,)
    most = [
        Counter(one.pieces[int(got.argmax())] for one, got in zip(read, layer)).most_common(1)
        for layer in layers
    ]
    shares = [torch.stack([got.max() for got in layer]).mean().item() for layer in layers]
    return TextSinks([piece for ((piece, _),) in most], shares)


def origin(encoder: Encoder, words: Sequence[str]) -> Tensor:  # (n,)
    """How far the text's vector turns (1 - cosine) when a word is left out; of any encoder of text."""
    texts = [" ".join([*words[:i], *words[i + 1 :]]) for i in range(len(words))]
    whole, *others = encode(encoder, [" ".join(words), *texts])  # (1 + n) x (D,)
    if not whole.any():
        raise DataError(f"no word of {' '.join(words)!r} is known to the encoder", "Give other words.")
    return (1 - F.cosine_similarity(torch.stack(others), whole[None])).clamp(min=0)
