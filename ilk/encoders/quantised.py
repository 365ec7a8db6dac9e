"""A picture in words: each patch's token is rounded to the nearest of K codes (the tokenizer of BEiT v2).

`objectives/vqkd.py` learns one (Peng et al. 2022); `objectives/beit.py` foretells its words.

Legend: B batch, T tokens, P patches, K codes, d numbers in a code.
"""

from typing import Any

from torch import Tensor
from torch.nn import functional as F

from ._base import Encoder, TokenEncoder, grid_of
from ._codebook import CodeBook

PLACES = 2  # the vector sees 2 x 2 places of the picture


class Quantised(Encoder):
    """An encoder of patches and `codes` directions of its vectors; an `Encoder` of dim d gives codes of d.

    The vector of a picture is the mean of its patches' directions in each of four quarters.
    """

    def __init__(self, encoder: TokenEncoder, codes: int = 512) -> None:
        super().__init__()
        self.encoder, self.codes = encoder, codes
        self.dim = PLACES**2 * encoder.dim
        self.book = CodeBook(codes, encoder.dim)

    def forward(self, x: Any) -> Tensor:  # (B, C, H, W) -> (B, 4 * d)
        z = self.directions(x)  # (B, P, d)
        z = z.mT.reshape(len(z), z.shape[2], *grid_of(x, self.encoder.patch))  # (B, d, h, w)
        return F.adaptive_avg_pool2d(z, PLACES).flatten(1)

    def directions(self, x: Any) -> Tensor:  # (B, C, H, W) -> (B, P, d) of length 1
        """What the encoder's own head makes of each patch, as if that were all it had seen."""
        patches = self.encoder.tokens(x)[:, self.encoder.specials :]  # (B, P, D)
        alone = patches.flatten(0, 1)[:, None].expand(-1, self.encoder.specials + 1, -1)  # (B * P, S + 1, D)
        return F.normalize(self.encoder.vector(alone).float(), dim=1).view(*patches.shape[:2], -1)

    def words(self, x: Any) -> Tensor:  # (B, C, H, W) -> (B, P)
        """The number of each patch's code."""
        words: Tensor = self.book(self.directions(x))
        return words
