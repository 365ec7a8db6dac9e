"""How likely a picture is, if what a decoder gives is under it.

A picture is taken to be   what the decoder gives + what the decoder cannot give + noise.

The noise is normal and of a known strength in each pixel. The part in the middle is told from pictures
without noise beside what their own vectors give back: its mean, its main axes, and what is left in each
pixel, as one normal distribution (the error of approximation: Kaipio & Somersalo 2007). Without it a
posterior would be as narrow as if the decoder could give every picture, and miss the truth.

Legend: n numbers of a picture, m pictures, k axes, P pictures whose posterior is wanted, c chains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

AXES = 32  # of what the decoder cannot give
LEAST = 1e-4  # of the noise, from black to white: less is lost in what a float holds


@dataclass(frozen=True)
class Unseen:
    """What a decoder cannot give."""

    mean: np.ndarray  # (n,)
    axes: np.ndarray  # (k, n) each as long as its standard deviation
    rest: np.ndarray  # (n,) variance

    @classmethod
    def of(cls, off: np.ndarray) -> Unseen:  # (m, n): pictures less what their vectors give back
        mean = off.mean(0)
        spread = (off - mean) / np.sqrt(max(1, len(off) - 1))
        _, lengths, axes = np.linalg.svd(spread, full_matrices=False)
        main = lengths[:AXES, None] * axes[:AXES]
        return cls(mean, main, np.maximum((spread**2).sum(0) - (main**2).sum(0), 0))

    @classmethod
    def nothing(cls, n: int) -> Unseen:
        return cls(np.zeros(n), np.zeros((0, n)), np.zeros(n))

    @property
    def size(self) -> float:
        """Its root mean square, with its mean."""
        return float(np.sqrt(((self.axes**2).sum(0) + self.rest + self.mean**2).mean()))


class Likelihood:
    """Of pictures (P, n) under noise (n,), infinite where nothing was seen."""

    def __init__(self, pictures: np.ndarray, noise: np.ndarray, unseen: Unseen) -> None:
        seen = np.isfinite(noise)
        variance = np.where(seen, np.maximum(noise, LEAST), 1) ** 2 + unseen.rest
        self.weight = torch.from_numpy(seen / variance)  # (n,) float64
        # The inverse of diag(variance) + axes^T axes is diag(weight) - narrow^T narrow (Woodbury)
        heavy = unseen.axes * np.where(seen, 1 / variance, 0)  # (k, n)
        inner = np.linalg.cholesky(np.eye(len(heavy)) + heavy @ unseen.axes.T)
        self.narrow = torch.from_numpy(np.linalg.solve(inner, heavy))  # (k, n)
        self.wanted = torch.from_numpy(pictures - unseen.mean)[:, None]  # (P, 1, n)

    def energy(self, given: Tensor) -> Tensor:  # (P, c, n) -> (P, c)
        """Minus the logarithm of the likelihood, but for a constant."""
        off = self.wanted - given.double()
        return ((off.square() @ self.weight) - (off @ self.narrow.T).square().sum(-1)) / 2
