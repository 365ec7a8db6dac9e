"""Pictures and words that look at each other (cross-attention): one vector of what both say together.

In each layer the words' tokens gather from the picture's and the picture's from the words' (Lu et al. 2019).
It sees what two towers cannot, of which the one never knows the other; but each pair costs a pass of its own.

Legend: B pairs, P and T tokens of a picture and of a text, W and V their widths, D dimensions.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ._attention import Block
from ._base import Encoder, TokenEncoder


class Fused(Encoder):
    """Takes pairs (pictures, words). `depth`: how often they look at each other.

    Of the two networks their tokens are used, and not what makes a vector of these. Nothing here learns from
    pairs alone with it: it wants labels of pairs, and a loop of your own.
    """

    kind: ClassVar[str] = "pairs"

    def __init__(
        self, pictures: TokenEncoder, words: TokenEncoder, dim: int = 128, depth: int = 2, heads: int = 4
    ) -> None:
        super().__init__()
        self.pictures, self.words, self.dim, self.depth, self.heads = pictures, words, dim, depth, heads
        w, v = pictures.token_dim, words.token_dim
        self.seeing = nn.ModuleList(Block(w, heads, context=v) for _ in range(depth))
        self.reading = nn.ModuleList(Block(v, heads, context=w) for _ in range(depth))
        self.even = nn.LayerNorm(w + v)
        self.head = nn.Linear(w + v, dim)

    def forward(self, x: Any) -> Tensor:  # (B, C, H, W) and (B,) texts -> (B, D)
        return self.together(*self.apart(x))

    def apart(self, x: Any) -> tuple[Tensor, Tensor]:
        """What either says alone: tokens (B, P, W) and (B, T, V), zeros where a text is filled up."""
        pictures, words = x
        return self.pictures.tokens(pictures), self.words.tokens(words)

    def together(self, seen: Tensor, said: Tensor) -> Tensor:  # (B, P, W), (B, T, V) -> (B, D)
        real = (said != 0).any(2)  # (B, T)
        allowed = real[:, None, None]
        for seeing, reading in zip(self.seeing, self.reading):
            seen, said = (
                seeing(seen, said, context_allowed=allowed),
                reading(said, seen, allowed=allowed),
            )
        words = (said * real[..., None]).sum(1) / real.sum(1, keepdim=True)  # (B, V)
        out: Tensor = self.head(self.even(torch.cat([seen.mean(1), words], 1)))
        return out
