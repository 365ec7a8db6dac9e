"""Pictures as they lie, at their own size, one after the other; and pieces of them as a network takes them.

Legend: C channels, H x W pixels, B pieces, T pixels a side of a piece.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..console import say
from ..errors import DataError, IlkError, MissingExtra, UnreadableSample
from ..source import Json, Source, _scale
from ..source._base import Skipped, left_out
from ..source._reading.field import fields
from ..source._reading.listing import listing
from ..source._reading.prepare import Form, alike, letterbox, prepare
from ..source.boxes import Boxed
from ..source.images import Images

Ready = Callable[[np.ndarray], Tensor]  # pieces (B, C, T, T) as stored -> as a network takes them


def pictures(data: Any, *, strict: bool = False) -> Iterator[tuple[str, Any]]:
    """Id and array or field (C, H, W), as stored, of each picture of a source, folder, list, glob or file."""
    if isinstance(data, Source):
        held = data.pictures if isinstance(data, Boxed) else data
        if not isinstance(held, Images):
            raise DataError(f"{type(data).__name__} holds no pictures", "Things are found in pictures.")
        for i in range(len(held)):
            yield held.id(i), held.take(np.array([i])).pixels[0]
        return
    skipped: list[Skipped] = []
    met = 0
    for item in listing(data).items:
        try:
            if item.why:
                raise UnreadableSample(item.why)
            for part, field in fields(item.file):
                met += 1
                yield (item.id if part < 0 else f"{item.id}#{part}"), field
        except MissingExtra:
            raise
        except Exception as e:  # whatever a decoder chokes on concerns this one file
            why = e.what if isinstance(e, IlkError) else str(e)
            if strict:
                raise UnreadableSample(f"{item.id}: {why}", "Without strict it is left out.") from e
            skipped.append(Skipped(item.id, why))
    if skipped:
        say(left_out(skipped, f"of {met + len(skipped):,} pictures"))
    if not met:
        raise DataError(f"no picture in {os.fspath(data) if isinstance(data, str | os.PathLike) else data}")


def as_learnt(reading: dict[str, Json], channels: int) -> Ready:
    """Pieces on the scale on which a network of this reading learnt; what is no number becomes the ground."""
    dtype = str(reading.get("dtype", "uint8"))

    def ready(pieces: np.ndarray) -> Tensor:
        form = Form(0, channels, dtype)
        x = np.stack([alike(filled(piece), form) for piece in pieces])
        return torch.from_numpy(_scale.scaled(x, reading))

    return ready


def fitted(x: np.ndarray, reading: dict[str, Json], channels: int) -> tuple[Tensor, np.ndarray]:
    """All of a picture (C, H, W) as it would have been read to learn from, (1, C, S, S); and the way back.

    The way back is (4,) to be taken off its boxes, then (4,) to multiply them by.
    """
    size = int(str(reading["size"]))
    form = Form(size, channels, str(reading.get("dtype", "uint8")), whole=True)
    high, wide = x.shape[1:]
    w, h, left, top = letterbox(wide, high, size)
    back = np.array([[left, top] * 2, [wide / w, high / h] * 2], np.float32)
    return torch.from_numpy(_scale.scaled(prepare(filled(x), form)[None], reading)), back


def plain(pieces: np.ndarray) -> Tensor:
    """Pieces as numbers."""
    return torch.from_numpy(np.stack([filled(p) for p in pieces]).astype(np.float32))


def filled(x: np.ndarray) -> np.ndarray:
    """Pixels without a value get the median of the others."""
    if x.dtype.kind != "f":
        return x
    good = np.isfinite(x)
    if good.all():
        return x
    return np.where(good, x, np.median(x[good]) if good.any() else 0).astype(x.dtype)
