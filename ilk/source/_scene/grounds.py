"""Grounds: textures that have the scales of things but not their shapes, and the noise of a camera."""

import numpy as np
from scipy import ndimage


def textured(rng: np.random.Generator, channels: int, size: int) -> np.ndarray:  # (C, size, size), 0 to 1
    """A slope, clouds of several scales and, now and then, stripes; contrast and brightness differ."""
    y, x = np.mgrid[0:size, 0:size] / size
    ground = np.zeros((channels, size, size))
    for cells in (3, 7, 15, 31):
        coarse = rng.standard_normal((channels, cells + 1, cells + 1))
        ground += _smooth(coarse, size) * rng.uniform(0, 1) / cells**0.5
    turn, waves = rng.uniform(0, np.pi), rng.uniform(4, 20)
    slope = np.cos(turn) * x + np.sin(turn) * y
    ground += rng.uniform(-1, 1, (channels, 1, 1)) * slope
    if rng.random() < 0.4:
        ground += 0.4 * rng.uniform(-1, 1, (channels, 1, 1)) * np.sin(2 * np.pi * waves * slope)
    low, high = ground.min(), ground.max()
    dark, light = sorted(rng.uniform(0.05, 0.7, 2))
    levels: np.ndarray = dark + (ground - low) / (high - low) * (light - dark)
    return levels.astype(np.float32)


def _smooth(coarse: np.ndarray, size: int) -> np.ndarray:  # (C, k, k) -> (C, size, size)
    factor = size / coarse.shape[1]
    parts = [ndimage.zoom(c, factor, order=1, grid_mode=True, mode="nearest") for c in coarse]
    return np.stack([np.asarray(p) for p in parts])


def sky(rng: np.random.Generator, size: int) -> np.ndarray:  # (1, size, size), about 0
    """Faint clouds and a few points, as a telescope sees emptiness."""
    ground = 0.1 * _smooth(rng.standard_normal((1, 5, 5)), size)
    points = np.zeros((size, size))
    for row, column in rng.integers(0, size, (rng.integers(0, size // 8), 2)):
        points[row, column] = rng.exponential(6)
    field: np.ndarray = ground + ndimage.gaussian_filter(points, 0.8)[None]
    return field.astype(np.float32)


def noisy(rng: np.random.Generator, x: np.ndarray, sigma: float) -> np.ndarray:
    seen: np.ndarray = x + sigma * rng.standard_normal(x.shape, np.float32)
    return seen
