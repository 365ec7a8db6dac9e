"""Random views of pictures with boxes: what moves the picture moves its boxes.

Geometry (zoom, shift, turn, flips) and colours are those of `views`; a mosaic of four pictures shows things
in more places and sizes (Bochkovskiy et al. 2020, YOLOv4). A whole batch at once, all draws from torch's
global generator.

Legend: B pictures, C channels, H x W pixels in, h x w out, M boxes at most. Wanted boxes are (B, M, 5): x0,
y0, x1, y1 in pixels and the class, -1 where there is none.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..errors import OptionError
from . import _change
from ._change import Change, Draw, Range, Size
from .views import Preset, Views, _changed, _draws, _noisy

TURN = 8.0  # degrees at most: a box around a turned box grows with the turn
SHIFT = 0.1  # share of the side
STEP = 32  # sides that vary are multiples of so many pixels: the stride of most trunks
LEAST = 0.25  # share of a box that must still be seen for it to be kept
THIN = 2.0  # pixels: a strip thinner than this shows nothing
APART = (0.7, 1.4)  # share of a mosaic's side, in halves of it, that is shown: about the size things had


class BoxViews:
    """`BoxViews(preset)(pictures, wanted)` -> both, changed alike; `preset` as in `ilk.source.views`.

    mosaic  how likely a picture becomes a part of four
    zoom    share of the side that is shown: beyond 1 there is a margin of the picture's mean
    mixed   by what share the side of a whole batch may vary, so that things are found at any size
    """

    def __init__(
        self,
        preset: str | Preset = "auto",
        *,
        mosaic: float = 0.5,
        zoom: Range = (0.7, 1.4),
        mixed: float = 0.0,
    ) -> None:
        if not (0 <= mosaic <= 1 and 0 <= mixed < 1 and 0 < zoom[0] <= zoom[1]):
            raise OptionError(
                f"mosaic is {mosaic}, zoom {zoom}, mixed {mixed}", "Give shares from 0 to 1, zooms above 0."
            )
        self.colours, self.mosaic, self.zoom, self.mixed = Views(preset), mosaic, zoom, mixed

    @torch.no_grad()
    def __call__(self, batch: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        out = self._size(batch.shape[2], batch.shape[3])
        p = _geometry(self.colours.resolved(batch.shape[1]))
        four = torch.rand(len(batch), device=batch.device) < self.mosaic
        shape = (len(batch), batch.shape[1], *out)
        x = torch.empty(shape, device=batch.device, memory_format=torch.channels_last)  # as views come
        boxes = wanted.new_full((len(batch), 4 * wanted.shape[1], 5), -1)
        if not four.all():
            x[~four], boxes[~four, : wanted.shape[1]] = self._moved(batch[~four], wanted[~four], p, out)
        if four.any():
            x[four], boxes[four] = self._moved(*_mosaic(batch, wanted, four), p, out, 0.5, APART)
        return x.clamp_(0, 1) if p.clamp else x, compact(boxes)

    def _size(self, height: int, width: int) -> Size:
        if not self.mixed:
            return height, width
        by = float(torch.empty(()).uniform_(1 - self.mixed, 1 + self.mixed))
        down, across = (max(STEP, round(side * by / STEP) * STEP) for side in (height, width))
        return down, across

    def _moved(
        self, x: Tensor, wanted: Tensor, p: Preset, out: Size, of: float = 1.0, zoom: Range | None = None
    ) -> tuple[Tensor, Tensor]:
        """`of`: the share of the side that a zoom of 1 shows."""
        draw = _draws(len(x), x.device)
        change = _zoomed(_change.drawn(p, draw, x.shape[1], out), draw, zoom or self.zoom, of)
        view = _Map.of(change, (x.shape[2], x.shape[3]), out)
        x = view.margined(_changed(x)(x, 1, change, out))
        if p.noise[1]:
            x = _noisy(x, draw(p.noise))
        return x, view.boxes(wanted)


def _geometry(p: Preset) -> Preset:
    """Without what would cut things off, or smear those that are small in the picture."""
    turn = (max(p.turn[0], -TURN), min(p.turn[1], TURN))
    still = replace(p, crop=(1, 1), aspect=(1, 1), turn=turn, shear=(0, 0), shift=(-SHIFT, SHIFT))
    return replace(still, blurred=0, cut=0)


def _zoomed(change: Change, draw: Draw, zoom: Range, of: float) -> Change:
    by = draw((zoom[0] ** 0.5, zoom[1] ** 0.5)).square() * of  # small ones as often as large
    return replace(change, wide=change.wide * by, high=change.high * by)


def _mosaic(batch: Tensor, wanted: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """Four pictures in one of twice the side, the first of them each of `which` (B,): (n, C, 2H, 2W)."""
    n, height, width = int(which.sum()), *batch.shape[2:]
    first = which.nonzero()[:, 0]
    others = torch.randint(len(batch), (3, n), device=batch.device)
    a, b, c, d = (batch[rows] for rows in (first, *others))
    x = torch.cat([torch.cat([a, b], 3), torch.cat([c, d], 3)], 2)
    parts = []
    for rows, (right, down) in zip((first, *others), ((0, 0), (1, 0), (0, 1), (1, 1))):
        shift = wanted.new_tensor([right * width, down * height] * 2 + [0])
        parts.append(wanted[rows] + shift)
    return x, torch.cat(parts, 1)  # (n, 4M, 5)


class _Map:
    """From places in a view to those in the picture that `_change` looks up: p = A q + b, in pixels."""

    def __init__(self, matrix: Tensor, shift: Tensor, size: Size, out: Size) -> None:
        self.matrix, self.shift, self.size, self.out = matrix, shift, size, out  # (N, 2, 2), (N, 2)

    @staticmethod
    def of(change: Change, size: Size, out: Size) -> _Map:
        (H, W), (h, w) = size, out
        none = torch.zeros_like(change.wide)
        turn, tan = change.turned or (none, none)
        cos, sin = turn.cos(), turn.sin()
        across = [cos * change.wide * W / w, (cos * tan - sin) * change.high * H / h]
        down = [sin * change.wide * W / w, (sin * tan + cos) * change.high * H / h]
        matrix = torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1)  # (N, 2, 2)
        middle = torch.stack([(0.5 + change.middle_x) * W, (0.5 + change.middle_y) * H], 1)  # (N, 2)
        half = matrix.new_tensor([w / 2, h / 2])
        return _Map(matrix, middle - matrix @ half, size, out)

    def boxes(self, wanted: Tensor) -> Tensor:
        """The boxes (N, M, 5) around where the given ones went; -1 for those of which too little is seen."""
        x0, y0, x1, y1, kind = wanted.unbind(2)
        corners = torch.stack([x0, y0, x1, y0, x0, y1, x1, y1], 2).view(*wanted.shape[:2], 4, 2)
        back = torch.linalg.inv(self.matrix)[:, None]  # (N, 1, 2, 2)
        went = (corners - self.shift[:, None, None]) @ back.mT  # (N, M, 4, 2)
        low, high = went.amin(2), went.amax(2)
        side = wanted.new_tensor([self.out[1], self.out[0]])
        seen_low, seen_high = low.clamp(min=0).minimum(side), high.clamp(min=0).minimum(side)
        seen = (seen_high - seen_low).prod(2) / (high - low).prod(2).clamp(min=1e-6)
        thick = (seen_high - seen_low).amin(2) >= THIN
        kind = torch.where((seen >= LEAST) & thick, kind, -1)
        return torch.cat([seen_low, seen_high, kind[..., None]], 2)

    def margined(self, x: Tensor) -> Tensor:
        """Views (N, C, h, w), with their mean where there was no picture: mirrored things have no boxes."""
        h, w = self.out
        at_x, at_y = (torch.arange(n, device=x.device) + 0.5 for n in (w, h))
        outside = torch.zeros(len(x), h, w, dtype=torch.bool, device=x.device)
        for axis, side in ((0, self.size[1]), (1, self.size[0])):
            by = self.matrix[:, axis]  # (N, 2)
            place = by[:, 0, None, None] * at_x + by[:, 1, None, None] * at_y[:, None]  # (N, h, w)
            outside |= (place + self.shift[:, axis, None, None] - side / 2).abs() > side / 2
        return torch.where(outside[:, None], x.mean((2, 3), keepdim=True), x)


def compact(wanted: Tensor) -> Tensor:
    """The boxes of each picture first, and no more room (one at least) than the most of them need."""
    none = wanted[..., 4] < 0  # (B, M)
    most = max(1, int((~none).sum(1).max()))
    order = none.to(torch.uint8).argsort(dim=1, stable=True)[:, :most]
    return wanted.gather(1, order[..., None].expand(-1, -1, 5))
