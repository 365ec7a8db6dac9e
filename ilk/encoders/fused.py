"""Pictures and words that look at each other (cross-attention): what only both together say.

In each layer the words' tokens gather from the picture's and the picture's from the words' (Lu et al. 2019).
It sees what two towers cannot, of which the one never knows the other; but each pair costs a pass of its own.
So the towers find, and this sorts what they found: by their cosine, and by what looking at both adds to it.

Legend: B pairs, P and T tokens of a picture and of a text, W a network's own width, D dimensions.
"""

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._attention import Block
from ._base import Encoder, MapEncoder, TokenEncoder
from .two import Two


class Half(NamedTuple):
    """Pictures, or words, by themselves."""

    vector: Tensor  # (B, D), as the towers have it
    tokens: Tensor  # (B, P or T, D)
    real: Tensor  # (B, P or T): not what fills a text up

    def at(self, rows: Tensor) -> "Half":
        return Half(self.vector[rows], self.tokens[rows], self.real[rows])


class Fused(Encoder):
    """Pictures or words alone have the vector of `two`, a pair the middle of both and what they say together.

    `depth`: how often they look at each other.

    A network without tokens or maps (averaged word vectors) gives its vector as the only token.
    """

    kind: ClassVar[str] = "pairs"

    def __init__(self, two: Two, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.two, self.dim, self.depth, self.heads = two, two.dim, depth, heads
        D = self.dim
        self.of_seen, self.of_said = (nn.Linear(_width(net), D) for net in (two.pictures, two.words))
        self.seeing = nn.ModuleList(Block(D, heads, context=D) for _ in range(depth))
        self.reading = nn.ModuleList(Block(D, heads, context=D) for _ in range(depth))
        self.even = nn.LayerNorm(2 * D)
        self.head = nn.Linear(2 * D, D)
        self.odds = nn.Linear(D, 1)

    @property
    def scale(self) -> Tensor:  # of cosines, to log odds
        return self.two.scale

    def forward(self, x: Any) -> Tensor:  # (B, C, H, W), (B,) texts, or both -> (B, D)
        if not isinstance(x, tuple):
            vectors: Tensor = self.two(x)
            return vectors
        seen, said = self.apart(*x)
        return F.normalize(F.normalize(seen.vector + said.vector) + self.together(seen, said))

    def apart(self, pictures: Tensor, words: Any) -> tuple[Half, Half]:
        return (
            _half(self.two.pictures, self.two.of_pictures, self.of_seen, pictures),
            _half(self.two.words, self.two.of_words, self.of_said, words),
        )

    def score(self, seen: Half, said: Half) -> Tensor:  # (B,), the higher the better
        return (seen.vector * said.vector).sum(1) * self.scale + self.beyond(seen, said)

    def beyond(self, seen: Half, said: Half) -> Tensor:  # (B,) log odds, beside those by the cosine
        told: Tensor = self.odds(self.together(seen, said))
        return told[:, 0]

    def together(self, seen: Half, said: Half) -> Tensor:  # -> (B, D)
        a, b, allowed = seen.tokens, said.tokens, said.real[:, None, None]  # (B, P, D), (B, T, D)
        for seeing, reading in zip(self.seeing, self.reading):
            a, b = seeing(a, b, context_allowed=allowed), reading(b, a, allowed=allowed)
        words = (b * said.real[..., None]).sum(1) / said.real.sum(1, keepdim=True)  # (B, D)
        out: Tensor = self.head(self.even(torch.cat([a.mean(1), words], 1)))  # (B, 2D) -> (B, D)
        return out


def _half(network: Encoder, last: nn.Module, widen: nn.Module, x: Any) -> Half:
    """One pass: the vector is made of what the tokens are."""
    if isinstance(network, TokenEncoder):
        tokens = network.tokens(x)  # (B, T, W)
        vector, real = network.vector(tokens), (tokens != 0).any(2)
    else:
        if isinstance(network, MapEncoder):
            maps = network.maps(x)
            vector, tokens = network.vector(maps), maps[_MAP].flatten(2).mT  # (B, W, h, w) -> (B, P, W)
        else:
            vector = network(x)
            tokens = vector[:, None]
        real = tokens.new_ones(tokens.shape[:2], dtype=torch.bool)
    return Half(F.normalize(last(vector)), widen(tokens), real)


_MAP = -2  # the last but one: of the last there are few cells


def _width(network: Encoder) -> int:
    if isinstance(network, TokenEncoder):
        return network.token_dim
    return network.widths[_MAP] if isinstance(network, MapEncoder) else network.dim
