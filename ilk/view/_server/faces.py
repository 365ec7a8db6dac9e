"""Many small pictures in one: the page asks for those it is about to show."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

TILE, LINE = 64, 16  # pixels a side; tiles side by side
LARGEST = 1 << 22  # pixels of a small picture: a stranger's space may hold a bomb


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
    """The picture as large as the tile lets it be, in its own shape."""
    face = opened(data, "RGBA")
    if face is None or max(face.size) == TILE:
        return face
    longest = max(face.size)
    size = (max(1, face.width * TILE // longest), max(1, face.height * TILE // longest))
    whole = TILE % longest == 0  # a few large pixels stay pixels
    return face.resize(size, Image.Resampling.NEAREST if whole else Image.Resampling.BICUBIC)


def opened(data: bytes, mode: str | None = None) -> Image.Image | None:
    """A row's small picture, grey or colours as it is, or in that mode; None where it is damaged."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LARGEST:
                return None
            return image.convert(mode or ("L" if image.mode in ("L", "1") else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
