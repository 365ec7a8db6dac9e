"""Boxes on the picture that they are of. Legend: C channels, H x W pixels, n boxes x0, y0, x1, y1."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..source.boxes import Boxed
from ..things.measure import Measure
from . import grid

LONGEST = 1600  # pixels of a drawn picture's longer side
INK, TRUTH, PAPER = (255, 96, 32), (64, 200, 255), (0, 0, 0)
CELL, ACROSS = 240, 4  # pixels of a picture in a sheet of errors; pictures side by side
ENDS = (0.5, 99.5)  # percentiles of the values that are black and white, where the bits do not say


def draw(field: Any, boxes: np.ndarray, told: Sequence[str] = (), *, longest: int = LONGEST) -> bytes:
    """A PNG of a picture (C, H, W) with its boxes (n, 4), each with what is told of it."""
    _, high, wide = field.shape
    step = max(1, -(-max(high, wide) // (4 * longest)))  # of very large ones every so many pixels
    if step > 1:
        seen = np.stack(
            [np.asarray(field[:, y : y + 1, 0:wide])[:, 0, ::step] for y in range(0, high, step)], 1
        )
    else:
        seen = np.asarray(field[:, 0:high, 0:wide])
    shown = _face(seen)
    scale = min(8.0, longest / max(high, wide))
    shown = _sized(shown, wide * scale, high * scale)
    for i, box in enumerate(np.asarray(boxes, float) * scale):
        _frame(shown, box, INK, told[i] if i < len(told) else "")
    out = io.BytesIO()
    shown.save(out, "PNG", compress_level=3)
    return out.getvalue()


def draw_errors(source: Boxed, how: Measure, path: str | Path, many: int = 24) -> Path:
    """The worst errors of a measure, side by side: what is known in blue, what went wrong in orange."""
    worst = how.errors[:many]
    rows = -(-len(worst) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * CELL, max(1, rows) * (CELL + 20)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for at, error in enumerate(worst):
        x = source.pictures.take(np.array([error.picture])).pixels[0]
        scale = CELL / max(x.shape[1:])
        cell = _sized(_face(x), x.shape[2] * scale, x.shape[1] * scale)
        ((boxes, _),) = source.boxes(np.array([error.picture]))
        for box in boxes * scale:
            _frame(cell, box, TRUTH)
        _frame(cell, np.array(error.box) * scale, INK)
        left, top = at % ACROSS * CELL, at // ACROSS * (CELL + 20)
        sheet.paste(cell, (left, top + 20))
        kinds = [how.classes[k] for k in (error.true, error.found) if k is not None]
        pen.text(
            (left + 4, top + 3), f"{error.kind}: {' as '.join(kinds)} ({error.weight:.2f})", "black", font
        )
    sheet.save(path)
    return Path(path)


def _sized(picture: Image.Image, wide: float, high: float) -> Image.Image:
    return picture.resize((max(1, round(wide)), max(1, round(high))), Image.Resampling.BILINEAR)


def _frame(picture: Image.Image, box: np.ndarray, ink: tuple[int, int, int], told: str = "") -> None:
    canvas, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    x0, y0, x1, y1 = (float(v) for v in box)
    canvas.rectangle((x0 - 1, y0 - 1, max(x1, x0) + 1, max(y1, y0) + 1), outline=PAPER)
    canvas.rectangle((x0, y0, max(x1, x0), max(y1, y0)), outline=ink, width=2)
    canvas.text((x0, max(0, y0 - 16)), told, fill=ink, font=font, stroke_width=2, stroke_fill=PAPER)


def draw_confusion(how: Measure, path: str | Path) -> Path:
    """Which class is taken for which, and for the ground: a row for each true one."""
    names = [*how.classes, "ground"]
    counts = how.confusion
    return grid.draw(
        counts / np.maximum(counts.sum(1, keepdims=True), 1),
        [[f"{n}" if n else "" for n in row] for row in counts],
        names,
        names,
        title="Confusion",
        note=how.sentence(),
        corner=("truth", "found"),
        path=Path(path),
        colour=lambda i, j: grid.BLUE if i == j else grid.ORANGE,
    )


def draw_curves(how: Measure, path: str | Path, side: int = 480) -> Path:
    """Precision (upwards) at each recall, at IoU 0.5: a line for each class that occurs, their mean thick."""
    edge = 44
    sheet = Image.new("RGB", (side + 2 * edge, side + 2 * edge), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.rectangle((edge, edge, edge + side, edge + side), outline=(180, 180, 190))
    known = how.curve[~np.isnan(how.curve[:, 0])]
    lines = [(c, (150, 175, 215), 1) for c in known] + ([(known.mean(0), INK, 3)] if len(known) else [])
    for curve, ink, width in lines:
        recall = np.linspace(0, 1, len(curve))
        points = [(edge + side * r, edge + side * (1 - p)) for r, p in zip(recall, curve)]
        pen.line(points, ink, width)
    pen.text((edge, 12), how.sentence().split(";")[0], "black", font)
    pen.text((edge + side / 2 - 20, edge + side + 20), "recall", "black", font)
    pen.text((4, edge - 20), "precision", "black", font)
    for value in (0, 0.5, 1):
        pen.text((edge + side * value - 6, edge + side + 4), f"{value:g}", "black", font)
        pen.text((edge - 24, edge + side * (1 - value) - 7), f"{value:g}", "black", font)
    sheet.save(path)
    return Path(path)


def _face(x: np.ndarray) -> Image.Image:
    x = x[:3] if len(x) > 2 else x[:1]
    if x.dtype != np.uint8:
        values = x[np.isfinite(x)] if x.dtype.kind == "f" else x.reshape(-1)
        low, high = np.percentile(values, ENDS) if len(values) else (0.0, 1.0)
        with np.errstate(invalid="ignore"):
            grey = np.clip((x - low) / max(float(high - low), 1e-12), 0, 1)
        x = np.rint(np.nan_to_num(grey) * 255).astype(np.uint8)
    return Image.fromarray(np.moveaxis(x, 0, -1) if len(x) == 3 else x[0]).convert("RGB")
