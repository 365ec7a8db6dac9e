"""Where, how turned, how large and how bright: taken out of each picture by its moments, and kept as columns.

Two pictures of one thing then differ only in what the thing is. For single objects on a dark or even
background (a cutout of a galaxy, a simulated source, a glyph); a landscape has no centroid worth having.

Legend: n pictures, B of them at a time, C channels, H x W pixels. Coordinates are pixels from the middle of
the picture, x to the right, y down the rows, angles from +x towards +y.
"""

from dataclasses import dataclass, fields
from math import pi

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor

from ..console import progress
from ..errors import OptionError

_CHUNK = 2**19  # values worked on at a time: they stay in the processor's cache


@dataclass(frozen=True)
class Moments:
    """What a picture has, and what is removed from it; (B,) each."""

    shift_x: Tensor  # of the centroid from the middle, pixels
    shift_y: Tensor
    angle: Tensor  # radians: the side to which the light reaches out furthest
    elongation: Tensor  # 0 round .. 1 a line
    scale: Tensor  # root mean square radius about the centroid, pixels
    flux: Tensor  # sum over all pixels and channels


def normalise(
    pixels: np.ndarray,
    *,
    threshold: bool = True,
    flux: bool = True,
    shift: bool = True,
    rotation: bool = True,
    scale: bool = True,
    floor: float = 0.06,
    smooth: float = 0.01,
    radius: float = 0.2,
) -> tuple[np.ndarray, pa.Table]:
    """`pixels` (n, C, H, W) as float32 without the chosen differences, and a table of what each picture had.

    threshold  the background goes: after light smoothing, what is below `floor` x the peak or within the
               noise becomes 0, and so does all outside a round window about the object
    flux       the sum becomes that of a disc of brightness 1 and the standard radius
    shift      the centroid goes to the middle
    rotation   the third moment, sum(z^2 conj(z) I), comes to point along +x. It turns once when the picture
               turns once; a principal axis would leave open which of its ends is the front
    scale      the root mean square radius becomes `radius` x the shorter side; of a black hole, this erases
               the mass

    `smooth`: width of the smoothing in the finished picture, as a share of its shorter side.
    """
    if pixels.ndim != 4:
        raise OptionError(f"pixels of shape {pixels.shape}", "Expected (pictures, channels, height, width).")
    if not (0 <= floor < 1 and 0 <= smooth < 0.5 and 0 < radius < 0.5):
        raise OptionError(f"floor={floor}, smooth={smooth}, radius={radius}", "Shares: below 1, 0.5 and 0.5.")
    target = radius * min(pixels.shape[-2:])
    done = np.empty(pixels.shape, np.float32)
    rows = max(1, _CHUNK // max(1, pixels[:1].size))
    found: list[Moments] = []
    with progress("normalise", len(pixels)) as bar:
        for start in range(0, len(pixels), rows):
            x = _floats(pixels[start : start + rows])
            if threshold:
                x = x - x[:, :, _border(x)].median(2).values[:, :, None, None]
            m = moments(x * _object(x, floor) if threshold else x)
            ratio = _ratio(m.scale, target if scale else None)
            if threshold:
                x = _clear(x, m, ratio, floor, smooth)
            y = _resample(x, m, ratio, shift, rotation)
            if threshold:
                y = y.clamp_min(0)  # a cubic swings below 0 beside a steep edge
            if flux:
                y = y * (2 * pi * target**2 / _or_one(y.sum((1, 2, 3))))[:, None, None, None]
            done[start : start + rows] = y.numpy()
            found.append(m)
            bar.advance(len(x))
    return done, _table(found)


def moments(x: Tensor) -> Moments:
    """Of each picture of (B, C, H, W), all channels together. Below 0 counts as 0; a blank has zeros."""
    w = x.sum(1).clamp_min(0)  # (B, H, W)
    flux = w.sum((1, 2))
    w = w / _or_one(flux)[:, None, None]
    px, py = _axis(w.shape[2]), _axis(w.shape[1])
    # not w.sum(1) @ px: its last bits depend on the batch, and a query comes alone
    cx, cy = (w.sum(1) * px).sum(1), (w.sum(2) * py).sum(1)
    dx, dy = px - cx[:, None], py - cy[:, None]  # (B, W), (B, H)
    # (B, 4, H) x (B, H, W) x (B, W, 4) -> m[:, j, i] = sum of w dy^j dx^i
    m = dy[:, None] ** torch.arange(4.0)[:, None] @ w @ dx[:, :, None] ** torch.arange(4.0)
    xx, yy, xy = m[:, 0, 2], m[:, 2, 0], m[:, 1, 1]
    # z^2 conj(z) = (dx + i dy)(dx^2 + dy^2)
    # doubles: in floats, atan2, sin and cos differ in the last bit with the place in the batch
    angle = torch.atan2((m[:, 1, 2] + m[:, 3, 0]).double(), (m[:, 0, 3] + m[:, 2, 1]).double()).float()
    elongation = torch.hypot(xx - yy, 2 * xy) / _or_one(xx + yy)
    return Moments(cx, cy, angle, elongation.clamp_max(1), (xx + yy).clamp_min(0).sqrt(), flux)


def _object(x: Tensor, floor: float) -> Tensor:
    """1 where the picture's object is, 0 on the background; (B, 1, H, W)."""
    mean, level = _background(x, floor)
    return (mean > level).float()


def _clear(x: Tensor, m: Moments, ratio: Tensor, floor: float, smooth: float) -> Tensor:
    """Smoothed, with 0 for the background and a soft rim between.

    The smoothing keeps to the object's size, not to the pixels: otherwise the grain of the noise tells how
    much a picture was magnified, and with it the mass (R2 0.2 under a square root).
    """
    mean, level = _background(x, floor)
    rim = (2 * (mean / level.clamp_min(1e-30) - 1)).clamp(
        0, 1
    )  # what is clearly object stays as bright as it is
    return _blur(x, smooth * min(x.shape[2:]) * ratio).clamp_min(0) * rim * _window(x, m, ratio)


def _background(x: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """The light about each pixel, and the level up to which it is background; (B, 1, H, W), (B, 1, 1, 1)."""
    mean = F.avg_pool2d(x.sum(1, keepdim=True), 3, 1, 1)  # a third of the noise
    level = torch.maximum(4 / 3 * _noise(x), floor * mean.amax((1, 2, 3)))
    return mean, level[:, None, None, None]


def _noise(x: Tensor) -> Tensor:
    """Standard deviation from pixel to pixel, little disturbed by what is in the picture; (B,)."""
    d = x.sum(1).diff(dim=1).diff(dim=2)[:, ::2, ::2]  # of four values each: twice the noise
    return 1.4826 / 2 * d.abs().flatten(1).median(1).values


def _border(x: Tensor) -> Tensor:
    """True in a frame a sixteenth of the picture wide; (H, W)."""
    wide = max(1, min(x.shape[2:]) // 16)
    frame = torch.ones(x.shape[2:], dtype=torch.bool)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Each picture by a Gaussian of its own width (B,)."""

    def matrix(size: int) -> Tensor:  # (B, size, size)
        d = _axis(size)[:, None] - _axis(size)
        # Below exp(-30) lie the denormal numbers, with which a matrix product takes many times as long
        g = (-0.5 * (d / sigma.clamp_min(0.1)[:, None, None]) ** 2).clamp_min(-30).exp()
        return g / g.sum(2, keepdim=True)

    down, across = matrix(x.shape[2]), matrix(x.shape[3])
    return down[:, None] @ x @ across.mT[:, None]


def _window(x: Tensor, m: Moments, ratio: Tensor) -> Tensor:
    """1 inside the circle about the object that will touch the finished picture's sides, 0 outside."""
    dx, dy = _axis(x.shape[3]) - m.shift_x[:, None], _axis(x.shape[2]) - m.shift_y[:, None]
    r = torch.hypot(dy[:, :, None], dx[:, None])  # (B, H, W)
    return (0.5 * min(x.shape[2:]) * ratio[:, None, None] - r + 0.5).clamp(0, 1)[:, None]


def _resample(x: Tensor, m: Moments, ratio: Tensor, shift: bool, rotation: bool) -> Tensor:
    """One bicubic look-up: place p shows the input's centroid + ratio R(angle) (p, or p - centroid)."""
    height, width = x.shape[2:]
    angle = m.angle if rotation else torch.zeros_like(m.angle)
    c, s = ratio * angle.double().cos().float(), ratio * angle.double().sin().float()
    stay = 0.0 if shift else 1.0
    tx = m.shift_x - stay * (c * m.shift_x - s * m.shift_y)
    ty = m.shift_y - stay * (s * m.shift_x + c * m.shift_y)
    # affine_grid counts in half widths and half heights
    rows = [c, -s * height / width, 2 * tx / width, s * width / height, c, 2 * ty / height]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="zeros", align_corners=False)


def _ratio(size: Tensor, target: float | None) -> Tensor:
    """Input pixels for one output pixel. A single bright pixel has radius 0 and is not blown up for ever."""
    if target is None:
        return torch.ones_like(size)
    return torch.where(size > 0, size.clamp_min(0.5) / target, 1.0)


def _floats(pixels: np.ndarray) -> Tensor:
    top = {"uint8": 255.0, "uint16": 65535.0}.get(pixels.dtype.name, 1.0)
    return torch.from_numpy(pixels.astype(np.float32)) / top


def _axis(size: int) -> Tensor:
    return torch.arange(size) - (size - 1) / 2


def _or_one(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 1.0)


def _table(found: list[Moments]) -> pa.Table:
    none = [np.empty(0, np.float32)]
    columns = {
        f.name: np.concatenate(none + [getattr(m, f.name).numpy() for m in found]) for f in fields(Moments)
    }
    return pa.table(columns | {"angle": np.degrees(columns["angle"])})
