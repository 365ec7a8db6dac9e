"""Many small pictures in one: the page asks for those it is about to show."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, UnidentifiedImageError

TILE, LINE = 64, 16  # pixels a side; tiles side by side


def sheet(pictures: Sequence[bytes | None]) -> bytes:
    """A PNG of tiles in the order given, line by line, each picture in the middle of its own."""
    width, height = TILE * min(LINE, max(1, len(pictures))), TILE * max(1, -(-len(pictures) // LINE))
    whole = Image.new("RGBA", (width, height))
    for i, data in enumerate(pictures):
        face = None if data is None else _face(data)
        if face is not None:
            left, top = TILE * (i % LINE), TILE * (i // LINE)
            whole.paste(face, (left + (TILE - face.width) // 2, top + (TILE - face.height) // 2))
    out = io.BytesIO()
    whole.save(out, "png", compress_level=1)
    return out.getvalue()


def _face(data: bytes) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(data)) as opened:
            face = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # a row's small picture may be damaged; the others are shown
    face.thumbnail((TILE, TILE))
    return face
