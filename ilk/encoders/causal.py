"""Causal transformer (Radford et al. 2018): a text read from the left; what it knows, it can go on with.

Legend: B texts, T pieces of the longest ([CLS] first, [SEP] last), D width.
"""

import torch
from torch import Tensor

from ..errors import one_of
from ._base import Encoder
from ._embed import device_of
from ._tokenizer import Pieces, Texts, Tokenizer, long_enough
from ._writing import Writing

POOLS = ("mean", "last")


class Causal(Encoder):
    """Of texts, at most `length` pieces of each; `dim` wide throughout.

    `tokenizer`: a vocabulary as JSON. The vector is the mean over the text's last tokens, or the very last
    of them, which alone has read all. `groups`: heads of keys and values, fewer than `heads`, so that less
    need be kept while writing. With learned positions, layer norm, biases and `gelu-tanh` it is GPT-2, with
    `swiglu` Llama.
    """

    def __init__(
        self,
        tokenizer: str,
        length: int = 128,
        dim: int = 128,
        depth: int = 4,
        heads: int = 4,
        expand: float = 4.0,
        pool: str = "mean",
        positions: str = "rotary",
        norm: str = "rms",
        activation: str = "gelu",
        bias: bool = False,
        groups: int | None = None,
        tied: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        one_of(POOLS, "pool", pool)
        long_enough(length)
        self.tokenizer, self.length, self.dim, self.depth, self.heads = tokenizer, length, dim, depth, heads
        self.expand, self.pool, self.positions, self.norm = expand, pool, positions, norm
        self.activation, self.bias, self.groups, self.tied = activation, bias, groups, tied
        self.dropout = dropout
        self.words = Tokenizer(tokenizer)
        self.writing = Writing(
            self.words.size,
            length,
            dim,
            depth,
            heads,
            expand=expand,
            positions=positions,
            norm=norm,
            activation=activation,
            bias=bias,
            groups=groups,
            tied=tied,
            dropout=dropout,
        )

    def forward(self, x: Texts) -> Tensor:  # (B,) texts -> (B, D)
        return self._pieces(x).through(self._vectors)

    def spelled(self, text: str) -> list[str]:  # (T,)
        """The pieces of a text, as they read."""
        return self.words.names(self._pieces([text]).ids[0].tolist())

    def attention(self, x: Texts) -> list[Tensor]:  # depth x (B, heads, T, T)
        look: list[Tensor] = []
        self.writing(self._pieces(x).ids, look=look)
        return look

    def _pieces(self, x: Texts) -> Pieces:
        return self.words.pieces(x, self.length).to(device_of(self))

    def _vectors(self, x: Pieces) -> Tensor:  # (B, T) -> (B, D)
        z = self.writing(x.ids)  # what fills up stands behind, where nothing before can see it
        if self.pool == "mean":
            real = x.real[..., None]
            mean: Tensor = (z * real).sum(1) / real.sum(1)
            return mean
        last: Tensor = z[torch.arange(len(z)), x.real.sum(1) - 1]
        return last
