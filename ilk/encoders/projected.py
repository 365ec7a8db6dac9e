"""The finished vectors of an encoder on their main axes (PCA), evened out (whitened) as far as wished.

Whitening costs a second and is worth several points of kNN accuracy: the axes along which all samples
differ most (how much ink, how bright) say least about what they are.

Legend: n samples, B batch, E the inner encoder's dimensions, D the dimensions kept.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..source import Source
from ._base import Encoder
from ._embed import batches, encode

EXACT = 1024  # up to so many dimensions E the covariance is summed over all samples; beyond ...
SAMPLE = 4096  # ... the axes come from so many samples held at once
FLOOR = 0.3  # for what a network learnt, see `evened`
ROUNDING = 1e-6  # axes with less than this share of the largest spread, or of the mean, are float32's noise

Axes: TypeAlias = tuple[Tensor, Tensor, Tensor]  # mean (E,), axes (D, E), variances (D,), falling


class Projected(Encoder):
    """Another encoder's vectors, centred, on `dim` axes; made by `project`.

    `whiten`: each axis is divided by its spread to this power: 0 plain PCA, 1 all axes equal, 0.5 between.
    `root`: signed square root first, for counts and other vectors with few large entries.
    """

    def __init__(self, encoder: Encoder, dim: int, whiten: float = 1.0, root: bool = False) -> None:
        super().__init__()
        self.encoder, self.dim, self.whiten, self.root = encoder, dim, whiten, root
        self.register_buffer("mean", torch.zeros(encoder.dim))
        self.register_buffer("matrix", torch.zeros(dim, encoder.dim))
        self.mean: Tensor
        self.matrix: Tensor

    def forward(self, x: Any) -> Tensor:  # batch -> (B, D)
        return (self.rooted(self.encoder(x)) - self.mean) @ self.matrix.T  # (B, E) x (E, D)

    def rooted(self, z: Tensor) -> Tensor:
        return z.sign() * z.abs().sqrt() if self.root else z

    def set(self, mean: Tensor, axes: Tensor, variances: Tensor, floor: float = 0.0) -> None:  # as in Axes
        """The axes, each turned so that its largest entry is positive; those with no spread weigh nothing.

        `floor`: this share of the mean spread is added to each before it is evened: small ones stay small.
        """
        axes, variances = axes[: self.dim].float(), variances[: self.dim].float().clamp(min=0)
        largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
        spread = variances.sqrt()
        least = ROUNDING * torch.maximum(spread[:1], mean.abs().max())
        even = spread + floor * spread.mean()
        weight = torch.where(spread > least, even ** -float(self.whiten), 0)
        self.mean.copy_(mean)
        self.matrix.zero_()[: len(axes)] = axes * largest.sign() * weight[:, None]


def project(
    encoder: Encoder,
    source: Source,
    dim: int,
    *,
    whiten: float = 1.0,
    root: bool = False,
    floor: float = 0.0,
    rows: np.ndarray | None = None,
    batch: int = 256,
) -> Projected:
    """Fits the axes on `rows` of the source (all, unless given) in bounded memory.

    n samples span at most n - 1 axes, and E dimensions at most E: what `dim` asks beyond stays zero.
    """
    projected = Projected(encoder, dim, whiten, root)
    rows = np.arange(len(source)) if rows is None else rows
    fit = _exact if encoder.dim <= EXACT else _sampled
    mean, axes, variances = fit(projected, source, rows, batch)
    projected.set(mean, axes[: max(len(rows) - 1, 0)], variances[: max(len(rows) - 1, 0)], floor)
    return projected.eval()


def evened(encoder: Encoder, source: Source, *, rows: np.ndarray | None = None) -> Projected:
    """What a network learnt, on all its axes, made nearly even.

    The last axes of a network of minutes are noise. As wide as the others they cost nothing with many
    neighbours, and a third of what five examples tell.
    """
    return project(encoder, source, encoder.dim, floor=FLOOR, rows=rows)


def _exact(projected: Projected, source: Source, rows: np.ndarray, batch: int) -> Axes:
    E = projected.encoder.dim
    n, total, squares = 0, torch.zeros(E, dtype=torch.float64), torch.zeros(E, E, dtype=torch.float64)
    near = None  # a point near the mean: sums of squares about it do not cancel
    for x in batches(source, batch, rows):
        z = projected.rooted(encode(projected.encoder, x)).double()  # (B, E)
        near = z.mean(0) if near is None else near
        z = z - near
        n, total, squares = n + len(z), total + z.sum(0), squares.addmm_(z.T, z)
    if near is None:
        return torch.zeros(E), torch.zeros(0, E), torch.zeros(0)
    mean = total / n
    variances, axes = torch.linalg.eigh(squares / n - torch.outer(mean, mean))  # rising
    return near + mean, axes.T.flip(0), variances.flip(0)


def _sampled(projected: Projected, source: Source, rows: np.ndarray, batch: int) -> Axes:
    rng = np.random.default_rng(0)
    if len(rows) > SAMPLE:
        rows = np.sort(rng.choice(rows, SAMPLE, replace=False))
    parts = [projected.rooted(encode(projected.encoder, x)) for x in batches(source, batch, rows)]
    z = torch.cat(parts)  # (n, E)
    mean = z.mean(0)
    axes, variances = _leading(z - mean, min(projected.dim, len(z)), rng)
    return mean, axes, variances


def _leading(z: Tensor, dim: int, rng: np.random.Generator, rounds: int = 6) -> tuple[Tensor, Tensor]:
    """Randomised subspace iteration (Halko, Martinsson & Tropp 2011): (n, E) -> (D, E), (D,)."""
    wide = min(dim + 16, *z.shape)
    basis = torch.from_numpy(rng.standard_normal((z.shape[1], wide), dtype=np.float32))  # (E, D + 16)
    for _ in range(rounds):
        basis = torch.linalg.qr(z.T @ (z @ basis))[0]
    _, spread, turn = torch.linalg.svd(z @ basis, full_matrices=False)  # (n, D + 16) -> (D + 16, D + 16)
    return (turn @ basis.T)[:dim], spread[:dim].square() / len(z)
