"""A representation in one pass, with no gradient: patch words that stand near each other are made alike.

After Coates & Ng 2011 (whitened patches, spherical k-means) and Chen et al. 2022 (Sparse Manifold
Transform; Bag of Image Patch Embedding): words are moved so that neighbours in pictures are neighbours
in space, which is a generalised eigenproblem of their co-occurrence against their frequency.

Legend: M patches, N numbers in a patch, K words, D dimensions of a word, T x T places in a picture.
"""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder, batches
from ..encoders.patches import BLOCK, argmax, variance
from ..encoders.patches import Patches as Words
from ..encoders.projected import project
from ..errors import OptionError
from ..source import Source
from ._base import ClosedForm

PICTURES = 6_000  # are enough to count neighbours in
SAMPLE = 100_000  # patches are enough for the whitening and the words


class Patches(ClosedForm):
    """Words, their vectors, then half-whitened main axes of the pooled pictures (`dim` None: as pooled)."""

    kind: ClassVar[str] = "images"

    def __init__(
        self,
        *,
        words: int = 512,
        depth: int = 32,
        grid: int = 4,
        patch: int | None = None,
        dim: int | None = 256,
        whiten: float = 0.5,
        root: bool = False,
    ) -> None:
        if not 0 < depth <= words:
            raise OptionError(f"depth is {depth} with {words} words; expected from 1 to the number of words")
        self.words, self.depth, self.grid, self.patch = words, depth, grid, patch
        self.dim, self.whiten, self.root = dim, whiten, root

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.permutation(len(source))[:PICTURES])
        channels, size = source.traits["channels"], source.traits["size"]
        encoder = Words(channels, size, self.words, self.depth, self.grid, self.patch).eval()
        with torch.inference_mode():
            patches = sample(encoder, source, rows, rng)  # (M, N)
            whitening = whitener(patches)  # (N, N)
            words = spherical_kmeans(F.normalize(patches @ whitening, dim=1), self.words, rng)  # (K, N)
            filters = whitening @ words.T  # (N, K)
            encoder.filters.copy_(filters - filters.mean(0))  # to sum to zero: brightness drops out
            together, often = neighbours(encoder, source, rows)  # (K, K), (K,)
            encoder.table[:-1] = word_vectors(together, often, self.depth)  # (K, D)
        if self.dim is None:
            return encoder
        return project(encoder, source, self.dim, whiten=self.whiten, root=self.root, rows=rows)


def sample(encoder: Words, source: Source, rows: np.ndarray, rng: np.random.Generator) -> Tensor:  # (M, N)
    """Patches from all over, without brightness and with their contrast evened, noise less than ink."""
    share = min(SAMPLE, 2**24 // len(encoder.filters)) / max(len(rows) * encoder.places**2, 1)
    parts = [torch.zeros(0, len(encoder.filters))]
    for x in batches(source, encoder.at_once, rows):
        patches, live = encoder.cut(x)  # (B, T * T, N), (B, T * T)
        typical = (variance(patches).mean(1) * patches.shape[2]).sqrt()  # the picture's own contrast
        picture, place = live.nonzero().T
        some = torch.from_numpy(rng.random(len(picture)) < share)
        picture, place = picture[some], place[some]
        even = patches[picture, place]  # (M, N)
        even = even - even.mean(1, keepdim=True)
        parts.append(even / (even.norm(dim=1) + 0.15 * typical[picture])[:, None])
    return torch.cat(parts)


def whitener(patches: Tensor) -> Tensor:  # (M, N) -> (N, N)
    """Symmetric (ZCA): all axes of the patches get the same spread, up to a floor for those near none."""
    covariance = (patches.T @ patches / max(len(patches), 1)).double()
    values, axes = torch.linalg.eigh(covariance)
    floor = 0.05 * values.mean() + torch.finfo(torch.float32).tiny
    whitening: Tensor = (axes * (values.clamp(min=0) + floor).rsqrt()) @ axes.T
    return whitening.float()


def spherical_kmeans(points: Tensor, k: int, rng: np.random.Generator, rounds: int = 8) -> Tensor:
    """k unit vectors, each the direction of the sum of its points: (M, N) of length 1 -> (K, N)."""
    if not len(points):
        return points.new_zeros(k, points.shape[1])
    words = points[torch.from_numpy(rng.integers(len(points), size=k))]
    for _ in range(rounds):
        nearest = torch.cat([argmax(some @ words.T) for some in torch.split(points, BLOCK)])  # (M,)
        sums = torch.zeros_like(words).index_add_(0, nearest, points)
        lone = (torch.bincount(nearest, minlength=k) == 0).nonzero()[:, 0]
        sums[lone] = points[torch.from_numpy(rng.integers(len(points), size=len(lone)))]  # elsewhere
        words = F.normalize(sums, dim=1)
    return words


def neighbours(encoder: Words, source: Source, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """How often two words stand within half a patch of each other, (K, K), and each word at all, (K,)."""
    K, reach = encoder.words, max(1, encoder.width // 2 // encoder.stride)
    offsets = [(dy, dx) for dy in range(reach + 1) for dx in range(-reach, reach + 1) if (dy, dx) > (0, 0)]
    together, often = torch.zeros((K + 1) ** 2, dtype=torch.long), torch.zeros(K + 1, dtype=torch.long)
    for x in batches(source, encoder.at_once, rows):
        codes = encoder.codes(x)  # (B, T, T)
        often += torch.bincount(codes.flatten(), minlength=K + 1)
        for dy, dx in offsets:
            T = encoder.places
            one = codes[:, : max(T - dy, 0), max(-dx, 0) : max(T - max(dx, 0), 0)]
            other = codes[:, dy:, max(dx, 0) : max(T + min(dx, 0), 0)]
            together += torch.bincount((one * (K + 1) + other).flatten(), minlength=(K + 1) ** 2)
    square = together.view(K + 1, K + 1)[:K, :K].double()
    return square + square.T, often[:K].double()


def word_vectors(together: Tensor, often: Tensor, depth: int) -> Tensor:  # (K, K), (K,) -> (K, D)
    """Leading solutions v of  together v = lambda diag(often) v, each times the root of its lambda.

    The products of these vectors are then the best rank-D picture of how much more often two words meet
    than by chance. The first axis is nearly constant: it counts how much of a cell holds words at all.
    """
    together = together * (often.sum() / together.sum().clamp(min=1))
    weight = often + 0.01 * often.mean() + 1  # rare words would have vectors of noise
    scale = weight.rsqrt()
    values, axes = torch.linalg.eigh(together * scale[:, None] * scale)  # rising
    vectors = axes * values.clamp(min=0).sqrt() * scale[:, None]
    return F.normalize(vectors.flip(1)[:, :depth], dim=1).float()
