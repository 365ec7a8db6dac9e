"""What an encoder looks at in one text: which words the vector comes from, and attention among its pieces.

Legend: T pieces, h heads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from ..analysis import inside_text as look
from ..analysis.inside import eye
from ..console import say
from ..errors import DataError, OptionError
from ..source import read
from ..space import Space
from ..space.query import is_file
from ._marks import INK, PAPER
from ._tiles import ACROSS, GAP, TILE, Row, coloured, drawn, even

WORDS, LETTERS = 80, 60  # at most: words of a text that are drawn, letters of it in the title
WIDE = ACROSS * (TILE + GAP) - GAP  # pixels
LINE, PAD, CELL = 24, 4, 15  # pixels: of a line of words, around a word, of a cell of the table
PIECES = 48  # of a text with more, no table is drawn
WARM = ImageColor.getrgb("#F08A24")


def inside_text(space: Space, query: str | os.PathLike[str]) -> bytes:  # -> PNG
    """An id of the space, else a file, else the words themselves."""
    words = _text(space, query).split()
    if not words:
        raise OptionError("an empty text", "Give an id of the space, a file or words.")
    if len(words) > WORDS:
        say(f"Looking at the first {WORDS} of {len(words):,} words.")
    words = words[:WORDS]
    text = " ".join(words)
    turned = look.origin(space.encoder, words)
    above = "where the vector comes from: how far it turns without a word"
    rows: list[Row] = [(above, [("", _flow(words, turned))])]
    reading = look.reading(space.encoder, text)
    if reading is not None:
        reached = _flow(reading.pieces, reading.rollout())
        rows.append(("attention through all layers", [("", reached)]))
        rows += _heads(reading)
        told = look.sinks(space.encoder, [text])
        assert told is not None
        say(told.sentence())
    shown = text if len(text) <= LETTERS else f"{text[:LETTERS]}..."
    return drawn(f"{type(eye(space.encoder)).__name__} reads: {shown}", rows)


def _text(space: Space, query: str | os.PathLike[str]) -> str:
    name = os.fspath(query)
    known = not isinstance(query, os.PathLike) and name in set(space.ids())
    if not known and is_file(name):
        return str(read(space.reading, Path(name)).batch(np.arange(1))[0])
    if not known:
        if isinstance(query, os.PathLike):
            raise DataError(f"no file {name}", "Give an id of the space, a file or words.")
        return name
    kept = space.metadata([name])
    told = kept["text"][0].as_py() if "text" in kept.column_names else None
    return name if told is None else str(told)  # of words, the id is the word


def _heads(reading: look.Reading) -> list[Row]:
    """The last layer's mean with the pieces beside it; the first, the middle and the last layer's heads."""
    n, rows = len(reading.layers), list[Row]()
    if len(reading.pieces) <= PIECES:
        above = f"layer {n} of {n}, the mean of its heads: how much a piece (row) looks at another (column)"
        rows.append((above, [("", _table(reading.pieces, reading.layers[-1].mean(0)))]))
    for layer in sorted({0, n // 2, n - 1}):
        tiles = [(f"head {i + 1}", coloured(even(one))) for i, one in enumerate(reading.layers[layer])]
        rows.append((f"layer {layer + 1} of {n}", tiles))
    return rows


def _flow(words: Sequence[str], heat: Tensor) -> np.ndarray:  # (n,) -> (h, WIDE, 3)
    """Words one after another as in a text, the warmer the more of the heat they have."""
    font = ImageFont.load_default(14)
    most = heat.quantile(0.95).clamp(min=1e-12)  # one mark may have nearly all
    shares = (heat / most).clamp(max=1).tolist()
    places, x, y = [], 0, 0
    for word in words:
        wide = round(font.getlength(word)) + 2 * PAD
        if x and x + wide > WIDE:
            x, y = 0, y + LINE
        places.append((x, y, wide))
        x += wide + 2
    sheet = Image.new("RGB", (WIDE, y + LINE), PAPER)
    pen = ImageDraw.Draw(sheet)
    for word, share, (x, y, wide) in zip(words, shares, places):
        tint = tuple(round(255 + (c - 255) * share) for c in WARM)
        pen.rectangle((x, y, x + wide, y + LINE - 3), tint)
        pen.text((x + PAD, y + 2), word, INK, font)
    return np.asarray(sheet)


def _table(pieces: Sequence[str], weights: Tensor) -> np.ndarray:  # (T,), (T, T) -> (h, w, 3)
    names = [piece.strip() or "_" for piece in pieces]
    rows, columns = _names(names, "rm"), _names(names, "lm").rotate(90, expand=True)
    heat = np.kron(coloured(weights / weights.max()), np.ones((CELL, CELL, 1), np.uint8))
    sheet = Image.new("RGB", (rows.width + heat.shape[1], columns.height + heat.shape[0]), PAPER)
    sheet.paste(rows, (0, columns.height))
    sheet.paste(columns, (rows.width, 0))
    sheet.paste(Image.fromarray(heat), (rows.width, columns.height))
    return np.asarray(sheet)


def _names(names: Sequence[str], anchor: str) -> Image.Image:
    """One below the other, as high as a cell each, against the left or the right side."""
    font = ImageFont.load_default(11)
    wide = round(max(map(font.getlength, names))) + 2 * PAD
    sheet = Image.new("RGB", (wide, CELL * len(names)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, name in enumerate(names):
        pen.text((wide - PAD if anchor[0] == "r" else PAD, i * CELL + CELL // 2), name, INK, font, anchor)
    return sheet
