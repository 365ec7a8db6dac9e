"""Who is taken for whom, as a picture: a row for each true label, darker where more of it was told so."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .. import files
from ..analysis._probed import Probed
from ..errors import DataError, OptionError
from .picture import FAINT, INK, PAPER

RIGHT, WRONG = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)  # blue on the diagonal, orange off it
EMPTY = (0xF5, 0xF6, 0xF8)
CELL, GAP, MARGIN, HEAD, FINE = 44, 3, 32, 104, 2  # pixels; drawn at twice the size and halved
LETTERS = 22  # of a label


def confusion(found: Probed, path: str | Path) -> Path:
    """Draws the confusion matrix of `ilk.probe` into a .png file: a colour a share, counts where they fit."""
    path = Path(path)
    if found.confusion is None:
        raise DataError("a column of numbers has no confusion matrix", "Ask for a column of names.")
    if path.suffix.lower() != ".png":
        raise OptionError(f"a picture cannot be called {path.name}", "Name a file that ends in .png.")
    with files.room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, _png(found.confusion, found.labels, found.sentence()))
    return path


def _png(counts: np.ndarray, labels: list[str], note: str) -> bytes:
    c = len(labels)
    cell = max(12, min(CELL, 1000 // c)) * FINE
    names = [n if len(n) <= LETTERS else n[: LETTERS - 1] + "…" for n in labels]
    points = min(15 * FINE, cell * 0.7)
    font = ImageFont.load_default(points)
    wide = max(40, math.ceil(max(font.getlength(n) for n in names) / FINE) + 14) * FINE
    flat = max(font.getlength(n) for n in names) < cell - 4 * FINE  # else they stand upright
    left, top = MARGIN * FINE + wide, HEAD * FINE + (24 * FINE if flat else wide)
    words = ImageFont.load_default(14 * FINE)
    width = max(left + c * cell + MARGIN * FINE, math.ceil(words.getlength(note)) + 2 * MARGIN * FINE)
    canvas = Image.new("RGB", (width, top + c * cell + MARGIN * FINE), PAPER)
    pen = ImageDraw.Draw(canvas)
    pen.text((MARGIN * FINE, 44 * FINE), "Confusion", INK, ImageFont.load_default(26 * FINE), "ls")
    pen.text((MARGIN * FINE, 68 * FINE), note, FAINT, words, "ls")
    pen.text((left, 98 * FINE), "told", FAINT, words, "ls")
    pen.text((left - 10 * FINE, top - 8 * FINE), "truth", FAINT, words, "rs")
    for i, name in enumerate(names):
        middle = i * cell + cell / 2
        pen.text((left - 10 * FINE, top + middle), name, INK, font, "rm")
        if flat:
            pen.text((left + middle, top - 8 * FINE), name, INK, font, "ms")
        else:
            _upright(canvas, name, points, round(left + middle), top - 8 * FINE)
    _cells(pen, counts, left, top, cell)
    out = io.BytesIO()
    size = (canvas.width // FINE, canvas.height // FINE)
    canvas.resize(size, Image.Resampling.LANCZOS).save(out, "png", optimize=True)
    return out.getvalue()


def _cells(pen: ImageDraw.ImageDraw, counts: np.ndarray, left: int, top: int, cell: int) -> None:
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    font = ImageFont.load_default(cell * 0.32)
    for (i, j), n in np.ndenumerate(counts):
        x, y = left + j * cell, top + i * cell
        colour = RIGHT if i == j else WRONG
        # The root: a mistake of one in a hundred shall be seen
        depth = math.sqrt(shares[i, j])
        fill = tuple(round(a + (b - a) * depth) for a, b in zip(EMPTY, colour))
        box = (x, y, x + cell - GAP * FINE, y + cell - GAP * FINE)
        pen.rounded_rectangle(box, 4 * FINE, fill=fill)
        if n and font.getlength(f"{n}") < cell - 6 * FINE and cell >= 20 * FINE:
            middle = (x + (cell - GAP * FINE) / 2, y + (cell - GAP * FINE) / 2)
            pen.text(middle, f"{n}", PAPER if depth > 0.6 else INK, font, "mm")


def _upright(canvas: Image.Image, name: str, points: float, x: int, bottom: int) -> None:
    """A label read from below, its first letter at the cells."""
    font, high = ImageFont.load_default(points), math.ceil(points * 1.4)
    strip = Image.new("RGB", (math.ceil(font.getlength(name)) + 2, high), PAPER)
    ImageDraw.Draw(strip).text((0, high / 2), name, INK, font, "lm")
    turned = strip.transpose(Image.Transpose.ROTATE_90)
    canvas.paste(turned, (x - turned.width // 2, bottom - turned.height))
