"""Where the bytes of a picture are, and how many pixels they may claim."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from ...errors import UnreadableSample

MOST_PIXELS = 178_956_970  # in one picture: twice Pillow's warning, where Pillow itself refuses
Pictures = Iterator[tuple[int, np.ndarray]]


@dataclass(frozen=True, slots=True)
class File:
    """Where the bytes are: a path, a member of an uncompressed tar (offset, length), or memory."""

    path: str
    kind: str  # the name's ending: .png, .fits, ...
    offset: int = 0
    length: int = -1
    inside: str = ""  # the dataset of an HDF5 file, the array of an NPZ
    data: bytes | None = None
    array: np.ndarray | None = None  # (n, C, H, W) in memory

    def content(self) -> bytes:
        if self.data is not None:
            return self.data
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            return f.read(self.length)

    def stream(self) -> IO[bytes]:
        """The same, to be closed by the caller."""
        return open(self.path, "rb") if self.data is None and self.length < 0 else io.BytesIO(self.content())

    def opened(self) -> Any:
        """For libraries that take a path or a file: the path where it is a file of its own."""
        return self.path if self.data is None and self.length < 0 else io.BytesIO(self.content())


@dataclass(frozen=True)
class Look:
    """What a picture is, mostly learned without decoding it."""

    channels: int
    height: int
    width: int
    dtype: str


@dataclass(slots=True)
class Item:
    """One file of a source, as listed."""

    id: str
    name: str  # in the cache
    file: File
    size: int = -1
    mtime: int = -1  # nanoseconds
    row: int = -1  # of the metadata
    why: str = ""  # it cannot be read, known without opening it
    spread: bool = False  # a stack whose parts each have a row of the metadata
    digits: int = 0  # of a part's number, where that alone is the id


def readable(name: str) -> str:
    """A file name as UTF-8 text, whatever bytes the file system holds."""
    return (
        name
        if name.isascii()
        else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )


def bounded(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise UnreadableSample(
            f"{pixels:,} pixels; at most {MOST_PIXELS:,} are decoded (a decompression bomb?)"
        )


def kind_of(name: str) -> str:
    """The ending that says how a file is read: .fits.gz counts as one."""
    lower = name.lower()
    return ".fits.gz" if lower.endswith(".fits.gz") else lower[lower.rfind(".") :] if "." in lower else ""


MAGIC = {
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"SIMPLE": ".fits",
    b"\x93NUMPY": ".npy",
    b"PK": ".npz",
    b"\x89HDF": ".h5",
}


def kind_of_bytes(data: bytes) -> str:
    """How bytes without a name are read; Pillow recognises the rest by itself."""
    return next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), ".png")
