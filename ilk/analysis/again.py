"""The data of a space once more: from where `ilk learn` found them, from elsewhere, or its thumbnails."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .. import record
from ..errors import DataError
from ..source import Source, read
from ..source.images import FACE

if TYPE_CHECKING:
    from ..source import Json
    from ..space import Space


def again(space: Space, data: Any = None, reading: dict[str, Json] | None = None) -> Source:
    """`data` as the space or `reading` reads them; None: from where they lay, else the thumbnails."""
    wish = space.reading if reading is None else reading
    if data is not None:
        return data if isinstance(data, Source) else read(wish, data)
    where = lies(space)
    return read(wish, _thumbnails(space) if where is None else where)


def lies(space: Space) -> str | None:
    """Where `ilk learn` found the data, if they are still there."""
    where = record.data(space.path.with_suffix(".run"))
    return where if where is not None and ("*" in where or os.path.exists(where)) else None


def _thumbnails(space: Space) -> np.ndarray:
    """(n, H, W) or (n, H, W, 3), where they are what was read: small, of 8 bits, nothing taken out."""
    r = space.reading
    exact = r.get("dtype", "uint8") == "uint8" and not any(
        r.get(k) for k in ("range", "stretch", "normalise")
    )
    size, channels = r.get("size"), r.get("channels")
    found: list[bytes | None] = []
    if (
        r.get("reader") == "images"
        and exact
        and channels in (1, 3)
        and isinstance(size, int)
        and size <= FACE
    ):
        found = space.pictures(np.arange(len(space)))
    kept = [p for p in found if p is not None]
    if not kept:
        raise DataError(
            f"the data of {space.path} are not where they were, and its thumbnails say less than they did",
            "Say where they lie now: --data DATA, or data=... in Python.",
        )
    return np.stack([np.asarray(Image.open(io.BytesIO(p))) for p in kept])
