"""What an encoder looks at in one picture: attention or feature maps, and where the vector comes from.

Of a text: see `inside_text`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from .. import files
from ..analysis import inside as look
from ..console import say
from ..errors import DataError, OptionError
from ..generate._points import thumbnail
from ..source import read
from ..space import Space
from ._tiles import ACROSS, Row, coloured, drawn, even
from .inside_text import inside_text


def inside(
    space: Space, query: str | os.PathLike[str], to: str | os.PathLike[str], *, cells: int = 8
) -> Path:
    """Draws into a .png file what the space's encoder looks at in one sample, given by id or as a file.

    A space keeps only thumbnails of its pictures; a file is shown to the encoder as it was learnt from.
    `cells` a side are covered one after another to see which of them the vector comes from. A text can be
    given in words, too; its words are left out one after another.
    """
    to = Path(to)
    if to.suffix.lower() != ".png":
        raise OptionError(f"a look inside cannot be drawn as {to.name}", "Name a file that ends in .png.")
    if cells < 1:
        raise OptionError(f"{cells} cells", "Give 1 or more.")
    if space.of_text:
        files.write(to, inside_text(space, query))
        return to
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
    files.write(to, drawn(title, rows))
    return to


def _picture(space: Space, query: str | os.PathLike[str]) -> Tensor:
    """As in a search: an id of the space, else a file."""
    name = os.fspath(query)
    if name not in set(space.ids()) and Path(name).exists():
        return read(space.reading, Path(name)).batch(np.arange(1))  # type: ignore[no-any-return]
    found = thumbnail(space, name)
    if found is None:
        raise DataError(
            f"the space keeps no picture of {name} that its encoder could look at", "Give the file."
        )
    say("Looking at the space's thumbnail; give the file for the picture as it was learnt from.")
    return found


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
        tiles = [(f"channel {int(c) + 1}", coloured(even(maps[0, c]))) for c in best]
        rows.append((f"{side} x {side}, the liveliest of {channels} channels", tiles))
    return rows


def _face(x: Tensor) -> np.ndarray:  # (C, H, W) -> (TILE, TILE, 3)
    shown = x if len(x) == 3 else x[:1].expand(3, -1, -1)
    return (even(shown) * 255).byte().permute(1, 2, 0).numpy()


def _over(face: np.ndarray, heat: Tensor) -> np.ndarray:  # (g, g) over the picture in grey
    mixed: np.ndarray = 0.35 * face.mean(-1, keepdims=True) + 0.65 * coloured(even(heat))
    return mixed.astype(np.uint8)
