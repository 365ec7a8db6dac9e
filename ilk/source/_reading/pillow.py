"""PNG, JPEG, BMP, GIF, WebP (and the TIFFs that only libtiff knows) through Pillow, without its losses."""

from __future__ import annotations

import io

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...errors import UnreadableSample
from . import png
from .file import Look, Pictures, bounded
from .prepare import over_white

TURNED = ("JPEG", "MPO", "WEBP", "TIFF")  # may lie on their side, and say so


def _open(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableSample("the file is empty")
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise UnreadableSample(f"not an image (it begins with {data[:12]!r})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise UnreadableSample(f"too many pixels (a decompression bomb?): {e}") from None
    bounded(image.width * image.height)
    return image


def read(data: bytes, size: int | None) -> np.ndarray:
    if png.is_deep(data):
        channels, height, width = png.header(data)
        bounded(height * width)
        x = np.moveaxis(png.read(data), -1, 0)
        return over_white(x) if channels in (2, 4) else x
    with _open(data) as image:
        if size is not None and image.format == "JPEG":
            image.draft(None, (2 * size, 2 * size))  # a fraction of the decoding; the rest is resampled well
        if image.format in TURNED:
            ImageOps.exif_transpose(image, in_place=True)
        return _of_pillow(image)


def _of_pillow(image: Image.Image) -> np.ndarray:  # (C, H, W)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in ("PA", "La", "RGBa"):
        image = image.convert({"PA": "RGBA", "La": "LA", "RGBa": "RGBA"}[image.mode])
    elif image.mode not in ("1", "L", "LA", "RGB", "RGBA", "F") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    x = np.asarray(image)
    x = x[None] if x.ndim == 2 else x.transpose(2, 0, 1)
    return over_white(x) if image.mode in ("LA", "RGBA") else x


def look(data: bytes) -> Look:
    if png.is_deep(data):
        channels, height, width = png.header(data)
        return Look(1 if channels == 2 else 3, height, width, "uint16")
    with _open(data) as image:
        grey = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        dtype = (
            "uint16" if image.mode.startswith("I;16") else "float32" if image.mode in ("I", "F") else "uint8"
        )
        height, width = image.height, image.width
        if image.format in TURNED and image.getexif().get(ExifTags.Base.Orientation, 1) > 4:
            height, width = width, height
        return Look(1 if grey else 3, height, width, dtype)


def of_image(image: Image.Image) -> np.ndarray:
    """A Pillow image in memory, (C, H, W)."""
    return _of_pillow(ImageOps.exif_transpose(image))


def pages(data: bytes, start: int) -> Pictures:
    with _open(data) as image:
        pages = getattr(image, "n_frames", 1)
        for part in range(start, pages):
            image.seek(part)
            yield part if pages > 1 else -1, _of_pillow(image)
