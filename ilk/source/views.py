"""Random views: changed copies of every picture, two or more, a whole batch at once, on the batch's device.

Legend: B pictures, N views of them all (2B where each has two), C channels, H x W pixels in, h x w out.
Every range is (low, high), drawn evenly and for each view apart; every chance is a probability. All draws
come from torch's global generator.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DataError, OptionError, UnknownName

Range = tuple[float, float]
_PART = 2**19  # numbers worked on at a time on a CPU: they stay in its cache
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: what makes the grey of a colour


@dataclass(frozen=True)
class Preset:
    """What a view may change. As it stands it changes nothing."""

    crop: Range = (1, 1)  # share of the picture's area that is shown
    aspect: Range = (1, 1)  # width : height of what is shown
    turn: Range = (0, 0)  # degrees
    shear: Range = (0, 0)  # degrees
    shift: Range = (0, 0)  # share of the side, each axis
    flip_x: float = 0  # chance of left for right
    flip_y: float = 0  # chance of top for bottom
    colour: float = 1  # chance of the five below
    brightness: Range = (1, 1)  # factor
    contrast: Range = (1, 1)  # factor on the difference from the picture's mean
    saturation: Range = (1, 1)  # 0 grey, 1 as it is; three channels only, as is hue
    hue: Range = (0, 0)  # turns of the colour circle
    grey: float = 0  # chance of grey
    blurred: float = 0  # chance of the one below
    blur: Range = (0, 0)  # width of a Gaussian, share of the shorter side of the view
    noise: Range = (0, 0)  # standard deviation, share of the picture's own
    cut: float = 0  # chance of a square being cut out, filled with the picture's mean
    hole: Range = (0, 0)  # its side, share of the view's
    clamp: bool = False  # keep values in [0, 1]


PRESETS = {
    "natural": Preset(
        crop=(0.3, 1),
        aspect=(3 / 4, 4 / 3),
        flip_x=0.5,
        colour=0.8,
        brightness=(0.6, 1.4),
        contrast=(0.6, 1.4),
        saturation=(0.6, 1.4),
        hue=(-0.1, 0.1),
        grey=0.2,
        blurred=0.3,
        blur=(0.002, 0.03),
        clamp=True,
    ),
    "digits": Preset(  # a 6 upside down is a 9: small turns, no flips
        crop=(0.4, 1),
        aspect=(3 / 4, 4 / 3),
        turn=(-15, 15),
        shear=(-10, 10),
        colour=0.8,
        brightness=(0.6, 1.4),
        contrast=(0.6, 1.4),
        blurred=0.3,
        blur=(0.002, 0.03),
        clamp=True,
    ),
    "astro": Preset(  # the sky has no up; faint and bright are one kind
        crop=(0.8, 1),
        turn=(-180, 180),
        shift=(-0.05, 0.05),
        flip_x=0.5,
        brightness=(0.7, 1.3),
        noise=(0, 0.1),
    ),
    # Shift, turn, size and flux were taken out (see normalise.py), up to what its moments leave: how a
    # picture lies now says what it is, and views that turn it by any angle would unlearn that
    "aligned": Preset(
        crop=(0.9, 1),
        turn=(-10, 10),
        shift=(-0.02, 0.02),
        brightness=(0.85, 1.15),
        blurred=0.3,
        blur=(0.002, 0.015),
        noise=(0, 0.1),
    ),
}


class Views:
    """`Views(preset, size)(batch)` -> two views of each picture. `size`: side of the view; None: as it came.

    `auto` is `natural` for three channels, `digits` for one, `astro` for any other number. `copies`: how
    many views of each picture, if not two.
    """

    def __init__(self, preset: str | Preset = "auto", size: int | None = None, *, copies: int = 2) -> None:
        if isinstance(preset, str) and preset not in (*PRESETS, "auto"):
            raise UnknownName("preset of views", preset, (*PRESETS, "auto"))
        self.preset, self.size, self.copies = preset, size, copies

    @torch.no_grad()
    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:  # (B, C, H, W) -> copies of (B, C, h, w)
        if batch.ndim != 4 or not batch.is_floating_point():
            raise DataError(
                f"a batch of {batch.dtype} of shape {tuple(batch.shape)}",
                "Views take floats (pictures, channels, height, width).",
            )
        p = self.resolved(batch.shape[1])
        rows = _PART // max(1, batch[:1].numel()) if batch.device.type == "cpu" else len(batch)
        parts = [self._some(part, p).chunk(self.copies) for part in torch.split(batch, max(1, rows))]
        return tuple(torch.cat(view) for view in zip(*parts))

    def _some(self, batch: Tensor, p: Preset) -> Tensor:  # (B, C, H, W) -> (N, C, h, w)
        x = torch.cat([batch] * self.copies)
        draw = _draws(x)
        x = _placed(x, p, draw, (self.size, self.size) if self.size else (x.shape[2], x.shape[3]))
        x = _coloured(x, p, draw)
        if p.noise[1]:
            # Tensor.std would take twenty times as long
            spread = (x - x.mean((1, 2, 3), keepdim=True)).flatten(1).norm(dim=1) / x[0].numel() ** 0.5
            x = torch.addcmul(x, torch.randn_like(x), _each(spread * draw(p.noise)))
        if p.cut:
            x = _cut(x, p, draw)
        return x.clamp(0, 1) if p.clamp else x

    def resolved(self, channels: int) -> Preset:
        """The preset for pictures of so many channels."""
        if isinstance(self.preset, Preset):
            return self.preset
        auto = {3: "natural", 1: "digits"}.get(channels, "astro")
        return PRESETS[auto if self.preset == "auto" else self.preset]


class Crops:
    """Two wide views of each picture, then `narrow` small ones that show a part (Caron et al. 2020).

    A small one has half the side, and shows from a quarter of the least that a wide one may show up to
    that least.
    """

    def __init__(self, preset: str | Preset = "auto", narrow: int = 4) -> None:
        if narrow < 0:
            raise OptionError(f"{narrow} narrow views; expected 0 or more")
        self.wide, self.narrow = Views(preset), narrow

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:  # 2 of (B, C, H, W), then (B, C, s, s)
        wide = self.wide(batch)
        if not self.narrow:
            return wide
        p = self.wide.resolved(batch.shape[1])
        part = replace(p, crop=(p.crop[0] / 4, p.crop[0]))
        return wide + Views(part, -(-min(batch.shape[2:]) // 2), copies=self.narrow)(batch)


Draw = Callable[[Range], Tensor]  # a number in the range for each view; (N,)


def _draws(x: Tensor) -> Draw:
    return lambda between: torch.empty(len(x), device=x.device).uniform_(*between)


def _placed(x: Tensor, p: Preset, draw: Draw, out: tuple[int, int]) -> Tensor:
    """Crop, scale, shear, turn, flip, shift and blur: (N, C, H, W) -> (N, C, h, w)."""
    area, aspect = draw(p.crop), draw((log(p.aspect[0]), log(p.aspect[1]))).exp()
    wide, high = (area * aspect).sqrt().clamp_max(1), (area / aspect).sqrt().clamp_max(1)
    # The middle of what is shown: a share of the side, from the picture's middle
    middle_x = (1 - wide) * draw((-0.5, 0.5)) + draw(p.shift)
    middle_y = (1 - high) * draw((-0.5, 0.5)) + draw(p.shift)
    wide = torch.where(draw((0, 1)) < p.flip_x, -wide, wide)
    high = torch.where(draw((0, 1)) < p.flip_y, -high, high)
    blur = torch.where(draw((0, 1)) < p.blurred, draw(p.blur), 0.0) * min(out)
    if p.turn == p.shear == (0, 0):
        return _separable(x, middle_x, middle_y, wide, high, blur, out)
    x = _turned(x, middle_x, middle_y, wide, high, draw(p.turn), draw(p.shear), out)
    (which,) = blur.nonzero(as_tuple=True)
    still, whole = torch.zeros_like(blur[which]), torch.ones_like(blur[which])
    x[which] = _separable(x[which], still, still, whole, whole, blur[which], out)
    return x


def _separable(
    x: Tensor, mx: Tensor, my: Tensor, wide: Tensor, high: Tensor, blur: Tensor, out: tuple[int, int]
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


def _turned(
    x: Tensor,
    mx: Tensor,
    my: Tensor,
    wide: Tensor,
    high: Tensor,
    turn: Tensor,
    shear: Tensor,
    out: tuple[int, int],
) -> Tensor:
    """One affine look-up; the shown place is middle + R(turn) Shear diag(wide, high) (place in the view)."""
    if min(x.shape[2] / out[0], x.shape[3] / out[1]) > 2:  # a look-up of four pixels would skip the others
        x = F.interpolate(x, (2 * out[0], 2 * out[1]), mode="bilinear", antialias=True)
    height, width = x.shape[2:]
    cos, sin, tan = turn.deg2rad().cos(), turn.deg2rad().sin(), shear.deg2rad().tan()
    # Places of the view in pixels from its middle, as shares of its side: (1, w) and (h, 1)
    px, py = _middle(out[1], x)[None] / out[1], _middle(out[0], x)[:, None] / out[0]
    # A turn is a turn in pixels; grid_sample counts in half widths and heights. (F.affine_grid is slower.)
    across = _each(cos * wide) * px + _each((cos * tan - sin) * high * height / width) * py + _each(mx)
    down = _each(sin * wide * width / height) * px + _each((sin * tan + cos) * high) * py + _each(my)
    grid = 2 * torch.cat([across, down], 1).movedim(1, 3)  # (N, h, w, 2)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _coloured(x: Tensor, p: Preset, draw: Draw) -> Tensor:
    """Brightness, contrast, saturation, hue and grey as one matrix and one offset for each view."""
    changed = draw((0, 1)) < p.colour
    gain = torch.where(changed, draw(p.brightness), 1.0)
    contrast = torch.where(changed, draw(p.contrast), 1.0)
    if x.shape[1] != 3:
        mean = x.mean((1, 2, 3))
        return torch.addcmul(_each(gain * (1 - contrast) * mean), x, _each(gain * contrast))
    saturation = torch.where(changed, draw(p.saturation), 1.0)
    saturation = torch.where(draw((0, 1)) < p.grey, 0.0, saturation)
    turn = torch.where(changed, draw(p.hue), 0.0) * 2 * pi
    luma = torch.tensor(_LUMA, device=x.device)
    mean = x.mean((2, 3)) @ luma
    matrix = _saturating(saturation, luma) @ _hue(turn) * (gain * contrast)[:, None, None]  # (N, 3, 3)
    offset = (gain * (1 - contrast) * mean)[:, None, None]
    return torch.baddbmm(offset, matrix, x.flatten(2)).view_as(x)


def _saturating(by: Tensor, luma: Tensor) -> Tensor:  # (N,) -> (N, 3, 3)
    return by[:, None, None] * torch.eye(3, device=by.device) + (1 - by)[:, None, None] * luma


def _hue(turn: Tensor) -> Tensor:
    """Rotation of colour space about its grey axis, by Rodrigues' formula; (N,) -> (N, 3, 3)."""
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None] / 3**0.5
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=turn.device)
    return cos * torch.eye(3, device=turn.device) + (1 - cos) / 3 + sin * cross


def _cut(x: Tensor, p: Preset, draw: Draw) -> Tensor:
    half = torch.where(draw((0, 1)) < p.cut, draw(p.hole), 0.0) / 2

    def inside(size: int) -> Tensor:  # (N, size)
        place = (torch.arange(size, device=x.device) + 0.5) / size
        return (place - draw((0, 1))[:, None]).abs() < half[:, None]

    hole = inside(x.shape[2])[:, None, :, None] & inside(x.shape[3])[:, None, None, :]
    return torch.where(hole, x.mean((2, 3), keepdim=True), x)


def _middle(size: int, like: Tensor) -> Tensor:
    """Pixel places, counted from the middle."""
    return torch.arange(size, device=like.device) - (size - 1) / 2


def _each(numbers: Tensor) -> Tensor:
    return numbers[:, None, None, None]
