"""A code-book: directions that vectors are rounded to, each the slow average of what was rounded to it.

Legend: M vectors, d numbers in each, K codes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DEAD = 0.05  # a code that is taken less often than this share of the mean goes where it is needed


class CodeBook(nn.Module):
    """K unit vectors. Nothing here is learnt by gradient: `follow` moves them."""

    book: Tensor  # (K, d)
    often: Tensor  # (K,) how many vectors of a step each gets, a moving average

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("book", F.normalize(torch.randn(codes, dim), dim=1))
        self.register_buffer("often", torch.zeros(codes))

    def forward(self, z: Tensor) -> Tensor:  # (..., d) of length 1 -> (...)
        """The number of the nearest code."""
        with torch.autocast(z.device.type, enabled=False):
            return (z.float() @ self.book.T).argmax(-1)

    @torch.no_grad()
    def follow(self, z: Tensor, codes: Tensor, decay: float) -> None:
        """To the mean of the vectors (M, d) that got each code; dead codes go to those that fit worst."""
        fit = (z * self.book[codes]).sum(1)  # (M,) cosines
        count = torch.bincount(codes, minlength=len(self.book)).to(z.dtype)  # (K,)
        sums = torch.zeros_like(self.book).index_add_(0, codes, z)  # (K, d)
        moved = F.normalize(torch.lerp(F.normalize(sums, dim=1), self.book, decay), dim=1)
        self.book.copy_(torch.where(count[:, None] > 0, moved, self.book))
        self.often.lerp_(count, 1 - decay)
        dead = (self.often < DEAD * self.often.mean()).nonzero()[: len(z), 0]
        # Not drawn at random: every process of a run must revive the same
        self.book[dead] = z[fit.argsort(stable=True)[: len(dead)]]
        self.often[dead] = self.often.mean()
