"""Pixels on axes other than main ones."""

import numpy as np
import torch

from ..encoders import Encoder, build, embed
from ..encoders._axes import spread_evenly, turned
from ..encoders.projected import Projected
from ..errors import DataError
from ..source import Source

SAMPLE = 4096  # pictures held at once


def on_axes(source: Source, way: str, dim: int, seed: int) -> Encoder:
    """Pixels, less their mean, on `dim` axes of spread 1."""
    pixels = build("pixels", source.traits)
    rows = np.sort(np.random.default_rng(seed).permutation(len(source))[:SAMPLE])
    x = np.asarray(embed(pixels, source, rows=rows), np.float64)
    if min(x.shape) < dim + 1:
        raise DataError(
            f"{dim} axes of {len(x)} pictures with {x.shape[1]} pixels", "Ask for fewer: --dim, 1 or more."
        )
    mean = x.mean(0)
    x -= mean
    made = Projected(pixels, dim)
    made.mean.copy_(torch.from_numpy(mean))
    if x.any():  # else there is no axis, and all stay 0
        made.matrix.copy_(torch.from_numpy(spread_evenly(x, turned(x, way, dim, seed)).T.copy()))
    return made.eval()
