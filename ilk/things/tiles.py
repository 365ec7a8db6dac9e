"""Very large pictures: looked at tile by tile, so that memory holds a few tiles, whatever the picture's size.

Legend: C channels, H x W pixels of the picture, T pixels a side of a tile, B tiles at a time, n boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .. import console
from ..errors import OptionError
from .found import Found, together
from .overlap import suppress

EDGE = 2.0  # pixels: a box that comes so near to the side of its tile may be a part of what is there
PART = 0.7  # of a cut box that lies within a whole one: it is a part of the same thing


class Field(Protocol):
    """What is sliced like an array (C, H, W): memory-mapped, or read from the disk by pieces."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, at: tuple[slice, slice, slice], /) -> np.ndarray: ...


def tiled(
    field: Field,
    find: Callable[[Tensor], list[Found]],  # (B, C, T, T) -> what is in each
    *,
    ready: Callable[[np.ndarray], Tensor] = torch.from_numpy,
    tile: int = 512,
    overlap: int = 128,
    batch: int = 8,
    above: float = 0.5,
) -> Found:
    """Everything in the field, the surest first, boxes in its pixels.

    overlap  of two tiles side by side: things up to this size lie in one of them as a whole
    ready    makes of a piece (B, C, h, w) as stored what `find` takes
    above    boxes of a class that overlap by a larger IoU show the same thing
    """
    if tile < 8 or not 0 <= overlap < tile or batch < 1:
        raise OptionError(
            f"tile={tile}, overlap={overlap}, batch={batch}", "Give a tile larger than the overlap."
        )
    if len(field.shape) != 3:
        raise OptionError(f"a field of shape {field.shape}", "Expected (C, H, W).")
    high, wide = field.shape[1:]
    corners = [(y, x) for y in _starts(high, tile, overlap) for x in _starts(wide, tile, overlap)]
    parts: list[Found] = []
    cut: list[np.ndarray] = []
    with console.progress("tiles", len(corners)) as bar:
        for some, pieces in _pieces(field, corners, tile, batch):
            for (y, x), found in zip(some, find(ready(pieces))):
                inside = _within(found.moved(x, y), wide, high)
                parts.append(inside)
                cut.append(_cut(inside.boxes, (x, y), tile, wide, high))
            bar.advance(len(some))
    return _merged(together(parts), np.concatenate([np.zeros(0, bool), *cut]), above)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Evenly spread, the last tile ends with the picture."""
    if length <= tile:
        return [0]
    steps = -(-(length - tile) // (tile - overlap))
    return [round(i * (length - tile) / steps) for i in range(steps + 1)]


def _pieces(
    field: Field, corners: list[tuple[int, int]], tile: int, batch: int
) -> Iterator[tuple[list[tuple[int, int]], np.ndarray]]:
    """Corners, and the tiles (B, C, T, T) there; a smaller field has zeros beyond its end."""
    channels, high, wide = field.shape
    for first in range(0, len(corners), batch):
        some = corners[first : first + batch]
        pieces = [np.asarray(field[:, y : min(y + tile, high), x : min(x + tile, wide)]) for y, x in some]
        out = np.zeros((len(some), channels, tile, tile), pieces[0].dtype.newbyteorder("="))
        for to, piece in zip(out, pieces):
            to[:, : piece.shape[1], : piece.shape[2]] = piece
        yield some, out


def _within(found: Found, wide: int, high: int) -> Found:
    """Cut at the field's end; what lies beyond it goes."""
    boxes = np.clip(found.boxes, 0, np.array([wide, high, wide, high], np.float32))
    kept = (boxes[:, 2:] > boxes[:, :2]).all(1)
    return Found(boxes[kept], found.scores[kept], found.classes[kept])


def _cut(boxes: np.ndarray, corner: tuple[int, int], tile: int, wide: int, high: int) -> np.ndarray:  # (n,)
    """Whether a box touches a side of its tile that is not the picture's own."""
    out = np.zeros(len(boxes), bool)
    for axis, (start, length) in enumerate(zip(corner, (wide, high))):
        if start > 0:
            out |= boxes[:, axis] < start + EDGE
        if start + tile < length:
            out |= boxes[:, 2 + axis] > start + tile - EDGE
    return out


def _merged(found: Found, cut: np.ndarray, above: float) -> Found:
    """One box a thing: of those of several tiles the surest, of a part and the whole the whole."""
    order = np.empty(len(found), np.float32)
    order[np.lexsort((-found.scores, cut))] = -np.arange(len(found))  # whole ones first, then the surest
    boxes, classes = torch.from_numpy(found.boxes), torch.from_numpy(found.classes)
    kept = suppress(boxes, torch.from_numpy(order), classes, above=above).numpy()
    found, cut = found.take(kept), cut[kept]
    rows = np.flatnonzero(~_parts(found, cut))
    return found.take(rows[np.argsort(-found.scores[rows], kind="stable")])


def _parts(found: Found, cut: np.ndarray) -> np.ndarray:  # (n,)
    """Cut boxes that mostly lie within another of their class that is larger."""
    out = np.zeros(len(found), bool)
    area = (found.boxes[:, 2:] - found.boxes[:, :2]).prod(1)
    for i in np.flatnonzero(cut):
        box = found.boxes[i]
        corner = np.minimum(box[2:], found.boxes[:, 2:]) - np.maximum(box[:2], found.boxes[:, :2])
        inside = corner.clip(0).prod(1) / area[i]
        out[i] = ((inside > PART) & (area > area[i]) & (found.classes == found.classes[i])).any()
    return out
