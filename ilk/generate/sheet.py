"""Pictures side by side on one sheet, each with what stands below it.

Legend: n pictures, C channels, H x W pixels, s the side of a tile.
"""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..source._scale import to_bytes

INK, FAINT, PAPER = "#1F2430", "#697080", "#FFFFFF"
TILE, GAP, MARGIN, LINE = 96, 6, 16, 18  # pixels; a small picture is enlarged to about TILE
WIDEST = 10  # tiles in a row, where nobody says how many


def sheet(
    pixels: np.ndarray, captions: Sequence[str] = (), *, across: int | None = None, title: str = ""
) -> bytes:
    """(n, C, H, W) as a PNG, row by row, `across` in a row."""
    n, _, high, wide = pixels.shape
    across = min(n, across or max(1, min(WIDEST, math.ceil(math.sqrt(n)))))
    times = max(1, round(TILE / max(high, wide)))
    high, wide = high * times, wide * times
    below, top = (LINE if captions else 0), MARGIN + (2 * LINE if title else 0)
    rows = math.ceil(n / across)
    size = (2 * MARGIN + across * (wide + GAP) - GAP, top + rows * (high + below + GAP) - GAP + MARGIN)
    font, large = ImageFont.load_default(12), ImageFont.load_default(16)
    size = (max(size[0], 2 * MARGIN + math.ceil(large.getlength(title))), size[1])
    canvas = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN, MARGIN + LINE // 2), title, INK, large, "lm")
    for i, picture in enumerate(pixels):
        x, y = MARGIN + i % across * (wide + GAP), top + i // across * (high + below + GAP)
        canvas.paste(drawn(picture).resize((wide, high), Image.Resampling.NEAREST), (x, y))
        if captions:
            pen.text((x, y + high + below // 2), _short(captions[i], font, wide), FAINT, font, "lm")
    return _bytes(canvas)


def png(picture: np.ndarray) -> bytes:
    """(C, H, W) as it is, pixel for pixel."""
    return _bytes(drawn(picture))


def drawn(picture: np.ndarray) -> Image.Image:
    """The first three channels as colours, or the first as grey; 0 is black and 1 is white."""
    shown = picture[:3] if len(picture) > 2 else picture[:1]
    grey = to_bytes(np.nan_to_num(shown), exact=True)  # (1 or 3, H, W)
    return Image.fromarray(np.moveaxis(grey, 0, -1) if len(grey) == 3 else grey[0])


def _short(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, wide: int) -> str:
    """As much of it as fits."""
    if font.getlength(text) <= wide:
        return text
    while text and font.getlength(text + "…") > wide:
        text = text[:-1]
    return text + "…"


def _bytes(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "png")
    return out.getvalue()
