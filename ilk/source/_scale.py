"""Stored pixels -> what an encoder takes (float32, mostly 0 to 1) or a person sees (bytes)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import OptionError, UnknownName
from ._part import evenly
from ._reading.prepare import TOP

SAMPLED, VALUES = 512, 4096  # pictures, and values of each, from which a range is found
ENDS = (0.5, 99.9)  # percentiles of all sampled values

# Odd about 0 or flat below it, 1 -> 1. asinh as Lupton et al. (2004), log as SAOImage DS9: a = 10 and 1000.
STRETCHES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda x: x,
    "sqrt": lambda x: np.sqrt(np.maximum(x, 0)),
    "asinh": lambda x: np.arcsinh(10 * x) / np.float32(np.arcsinh(10)),
    "log": lambda x: np.log1p(1000 * np.maximum(x, 0)) / np.float32(np.log1p(1000)),
}


def check(limits: Any, stretch: str) -> None:
    if stretch not in STRETCHES:
        raise UnknownName("stretch", stretch, STRETCHES)
    if limits is not None and not (len(limits) == 2 and np.isfinite(limits).all() and limits[0] < limits[1]):
        raise OptionError(f"range is {limits!r}; expected two numbers, the lower first")


def scaled(x: np.ndarray, reading: dict[str, Any]) -> np.ndarray:  # (B, C, H, W) -> the same, float32
    """Nothing is cut off above: a bright star stays brighter than 1."""
    low, high = reading.get("range") or (0, TOP.get(x.dtype.name, 1))
    y = x.astype(np.float32)
    if low:
        y -= np.float32(low)
    if high - low != 1:
        y /= np.float32(high - low)
    return STRETCHES[reading.get("stretch", "linear")](y)


def find_range(pixels: np.ndarray, rows: np.ndarray) -> list[float]:
    """Robust ends of the values: low and high percentiles over some pictures of all."""
    some = rows[evenly(len(rows), SAMPLED)]
    random = np.random.default_rng(0)
    flat = (pixels[i].reshape(-1) for i in some)
    values = np.concatenate(
        [x if len(x) <= VALUES else random.choice(x, VALUES, replace=False) for x in flat]
    )
    low, high = np.percentile(values, ENDS)
    if not high > low:  # almost everything is one value
        low, high = values.min(), values.max()
    return [float(low), float(high) if high > low else float(low) + 1]


def to_bytes(x: np.ndarray, *, exact: bool) -> np.ndarray:  # (c, H, W) float -> uint8
    """`exact`: 0 to 1 is black to white; otherwise a picture's own robust ends are."""
    low, high = (0, 1) if exact else np.percentile(x, (0.5, 99.5))
    if not high > low:
        low, high = x.min(), max(x.max(), x.min() + 1)
    return np.rint(np.clip((x - low) / (high - low), 0, 1) * 255).astype(np.uint8)
