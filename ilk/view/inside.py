"""What an encoder looks at in one picture: attention or feature maps, and where the vector comes from."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from .. import files
from ..analysis import inside as look
from ..console import say
from ..errors import DataError, OptionError
from ..source import read
from ..space import Space
from .picture import FAINT, INK, MARGIN, PAPER

TILE, GAP, LINE = 176, 14, 22  # pixels
ACROSS = 6  # tiles in a row at most
HEAT = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)])  # "inferno"
Tile = tuple[str, np.ndarray]  # what stands below, and pixels (TILE, TILE, 3) uint8
Row = tuple[str, list[Tile]]  # what stands above, and the tiles


def inside(
    space: Space, query: str | os.PathLike[str], to: str | os.PathLike[str], *, cells: int = 8
) -> Path:
    """Draws into a .png file what the space's encoder looks at in one picture, given by id or as a file.

    A space keeps only thumbnails of its pictures; a file is shown to the encoder as it was learnt from.
    `cells` a side are covered one after another to see which of them the vector comes from.
    """
    to = Path(to)
    if to.suffix.lower() != ".png":
        raise OptionError(f"a look inside cannot be drawn as {to.name}", "Name a file that ends in .png.")
    if cells < 1:
        raise OptionError(f"{cells} cells", "Give 1 or more.")
    x = _picture(space, query)  # (1, C, H, W)
    face = _face(x[0])
    first = [
        ("the picture", face),
        ("where the vector comes from", _over(face, look.origin(space.encoder, x, cells)[0])),
    ]
    rows: list[Row] = [("", first)]
    attention = look.attention(space.encoder, x)
    if attention is not None:
        first.append(("attention through all layers", _over(face, attention.rollout()[0])))
        rows += _heads(face, attention)
        say(attention.sinks().sentence())
    else:
        rows += _maps(look.features(space.encoder, x))
    title = f"{type(look.eye(space.encoder)).__name__} looks at {Path(query).name}"
    files.write(to, _drawn(title, rows))
    return to


def _picture(space: Space, query: str | os.PathLike[str]) -> Tensor:
    """As in a search: an id of the space, else a file."""
    name = os.fspath(query)
    if name not in set(space.ids()) and Path(name).exists():
        return read(space.reading, Path(name)).batch(np.arange(1))  # type: ignore[no-any-return]
    (png,) = space.pictures([name])
    channels, size = space.reading.get("channels"), space.reading.get("size")
    if png is None or not isinstance(channels, int) or channels not in (1, 3) or not isinstance(size, int):
        raise DataError(
            f"the space keeps no picture of {name} that its encoder could look at", "Give the file."
        )
    face = Image.open(io.BytesIO(png)).convert("L" if channels == 1 else "RGB").resize((size, size))
    say("Looking at the space's thumbnail; give the file for the picture as it was learnt from.")
    x = torch.from_numpy(np.array(face, np.float32) / 255)  # (H, W) or (H, W, 3)
    return x.view(size, size, channels).permute(2, 0, 1)[None].contiguous()


def _heads(face: np.ndarray, attention: look.Attention) -> list[Row]:
    """The heads of the first, the middle and the last layer."""
    n = len(attention.layers)
    rows = []
    for layer in sorted({0, n // 2, n - 1}):
        maps = attention.heads(layer)[0]  # (h, g, g)
        rows.append(
            (f"layer {layer + 1} of {n}", [(f"head {i + 1}", _over(face, m)) for i, m in enumerate(maps)])
        )
    return rows


def _maps(features: Sequence[Tensor]) -> list[Row]:
    """Of each size, the channels that differ most over the picture."""
    rows = []
    for maps in features:
        _, channels, side, _ = maps.shape
        best = maps[0].flatten(1).std(1).argsort(descending=True)[:ACROSS]
        tiles = [(f"channel {int(c) + 1}", _coloured(_even(maps[0, c]))) for c in best]
        rows.append((f"{side} x {side}, the liveliest of {channels} channels", tiles))
    return rows


def _face(x: Tensor) -> np.ndarray:  # (C, H, W) -> (TILE, TILE, 3)
    shown = x if len(x) == 3 else x[:1].expand(3, -1, -1)
    return (_even(shown) * 255).byte().permute(1, 2, 0).numpy()


def _even(x: Tensor) -> Tensor:
    """(..., h, w) -> (..., TILE, TILE), from 0 to 1."""
    low, high = x.min(), x.max()
    large = F.interpolate(x.view(1, -1, *x.shape[-2:]).float(), (TILE, TILE), mode="nearest-exact")
    return ((large - low) / (high - low).clamp(min=1e-12)).view(*x.shape[:-2], TILE, TILE)


def _coloured(x: Tensor) -> np.ndarray:  # (TILE, TILE) in 0..1 -> (TILE, TILE, 3)
    at = np.linspace(0, 1, len(HEAT))
    return np.stack([np.interp(x.numpy(), at, HEAT[:, c]) for c in range(3)], -1).astype(np.uint8)


def _over(face: np.ndarray, heat: Tensor) -> np.ndarray:  # (g, g) over the picture in grey
    mixed: np.ndarray = 0.35 * face.mean(-1, keepdims=True) + 0.65 * _coloured(_even(heat))
    return mixed.astype(np.uint8)


def _drawn(title: str, rows: Sequence[Row]) -> bytes:
    rows = [(above, tiles[i : i + ACROSS]) for above, tiles in rows for i in range(0, len(tiles), ACROSS)]
    width = 2 * MARGIN + max(len(tiles) for _, tiles in rows) * (TILE + GAP) - GAP
    height = 2 * MARGIN + LINE + len(rows) * (TILE + 2 * LINE + GAP)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen, small = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.text((MARGIN, MARGIN - 10), title, INK, ImageFont.load_default(20))
    for r, (above, tiles) in enumerate(rows):
        y = MARGIN + LINE + r * (TILE + 2 * LINE + GAP)
        pen.text((MARGIN, y + 4), above, INK, small)
        for i, (below, pixels) in enumerate(tiles):
            x = MARGIN + i * (TILE + GAP)
            sheet.paste(Image.fromarray(pixels), (x, y + LINE))
            pen.text((x, y + LINE + TILE + 3), below, FAINT, small)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
