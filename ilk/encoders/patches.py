"""A picture as the words its patches are, pooled over a grid. `objectives/patches.py` makes the words.

Each patch is replaced by the nearest of K words (a 1-sparse code), each word by its vector; the vectors
are averaged in each cell of a grid. That is one matrix product, one argmax and one look-up a patch:
brightness needs no removing, since the filters sum to zero, and contrast none, since it scales all K
products alike and leaves the largest the largest.

Legend: B batch, C channels, S side in pixels, P patch side, N = C * P * P, T x T places of a patch,
M patches, K words, D dimensions of a word, G x G cells.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ._base import Encoder
from ._side import side_of

AT_ONCE = 2**23  # numbers in the patches of the pictures worked on together: 32 MB
BLOCK = 512  # patches multiplied together: their K products stay in the cache until the argmax


class Patches(Encoder):
    """Of any channels and size; `patch` is about a fifth of the side unless given.

    A place where the contrast is under `floor` of the picture's own holds no word. Not solved yet, the
    words are random.
    """

    def __init__(
        self,
        channels: int = 1,
        size: int = 64,
        words: int = 512,
        depth: int = 32,
        grid: int = 4,
        patch: int | None = None,
        floor: float = 0.05,
    ) -> None:
        super().__init__()
        self.channels, self.size, self.words, self.depth = channels, size, words, depth
        self.grid, self.patch, self.floor = grid, patch, floor
        self.side = side_of(size)
        self.width = min(patch or min(max(round(self.side / 5), 3), 8), self.side)
        self.stride = 1 if self.side < 40 else 2
        self.places = (self.side - self.width) // self.stride + 1
        self.dim = grid * grid * depth
        filters, table = torch.randn(channels * self.width**2, words), torch.randn(words, depth)
        self.register_buffer("filters", filters - filters.mean(0))  # (N, K)
        self.register_buffer("table", F.pad(table, (0, 0, 0, 1)))  # (K + 1, D); the last: no word
        self.filters: Tensor
        self.table: Tensor

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, G * G * D)
        parts = (x,) if torch.compiler.is_exporting() else torch.split(x, self.at_once)
        vectors = [self._pool(self.table[self.codes(some)]) for some in parts]
        return F.normalize(torch.cat(vectors), dim=1)

    def codes(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, T, T)
        """The number of the word at each place; K where there is none."""
        patches, live = self.cut(x)
        if torch.compiler.is_exporting():  # a graph cannot leave patches out: all are looked up
            codes = torch.where(live, (patches @ self.filters).argmax(2), self.words)
            return codes.view(-1, self.places, self.places)
        flat = patches.flatten(0, 1)
        codes = torch.full((len(flat),), self.words, device=x.device)
        for some in torch.split(live.flatten().nonzero()[:, 0], BLOCK):
            codes[some] = argmax(flat[some] @ self.filters)  # (M, N) x (N, K) -> (M, K) -> (M,)
        return codes.view(len(x), self.places, self.places)

    def cut(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (B, C, H, W) -> (B, T * T, N), (B, T * T)
        """All patches, and which of them have contrast enough to be a word."""
        x = F.adaptive_avg_pool2d(x, self.side)
        rounding = 1e-10 * x.square().mean((1, 2, 3))  # an even picture is not even to the last bit
        x = x - x.mean((1, 2, 3), keepdim=True)  # else the squares of bright pictures would cancel
        patches = F.unfold(x, self.width, stride=self.stride).transpose(1, 2).contiguous()  # (B, T * T, N)
        contrast = variance(patches)  # (B, T * T)
        return patches, contrast > (self.floor**2 * contrast.mean(1) + rounding)[:, None]

    @property
    def at_once(self) -> int:
        """How many pictures fit into bounded memory."""
        return max(1, AT_ONCE // (self.places**2 * len(self.filters)))

    def _pool(self, vectors: Tensor) -> Tensor:  # (B, T, T, D) -> (B, G * G * D)
        share = F.adaptive_avg_pool1d(torch.eye(self.places, device=vectors.device), self.grid)  # (T, G)
        cells = torch.einsum("tg,uh->ghtu", share, share).reshape(self.grid**2, -1)  # (G * G, T * T)
        return (cells @ vectors.flatten(1, 2)).flatten(1)  # (G * G, T * T) x (B, T * T, D) -> (B, G * G, D)


def variance(patches: Tensor) -> Tensor:  # (..., N) -> (...)
    """Several times as fast as torch's own over so short a dimension (measured at N = 36)."""
    return (patches.square().mean(-1) - patches.mean(-1).square()).clamp(min=0)


def argmax(scores: Tensor) -> Tensor:  # (M, K) -> (M,)
    """On a CPU by NumPy, which does it 7 times as fast as torch (measured at K = 512)."""
    if scores.device.type != "cpu":
        return scores.argmax(1)
    return torch.from_numpy(scores.detach().float().numpy().argmax(1))
