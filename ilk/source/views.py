"""Random views: changed copies of every picture, two or more, a whole batch at once, on the batch's device.

Legend: B pictures, N views of them all (2B where each has two), C channels, H x W pixels in, h x w out.
Every range is (low, high), drawn evenly and for each view apart; every chance is a probability. All draws
come from torch's global generator.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import DataError, OptionError, UnknownName
from . import _change
from ._change import Change, Draw, Range, Size, each

_PART = 2**19  # numbers worked on at a time on a CPU: they stay in its cache


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
    "captioned": Preset(  # words tell of colours, and of left and right
        crop=(0.6, 1),
        aspect=(0.9, 1.1),
        colour=0.8,
        brightness=(0.8, 1.2),
        contrast=(0.8, 1.2),
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
        p, out = self.resolved(batch.shape[1]), (self.size or batch.shape[2], self.size or batch.shape[3])
        views = self.copies * len(batch)
        draw = _draws(views, batch.device)
        change = _change.drawn(p, draw, batch.shape[1], out)
        x = _changed(batch)(batch, self.copies, change, out)  # (N, C, h, w)
        if p.noise[1]:
            x = _noisy(x, draw(p.noise))
        if p.cut:
            x = _cut(x, p, draw)
        return (x.clamp_(0, 1) if p.clamp else x).chunk(self.copies)

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


def _draws(views: int, device: torch.device) -> Draw:
    return lambda between: torch.empty(views, device=device).uniform_(*between)


def _changed(batch: Tensor) -> Callable[[Tensor, int, Change, Size], Tensor]:
    if batch.device.type != "cpu" or batch.dtype != torch.float32:
        return _change.changed
    from . import _change_cpu  # its machine code is loaded where it is needed

    return _change_cpu.changed


def _noisy(x: Tensor, share: Tensor) -> Tensor:
    """Adds to each view (N, C, h, w) noise of so much of its own spread (N,)."""
    rows = max(1, _PART // x[0].numel()) if x.device.type == "cpu" else len(x)
    for part, by in zip(torch.split(x, rows), torch.split(share, rows)):
        # Tensor.std would take twenty times as long
        spread = (part - part.mean((1, 2, 3), keepdim=True)).flatten(1).norm(dim=1) / part[0].numel() ** 0.5
        part.addcmul_(torch.randn_like(part), each(spread * by))
    return x


def _cut(x: Tensor, p: Preset, draw: Draw) -> Tensor:
    half = torch.where(draw((0, 1)) < p.cut, draw(p.hole), 0.0) / 2

    def inside(size: int) -> Tensor:  # (N, size)
        place = (torch.arange(size, device=x.device) + 0.5) / size
        return (place - draw((0, 1))[:, None]).abs() < half[:, None]

    hole = inside(x.shape[2])[:, None, :, None] & inside(x.shape[3])[:, None, None, :]
    return torch.where(hole, x.mean((2, 3), keepdim=True), x)
