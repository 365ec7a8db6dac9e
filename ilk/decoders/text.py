"""From a vector back to a text: blocks that write piece by piece, and look at the vector at each.

Legend: B texts, D the vector's dimensions, S tokens of an encoder, E their width, W the decoder's width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders._attention import initialise
from ..encoders._tokenizer import Tokenizer
from ..encoders._writing import Writing
from ._base import Decoder
from ._line import Line
from ._search import written


class Writer(Decoder):
    """(B, D) -> B texts, each the likeliest next piece after the other.

    `tokens`: the width of an encoder's tokens, where the decoder may look at these beside the vector.
    """

    def __init__(
        self,
        tokenizer: str,
        dim: int,
        tokens: int | None = None,
        length: int = 128,
        width: int = 128,
        depth: int = 2,
        heads: int = 4,
    ) -> None:
        super().__init__()
        self.tokenizer, self.dim, self.tokens, self.length = tokenizer, dim, tokens, length
        self.width, self.depth, self.heads = width, depth, heads
        self.words = Tokenizer(tokenizer)
        self.writing = Writing(self.words.size, length, width, depth, heads, context=width)
        self.whole = nn.Linear(dim, width)
        self.parts = None if tokens is None else nn.Linear(tokens, width)
        initialise(self.whole)
        if self.parts is not None:
            initialise(self.parts)

    def forward(self, z: Tensor) -> list[str]:  # (B, D) -> B texts
        line = self.line(*self.context(z))
        start = torch.full((len(z), 1), self.words.start, device=z.device)
        found = written(line, line.add(start), self.words.end, self.length)
        return [self.words.text(one.ids) for one in found]

    def context(
        self, vectors: Tensor, tokens: Tensor | None = None, real: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:  # (B, D), (B, S, E), (B, S) -> (B, 1 + S, W), (B, 1, 1, 1 + S)
        """What is looked at while writing, and which of it may be: the vector, then the `real` tokens."""
        context = self.whole(vectors)[:, None]
        if tokens is None or self.parts is None:
            return context, None
        context = torch.cat([context, self.parts(tokens)], 1)
        return context, None if real is None else F.pad(real, (1, 0), value=True)[:, None, None]

    def line(self, context: Tensor, allowed: Tensor | None) -> Line:
        return Line(self.writing, self.words, context=context, allowed=allowed)
