"""Pixels of any kind -> a PNG that a person can read: percentile cut, stretch, colours.

Legend: C channels, H x W pixels.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from ...errors import OptionError
from ...source._scale import STRETCHES  # the same shapes as when the pictures were read

Stretch = Literal["linear", "sqrt", "log", "asinh"]
Colours = Literal["grey", "viridis", "inferno", "magma", "coolwarm", "cubehelix"]
SAMPLED = 1 << 20  # pixels from which the ends are found
LONGEST = 1024

# Ten even steps of matplotlib's viridis, inferno and magma (CC0), three of Moreland's cool to warm (2009).
STEPS = {
    "grey": "000000 FFFFFF",
    "viridis": "440154 482878 3E4A89 31688E 26828E 1F9E89 35B779 6DCD59 B4DE2C FDE725",
    "inferno": "000004 1B0C42 4B0C6B 781C6D A52C60 CF4446 ED6925 FB9A06 F7D03C FCFFA4",
    "magma": "000004 180F3E 451077 721F81 9F2F7F CD4071 F1605D FD9567 FEC98D FCFDBF",
    "coolwarm": "3B4CC0 DDDDDD B40426",
}


@dataclass(frozen=True)
class Look:
    """How a picture is to be shown. `low`, `high`: percentiles; None: 0.5 and 99.5, or 8 bits as they are."""

    stretch: Stretch = "linear"
    low: float | None = None
    high: float | None = None
    colours: Colours = "grey"
    size: int = LONGEST
    channel: int | None = None


def png(pixels: np.ndarray, look: Look, ends: tuple[float, float] | None = None) -> bytes:
    """(C, H, W) as a PNG, its longest side at most `look.size`. `ends`: values that are black and white."""
    x = _chosen(pixels, look.channel)  # (1 or 3, H, W)
    low, high = _ends(x, look) if ends is None else ends
    y = np.stack([_reduced(plane, look.size) for plane in x])
    with np.errstate(invalid="ignore"):
        y = np.clip((y - low) / (high - low), 0, 1)
    y = np.nan_to_num(STRETCHES[look.stretch](y.astype(np.float32)))
    if len(y) == 3:
        shown = Image.fromarray(_bytes(np.moveaxis(y, 0, -1)))
    elif look.colours == "grey":
        shown = Image.fromarray(_bytes(y[0]))
    else:
        shown = Image.fromarray(table(look.colours)[_bytes(y[0])])
    out = io.BytesIO()
    shown.save(out, "png", compress_level=3)
    return out.getvalue()


def ends(pixels: np.ndarray, look: Look) -> tuple[float, float]:
    """The values that are black and white."""
    return _ends(_chosen(pixels, look.channel), look)


def table(colours: Colours) -> np.ndarray:  # (256, 3) uint8
    t = np.linspace(0, 1, 256)
    if colours == "cubehelix":  # Green (2011): start 0.5, -1.5 rotations, hue 1, gamma 1
        angle, amount = 2 * np.pi * (0.5 / 3 + 1 - 1.5 * t), t * (1 - t) / 2
        turn = np.array([[-0.14861, 1.78277], [-0.29227, -0.90649], [1.97294, 0.0]])
        rgb = t[:, None] + amount[:, None] * (np.stack([np.cos(angle), np.sin(angle)], 1) @ turn.T)
        return _bytes(np.clip(rgb, 0, 1))
    steps = np.array([list(bytes.fromhex(s)) for s in STEPS[colours].split()])  # (k, 3)
    at = np.linspace(0, 1, len(steps))
    return _bytes(np.stack([np.interp(t, at, steps[:, c]) for c in range(3)], 1) / 255)


def _chosen(pixels: np.ndarray, channel: int | None) -> np.ndarray:
    """One channel, or three as colours."""
    if channel is not None and channel >= len(pixels):
        raise OptionError(f"channel {channel} of {len(pixels)}", f"Give 0 to {len(pixels) - 1}.")
    if channel is not None:
        pixels = pixels[channel : channel + 1]
    pixels = pixels[:3] if len(pixels) > 2 else pixels[:1]
    return np.where(pixels, np.uint8(255), np.uint8(0)) if pixels.dtype == bool else pixels


def _ends(x: np.ndarray, look: Look) -> tuple[float, float]:
    if x.dtype == np.uint8 and look.low is None and look.high is None:
        return 0.0, 255.0
    flat = x.reshape(-1)[:: max(1, x.size // SAMPLED)]
    flat = flat[np.isfinite(flat)] if x.dtype.kind == "f" else flat
    if not len(flat):
        return 0.0, 1.0
    first, last = (0.5 if look.low is None else look.low), (99.5 if look.high is None else look.high)
    if first >= last:
        raise OptionError(f"low is {first:g}, high is {last:g}", "Two percentiles, the lower first.")
    low, high = (float(v) for v in np.percentile(flat, (first, last)))
    if not high > low:  # nearly everything is one value
        low, high = float(flat.min()), float(flat.max())
    return low, high if high > low else low + 1


def _reduced(plane: np.ndarray, longest: int) -> np.ndarray:  # (H, W) -> float32
    y = np.asarray(plane, np.float32)
    height, width = y.shape
    if max(height, width) <= longest:
        return y
    size = (max(1, width * longest // max(y.shape)), max(1, height * longest // max(y.shape)))
    # A filter without negative lobes: no dark rings around stars.
    return np.asarray(Image.fromarray(y).resize(size, Image.Resampling.BILINEAR, reducing_gap=3))


def _bytes(x: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.rint(x * 255)
    return whole.astype(np.uint8)
