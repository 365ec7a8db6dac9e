"""How pictures are changed: what is drawn for each view, and its application with torch, on any device.

On a CPU `_change_cpu` does the same several times as fast, a view at a time.

Legend: B pictures, N views of them all (2B where each has two), C channels, H x W pixels in, h x w out.
Every range is (low, high), drawn evenly and for each view apart, from torch's global generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from .views import Preset

Range: TypeAlias = tuple[float, float]
Draw: TypeAlias = Callable[[Range], Tensor]  # a number in the range for each view; (N,)
Size: TypeAlias = tuple[int, int]
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: what makes the grey of a colour


@dataclass(frozen=True)
class Change:
    """What becomes of each view, (N,) each."""

    middle_x: Tensor  # of what is shown: a share of the side, from the picture's middle
    middle_y: Tensor
    wide: Tensor  # share of the side that is shown, negative where flipped
    high: Tensor
    blur: Tensor  # width of a Gaussian in pixels of the view; 0: none
    turn: Tensor | None  # radians; None where no view is turned or sheared
    tan: Tensor | None  # of the shear
    gain: Tensor  # factor on the values
    lift: Tensor  # what is added, times the mean
    mix: Tensor | None  # (N, 3, 3) of the colours, gain included; None: not three channels

    @property
    def turned(self) -> tuple[Tensor, Tensor] | None:
        return None if self.turn is None or self.tan is None else (self.turn, self.tan)


def drawn(p: Preset, draw: Draw, channels: int, out: Size) -> Change:
    area, aspect = draw(p.crop), draw((log(p.aspect[0]), log(p.aspect[1]))).exp()
    wide, high = (area * aspect).sqrt().clamp_max(1), (area / aspect).sqrt().clamp_max(1)
    middle_x = (1 - wide) * draw((-0.5, 0.5)) + draw(p.shift)
    middle_y = (1 - high) * draw((-0.5, 0.5)) + draw(p.shift)
    wide = torch.where(draw((0, 1)) < p.flip_x, -wide, wide)
    high = torch.where(draw((0, 1)) < p.flip_y, -high, high)
    blur = torch.where(draw((0, 1)) < p.blurred, draw(p.blur), 0.0) * min(out)
    still = p.turn == p.shear == (0, 0)
    turn, tan = (None, None) if still else (draw(p.turn).deg2rad(), draw(p.shear).deg2rad().tan())
    return Change(middle_x, middle_y, wide, high, blur, turn, tan, *_colours(p, draw, channels))


def _colours(p: Preset, draw: Draw, channels: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """Brightness, contrast, saturation, hue and grey as one matrix and one offset for each view."""
    changed = draw((0, 1)) < p.colour
    bright = torch.where(changed, draw(p.brightness), 1.0)
    contrast = torch.where(changed, draw(p.contrast), 1.0)
    gain, lift = bright * contrast, bright * (1 - contrast)
    if channels != 3:
        return gain, lift, None
    saturation = torch.where(changed, draw(p.saturation), 1.0)
    saturation = torch.where(draw((0, 1)) < p.grey, 0.0, saturation)
    turn = torch.where(changed, draw(p.hue), 0.0) * 2 * pi
    return gain, lift, _saturating(saturation) @ _hue(turn) * gain[:, None, None]


def weights(channels: int, device: torch.device) -> Tensor:  # (C,)
    """Of the channels in a picture's mean."""
    return torch.tensor(_LUMA if channels == 3 else (1 / channels,) * channels, device=device)


def _saturating(by: Tensor) -> Tensor:  # (N,) -> (N, 3, 3)
    luma = weights(3, by.device)
    return by[:, None, None] * torch.eye(3, device=by.device) + (1 - by)[:, None, None] * luma


def _hue(turn: Tensor) -> Tensor:
    """Rotation of colour space about its grey axis, by Rodrigues' formula; (N,) -> (N, 3, 3)."""
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None] / 3**0.5
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=turn.device)
    return cos * torch.eye(3, device=turn.device) + (1 - cos) / 3 + sin * cross


def changed(batch: Tensor, copies: int, by: Change, out: Size) -> Tensor:
    """`copies` views of each picture: (B, C, H, W) -> (N, C, h, w), all first ones first."""
    x = torch.cat([batch] * copies)
    if by.turned is None:
        x = _separable(x, by.middle_x, by.middle_y, by.wide, by.high, by.blur, out)
    else:
        x = _turned(x, by, *by.turned, out)
        (which,) = by.blur.nonzero(as_tuple=True)
        still, whole = torch.zeros_like(by.blur[which]), torch.ones_like(by.blur[which])
        x[which] = _separable(x[which], still, still, whole, whole, by.blur[which], out)
    mean = x.mean((2, 3)) @ weights(x.shape[1], x.device)
    if by.mix is None:
        return torch.addcmul(each(by.lift * mean), x, each(by.gain))
    return torch.baddbmm((by.lift * mean)[:, None, None], by.mix, x.flatten(2)).view_as(x)


def _separable(
    x: Tensor, mx: Tensor, my: Tensor, wide: Tensor, high: Tensor, blur: Tensor, out: Size
) -> Tensor:
    """Without turn and shear, rows and columns go each their way: two matrix products, A_y X A_x^T."""
    across = _matrix(x.shape[3], out[1], mx, wide, blur)
    down = _matrix(x.shape[2], out[0], my, high, blur)
    return torch.einsum("nyh,nchw,nxw->ncyx", down, x, across)


def _matrix(size: int, out: int, middle: Tensor, share: Tensor, blur: Tensor) -> Tensor:
    """Weights of `size` input pixels in `out` output pixels; (N, out, size). `blur` counts output pixels."""
    step = share * size / out  # input pixels for one output pixel, negative where flipped
    at = (size - 1) / 2 + (middle * size)[:, None] + step[:, None] * _middle(out, share)
    at = _reflected(at, size)  # (N, out)
    distance = (at[:, :, None] - torch.arange(size, device=share.device)).abs()
    reach = step.abs().clamp_min(1)[:, None, None]  # what shrinks must average
    weights = (1 - distance / reach).clamp_min(0)
    (which,) = blur.nonzero(as_tuple=True)
    # A triangle has the variance reach^2 / 6
    variance = reach[which] ** 2 / 6 + (blur * step)[which, None, None] ** 2
    # Below exp(-30) lie the denormal numbers, with which a matrix product takes many times as long
    weights[which] = (-0.5 * distance[which] ** 2 / variance).clamp_min(-30).exp()
    return weights / weights.sum(2, keepdim=True)


def _reflected(at: Tensor, size: int) -> Tensor:
    """Places beyond the edge, mirrored at it: pixel centres are 0 .. size - 1, the edges half a pixel out."""
    return size - 0.5 - ((at + 0.5) % (2 * size) - size).abs()


def _turned(x: Tensor, by: Change, turn: Tensor, tan: Tensor, out: Size) -> Tensor:
    """One affine look-up; the shown place is middle + R(turn) Shear diag(wide, high) (place in the view)."""
    x = shrunk(x, out)
    height, width = x.shape[2:]
    cos, sin = turn.cos(), turn.sin()
    # Places of the view in pixels from its middle, as shares of its side: (1, w) and (h, 1)
    px, py = _middle(out[1], x)[None] / out[1], _middle(out[0], x)[:, None] / out[0]
    # A turn is a turn in pixels; grid_sample counts in half widths and heights. (F.affine_grid is slower.)
    across = each(cos * by.wide) * px + each((cos * tan - sin) * by.high * height / width) * py
    down = each(sin * by.wide * width / height) * px + each((sin * tan + cos) * by.high) * py
    grid = 2 * torch.cat([across + each(by.middle_x), down + each(by.middle_y)], 1).movedim(1, 3)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)  # grid: (N, h, w, 2)


def shrunk(x: Tensor, out: Size) -> Tensor:
    """Before a look-up of four pixels, which would skip the others of a picture that is much larger."""
    if min(x.shape[2] / out[0], x.shape[3] / out[1]) <= 2:
        return x
    return F.interpolate(x, (2 * out[0], 2 * out[1]), mode="bilinear", antialias=True)


def _middle(size: int, like: Tensor) -> Tensor:
    """Pixel places, counted from the middle."""
    return torch.arange(size, device=like.device) - (size - 1) / 2


def each(numbers: Tensor) -> Tensor:  # (N,) -> (N, 1, 1, 1)
    return numbers[:, None, None, None]
