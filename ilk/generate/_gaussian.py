"""A Gaussian of vectors, and ways through a space. Legend: n vectors, m drawn, D dimensions, s steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROWS = 20_000  # that say what vectors look like


@dataclass(frozen=True)
class Gaussian:
    mean: np.ndarray  # (D,) float64
    root: np.ndarray  # (k, D): noise (m, k) times this has the covariance

    @classmethod
    def of(cls, vectors: np.ndarray) -> Gaussian:  # (n, D)
        """Fitted to vectors, as they are: drawn ones leave no direction in which these do not differ."""
        x = np.asarray(vectors[:: max(1, -(-len(vectors) // ROWS))], np.float64)
        mean = x.mean(0)
        values, axes = np.linalg.eigh((x - mean).T @ (x - mean) / max(1, len(x) - 1))
        return cls(mean, np.sqrt(np.maximum(values, 0))[:, None] * axes.T)

    @classmethod
    def standard(cls, dim: int) -> Gaussian:
        return cls(np.zeros(dim), np.eye(dim))

    @property
    def spread(self) -> np.ndarray:
        """(D,) the standard deviation of each dimension."""
        return np.asarray(np.sqrt((self.root**2).sum(0)))

    def along(self, direction: np.ndarray) -> float:
        """The standard deviation along a direction (D,) of length 1."""
        return float(np.linalg.norm(self.root @ direction))

    def draw(self, m: int, seed: int, truncation: float = 1.0) -> np.ndarray:  # (m, D)
        """`truncation` below 1 draws each nearer to the mean: likelier pictures, less variety."""
        noise = np.random.default_rng(seed).normal(size=(m, len(self.root)))
        return np.asarray(self.mean + truncation * noise @ self.root)


def linear(one: np.ndarray, other: np.ndarray, at: np.ndarray) -> np.ndarray:  # (D,), (D,), (s,) -> (s, D)
    return np.asarray(one + at[:, None] * (other - one))


def spherical(one: np.ndarray, other: np.ndarray, at: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Along the great circle about the centre (Shoemake 1985), the distance from it changing evenly.

    Straight where both lie in one direction of the centre, or in opposite ones: no circle is the shortest.
    """
    a, b = one - centre, other - centre
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if not all(lengths):
        return linear(one, other, at)
    a, b = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(a @ b, -1, 1))
    if np.sin(angle) < 1e-6:
        return linear(one, other, at)
    way = (np.sin((1 - at) * angle)[:, None] * a + np.sin(at * angle)[:, None] * b) / np.sin(angle)  # (s, D)
    return np.asarray(centre + ((1 - at) * lengths[0] + at * lengths[1])[:, None] * way)
