"""A picture that a browser sent: known by its content, measured before it is decoded."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tifffile
from PIL import Image

from ...errors import DataError, MissingExtra
from ...source import formats
from ...source._reading import pillow
from ...source._reading.file import File

MOST_BYTES, MOST_PIXELS = 32 << 20, 40_000_000


class UnknownKind(DataError):
    """The bytes are not of a kind of picture that is taken."""


@dataclass(frozen=True)
class Uploaded:
    kind: str
    pixels: np.ndarray  # (C, H, W) as it came


def decoded(data: bytes) -> Uploaded:
    """The (first) picture in `data`; DataError for whatever is not one."""
    kind = _kind(data)
    try:
        pixels = _READERS.get(kind, _by_pillow)(data)
    except (DataError, MissingExtra):
        raise
    except Exception as e:  # a decoder may choke on hostile bytes in any way
        why = str(e).split("\n")[0][:200] or type(e).__name__
        raise DataError(f"this {kind} file cannot be read: {why}", "Is the file whole?") from e
    if not pixels.size or pixels.dtype.kind not in "buif":
        raise DataError(f"this {kind} file holds no picture")
    return Uploaded(kind, pixels)


def _kind(data: bytes) -> str:
    for magic, kind in _MAGIC.items():
        if data.startswith(magic) and (kind != "webp" or data[8:12] == b"WEBP"):
            return kind
    began = "it is empty" if not data else f"it begins with {data[:12]!r}"
    raise UnknownKind(
        f"not a kind of picture that is taken here ({began})",
        "Give PNG, JPEG, GIF, WebP, BMP, TIFF, FITS or NPY.",
    )


def _measured(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise DataError(f"{pixels:,} pixels; at most {MOST_PIXELS:,} are taken", "Make the picture smaller.")


def _first(kind: str, data: bytes) -> np.ndarray:
    for _, x in formats.read(File("", kind, data=data)):
        return x
    raise DataError("the file holds no picture")


def _by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "GIF", "WEBP", "BMP"]) as image:
        _measured(image.width * image.height)  # known from the header alone
    return _first(".png", data)


def _tiff(data: bytes) -> np.ndarray:
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0].aspage()
        _measured(page.imagewidth * page.imagelength)
        plain = page.compression == 1
        if plain and page.nbytes > len(data):
            raise DataError("the file is shorter than the picture it promises", "Is the file whole?")
    if plain:
        return _first(".tif", data)
    # libtiff unpacks into a buffer of the promised size; other ways unpack a strip whatever it grows to.
    return next(x for _, x in pillow.pages(data, 0))


def _npy(data: bytes) -> np.ndarray:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if dtype.kind not in "buif" or not 2 <= len(shape) <= 4:
        raise DataError(
            f"an array of {dtype}, shape {shape}", "Expected the numbers of one picture, (H, W[, C])."
        )
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > len(data):
        raise DataError("the file is shorter than the array it promises", "Is the file whole?")
    _measured(int(np.prod(shape)))
    return _first(".npy", data)


def _fits(data: bytes) -> np.ndarray:
    if b"ZIMAGE" in data:
        raise DataError("a tile-compressed FITS file", "Unpack it first (funpack).")
    return _first(".fits", data)


_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"RIFF": "webp",
    b"BM": "bmp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"SIMPLE  =": "fits",
    b"\x93NUMPY": "npy",
}
_READERS: dict[str, Callable[[bytes], np.ndarray]] = {"tiff": _tiff, "npy": _npy, "fits": _fits}
