"""Transformer (Vaswani et al. 2017; Devlin et al. 2018): the pieces of a text look at each other, both ways.

Legend: B texts, T = 1 + P tokens of the longest ([CLS] first; [SEP] behind a text is one of the P), D width,
h heads, d = D / h, V the vector's dimensions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import one_of
from ._attention import Block, Rotation, initialise, norm_of, rotation
from ._base import TokenEncoder
from ._embed import device_of
from ._tokenizer import Pieces, Texts, Tokenizer, long_enough

PRESETS = {"tiny": (128, 2, 2), "mini": (256, 4, 4), "small": (512, 4, 8), "base": (768, 12, 12)}
POOLS = ("mean", "cls")
POSITIONS = ("learned", "rotary")


class Transformer(TokenEncoder):
    """Of texts, or of pairs of texts (`segments` tells the two apart); of each at most `length` pieces.

    `tokenizer`: a vocabulary as JSON. `width`, `depth` and `heads` replace the preset's. A head is narrow:
    it looks for one thing in d = width / heads dimensions, so that more heads cost no more; d of 32 to 64 is
    usual, and few wide heads see finer likeness, but of fewer kinds. `first`: norms stand before attention
    and network (steadier, no warm-up needed), not behind them as in BERT. The vector is the mean over the
    text's tokens, or [CLS]'s, by a linear layer where `dim` is not the width.
    """

    def __init__(
        self,
        tokenizer: str,
        length: int = 128,
        dim: int = 128,
        preset: str = "tiny",
        width: int | None = None,
        depth: int | None = None,
        heads: int | None = None,
        expand: float = 4.0,
        pool: str = "mean",
        positions: str = "learned",
        segments: bool = False,
        norm: str = "layer",
        first: bool = True,
        activation: str = "gelu",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        one_of(PRESETS, "preset", preset)
        one_of(POOLS, "pool", pool)
        one_of(POSITIONS, "positions", positions)
        long_enough(length)
        self.tokenizer, self.length, self.dim, self.preset = tokenizer, length, dim, preset
        self.width, self.depth, self.heads, self.expand = width, depth, heads, expand
        self.pool, self.positions, self.segments = pool, positions, segments
        self.norm, self.first, self.activation, self.dropout = norm, first, activation, dropout
        usual = PRESETS[preset]
        D, layers, self.head_count = width or usual[0], depth or usual[1], heads or usual[2]
        self.token_dim, self.specials, self.grid, self.patch = D, 1, (1, length - 1), 1
        self.words = Tokenizer(tokenizer)
        self.embed = nn.Embedding(self.words.size, D)
        self.place = nn.Embedding(length, D) if positions == "learned" else None
        self.segment = nn.Embedding(2, D) if segments else None
        self.even = norm_of(norm, D)
        self.blocks = nn.ModuleList(
            Block(
                D,
                self.head_count,
                expand=expand,
                norm=norm,
                first=first,
                activation=activation,
                dropout=dropout,
            )
            for _ in range(layers)
        )
        self.head = nn.Identity() if dim == D else nn.Linear(D, dim)
        initialise(self)
        for part in (self.embed, self.place, self.segment):
            if part is not None:
                nn.init.normal_(part.weight, std=0.02)
        self._turns(1)  # tells now if the width does not suit rotary positions

    def forward(self, x: Texts) -> Tensor:  # (B,) texts -> (B, V)
        pieces = self.pieces(x)
        return self._vectors(pieces) if self.training else pieces.through(self._vectors)

    def pieces(self, x: Texts) -> Pieces:
        return self.words.pieces(x, self.length).to(device_of(self))

    def _vectors(self, x: Pieces) -> Tensor:
        return self.vector(self.tokens(x))

    def vector(self, tokens: Tensor) -> Tensor:  # (B, T, D) -> (B, V)
        if self.pool == "cls":
            pooled = tokens[:, 0]
        else:
            real = (tokens != 0).any(2)  # (B, T)
            pooled = tokens.sum(1) / real.sum(1, keepdim=True)  # (B, D)
        vectors: Tensor = self.head(pooled)
        return vectors

    def tokens(
        self,
        x: Texts,
        *,
        keep: Tensor | None = None,
        masked: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # (B,) texts -> (B, T, D)
        """Where a shorter text is filled up, zeros."""
        return self._through(self.pieces(x), keep, masked, mask, None)

    def spelled(self, text: str) -> list[str]:  # (T,)
        """The pieces of a text, as they read."""
        return self.words.names(self.pieces([text]).ids[0].tolist())

    def attention(self, x: Texts) -> list[Tensor]:  # depth x (B, heads, T, T)
        look: list[Tensor] = []
        self._through(self.pieces(x), None, None, None, look)
        return look

    def _through(
        self,
        x: Pieces,
        keep: Tensor | None,
        masked: Tensor | None,
        mask: Tensor | None,
        look: list[Tensor] | None,
    ) -> Tensor:
        z, real, turns = self.embed(x.ids), x.real, self._turns(x.ids.shape[1])  # (B, T, D), (B, T)
        if masked is not None:
            hidden = F.pad(masked, (self.specials, 0))[..., None]  # (B, T, 1)
            z = torch.where(hidden, torch.zeros_like(z) if mask is None else mask.to(z.dtype), z)
        if self.place is not None:
            z = z + self.place.weight[: z.shape[1]]
        if self.segment is not None:
            z = z + self.segment(x.segments)
        if keep is not None:
            at = F.pad(keep + self.specials, (self.specials, 0))  # (B, 1 + K): [CLS] is always looked at
            z, real = z.gather(1, at[..., None].expand(-1, -1, z.shape[2])), real.gather(1, at)
            turns = None if turns is None else (turns[0][0, at][:, None], turns[1][0, at][:, None])
        z = F.dropout(z if self.first else self.even(z), self.dropout, self.training)
        allowed = None if bool(real.all()) else real[:, None, None, :]  # (B, 1, 1, T)
        for block in self.blocks:
            z = block(z, allowed=allowed, rotation=turns, look=look)
        tokens: Tensor = self.even(z) if self.first else z
        return tokens if allowed is None else tokens * real[..., None]

    def _turns(self, tokens: int) -> Rotation | None:  # cosines and sines (1, T, d)
        if self.positions != "rotary":
            return None
        places = torch.arange(tokens, device=self.embed.weight.device)[:, None]  # (T, 1)
        return rotation(places, self.token_dim // self.head_count)
