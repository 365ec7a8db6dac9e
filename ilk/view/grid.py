"""A table of shades: rows and columns with names, each cell the darker the more there is in it."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .. import files
from ..errors import OptionError
from ._marks import FAINT, INK, PAPER

EMPTY = (0xF5, 0xF6, 0xF8)
BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
CELL, GAP, MARGIN, HEAD, FINE = 44, 3, 32, 104, 2  # pixels; drawn at twice the size and halved
LETTERS = 22  # of a name

Colour = Callable[[int, int], tuple[int, int, int]]  # of a full cell in this row and column


def draw(
    shares: np.ndarray,  # (r, c) 0 to 1
    cells: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    note: str,
    corner: tuple[str, str],  # what the rows are, and the columns
    path: Path,
    colour: Colour = lambda i, j: BLUE,
) -> Path:
    """Into a .png file; what stands in a cell is written where it fits."""
    if path.suffix.lower() != ".png":
        raise OptionError(f"a picture cannot be called {path.name}", "Name a file that ends in .png.")
    with files.room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    cell = max(12, min(CELL, 1000 // max(shares.shape))) * FINE
    points = min(15 * FINE, cell * 0.7)
    font, words = ImageFont.load_default(points), ImageFont.load_default(14 * FINE)
    rows, columns = (
        [n if len(n) <= LETTERS else n[: LETTERS - 1] + "…" for n in names] for names in (rows, columns)
    )
    wide, high = (
        max(40, math.ceil(max(map(font.getlength, names)) / FINE) + 14) * FINE for names in (rows, columns)
    )
    flat = max(map(font.getlength, columns)) < cell - 4 * FINE  # else they stand upright
    left, top = MARGIN * FINE + wide, HEAD * FINE + (24 * FINE if flat else high)
    need = math.ceil(words.getlength(note)) + 2 * MARGIN * FINE
    size = (max(left + len(columns) * cell + MARGIN * FINE, need), top + len(rows) * cell + MARGIN * FINE)
    canvas = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN * FINE, 44 * FINE), title, INK, ImageFont.load_default(26 * FINE), "ls")
    pen.text((MARGIN * FINE, 68 * FINE), note, FAINT, words, "ls")
    pen.text((left, 98 * FINE), corner[1], FAINT, words, "ls")
    pen.text((left - 10 * FINE, top - 8 * FINE), corner[0], FAINT, words, "rs")
    for i, name in enumerate(rows):
        pen.text((left - 10 * FINE, top + (i + 0.5) * cell), name, INK, font, "rm")
    for j, name in enumerate(columns):
        middle = left + (j + 0.5) * cell
        if flat:
            pen.text((middle, top - 8 * FINE), name, INK, font, "ms")
        else:
            _upright(canvas, name, points, round(middle), top - 8 * FINE)
    _cells(pen, shares, cells, (left, top), cell, colour)
    out = io.BytesIO()
    canvas.resize((size[0] // FINE, size[1] // FINE), Image.Resampling.LANCZOS).save(
        out, "png", optimize=True
    )
    files.write(path, out.getvalue())
    return path


def _cells(
    pen: ImageDraw.ImageDraw,
    shares: np.ndarray,
    cells: Sequence[Sequence[str]],
    corner: tuple[int, int],
    cell: int,
    colour: Colour,
) -> None:
    font, inner = ImageFont.load_default(cell * 0.32), cell - GAP * FINE
    for (i, j), share in np.ndenumerate(shares):
        x, y = corner[0] + j * cell, corner[1] + i * cell
        # The root: one in a hundred shall be seen
        depth = math.sqrt(share)
        fill = tuple(round(a + (b - a) * depth) for a, b in zip(EMPTY, colour(i, j)))
        pen.rounded_rectangle((x, y, x + inner, y + inner), 4 * FINE, fill=fill)
        text = cells[i][j]
        if text and font.getlength(text) < cell - 6 * FINE and cell >= 20 * FINE:
            ink = PAPER if depth > 0.6 else INK
            pen.text((x + inner / 2, y + inner / 2), text, ink, font, "mm")


def _upright(canvas: Image.Image, name: str, points: float, x: int, bottom: int) -> None:
    """A name read from below, its first letter at the cells."""
    font, high = ImageFont.load_default(points), math.ceil(points * 1.4)
    strip = Image.new("RGB", (math.ceil(font.getlength(name)) + 2, high), PAPER)
    ImageDraw.Draw(strip).text((0, high / 2), name, INK, font, "lm")
    turned = strip.transpose(Image.Transpose.ROTATE_90)
    canvas.paste(turned, (x - turned.width // 2, bottom - turned.height))
