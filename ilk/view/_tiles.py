"""A sheet of tiles, row by row, and heat as colours: what a look inside is drawn with."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from ._marks import FAINT, INK, PAPER
from .picture import MARGIN

TILE, GAP, LINE = 176, 14, 22  # pixels
ACROSS = 6  # tiles in a row at most
HEAT = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])  # "inferno"
Tile = tuple[str, np.ndarray]  # what stands below, and pixels (h, w, 3) uint8
Row = tuple[str, list[Tile]]  # what stands above, and the tiles


def even(x: Tensor) -> Tensor:
    """(..., h, w) -> (..., TILE, TILE), from 0 to 1."""
    low, high = x.min(), x.max()
    large = F.interpolate(x.view(1, -1, *x.shape[-2:]).float(), (TILE, TILE), mode="nearest-exact")
    return ((large - low) / (high - low).clamp(min=1e-12)).view(*x.shape[:-2], TILE, TILE)


def coloured(x: Tensor) -> np.ndarray:  # (h, w) in 0..1 -> (h, w, 3)
    at = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(x.numpy(), at, HEAT[:, c]) for c in range(3)], -1).astype(np.uint8)


def drawn(title: str, rows: Sequence[Row]) -> bytes:  # -> PNG
    rows = [(above, tiles[i : i + ACROSS]) for above, tiles in rows for i in range(0, len(tiles), ACROSS)]
    tops = [max(len(pixels) for _, pixels in tiles) + 2 * LINE + GAP for _, tiles in rows]
    widths = [sum(pixels.shape[1] + GAP for _, pixels in tiles) - GAP for _, tiles in rows]
    sheet = Image.new("RGB", (2 * MARGIN + max(widths), 2 * MARGIN + LINE + sum(tops)), PAPER)
    pen, small = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.text((MARGIN, MARGIN - 10), title, INK, ImageFont.load_default(20))
    y = MARGIN + LINE
    for (above, tiles), top in zip(rows, tops):
        pen.text((MARGIN, y + 4), above, INK, small)
        x = MARGIN
        for below, pixels in tiles:
            sheet.paste(Image.fromarray(pixels), (x, y + LINE))
            pen.text((x, y + LINE + len(pixels) + 3), below, FAINT, small)
            x += pixels.shape[1] + GAP
        y += top
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
