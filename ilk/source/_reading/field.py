"""One large picture, read where it is looked at: mapped into memory where its format allows, else whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import tifffile

from .. import formats
from .file import File
from .prepare import is_stack

LARGE = 2**26  # bytes of a file: smaller ones are decoded whole


class Field:
    """(C, H, W) of what is sliced as (H, W), (H, W, C) or (C, H, W)."""

    def __init__(self, stored: Any, *, upside_down: bool = False) -> None:
        self._stored, self._upside_down = stored, upside_down
        shape = tuple(int(n) for n in stored.shape)
        self._flat, self._last = len(shape) == 2, len(shape) == 3 and shape[2] < shape[0]
        self.shape = (1, *shape) if self._flat else (shape[2], *shape[:2]) if self._last else shape

    def __getitem__(self, at: tuple[slice, slice, slice]) -> np.ndarray:
        channels, rows, columns = at
        if self._upside_down:
            start, stop, _ = rows.indices(self.shape[1])
            rows = slice(self.shape[1] - stop, self.shape[1] - start)
        if self._flat:
            x = np.asarray(self._stored[rows, columns])[None][channels]
        elif self._last:
            x = np.moveaxis(np.asarray(self._stored[rows, columns]), -1, 0)[channels]
        else:
            x = np.asarray(self._stored[channels, rows, columns])
        return x[:, ::-1] if self._upside_down else x


def fields(file: File) -> Iterator[tuple[int, Any]]:
    """Part (-1: the file is one picture) and array (C, H, W), or field, of each picture in it.

    A field can be looked at until the next one is asked for.
    """
    with ExitStack() as stack:
        mapped = _mapped(file, stack)
        if mapped is not None:
            yield -1, mapped
            return
    yield from formats.read(file)


def _mapped(file: File, stack: ExitStack) -> Field | None:
    """A field of the disk: of NPY, TIFF and FITS that hold one large picture, not compressed."""
    if file.data is not None or file.length >= 0 or not file.path or os.path.getsize(file.path) < LARGE:
        return None
    try:
        if file.kind == ".npy":
            stored = np.load(file.path, mmap_mode="r", allow_pickle=False)
            return None if is_stack(stored.shape, None, bare=False) else Field(stored)
        if file.kind in (".tif", ".tiff"):
            with tifffile.TiffFile(file.path) as tiff:
                if len(tiff.pages) > 1:
                    return None
            return Field(tifffile.memmap(file.path, mode="r"))
        return _of_fits(file.path, stack) if file.kind in (".fits", ".fit", ".fts") else None
    except (OSError, ValueError, ImportError):  # told by the reader of whole files
        return None


def _of_fits(path: str, stack: ExitStack) -> Field | None:
    from astropy.io import fits

    held = stack.enter_context(fits.open(path, memmap=True))
    images = [hdu for hdu in held if hdu.is_image and len(hdu.shape) >= 2]
    if len(images) == 1 and len(images[0].shape) == 2:
        return Field(images[0].section, upside_down=True)
    return None
