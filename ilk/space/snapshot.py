"""One version of a space, ready to be asked: rows, their vectors memory-mapped, and the index.

The vectors' file in `index/` is derived: it may be deleted at any time. Its name holds the version and
the key of the rows it was made from and the checksum of its numbers, so that a file that is out of date,
cut short or damaged is known as such and made again.
"""

from __future__ import annotations

import os
import uuid
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from .index import Flat
from .rows import Rows

_CHECKED = 1 << 24  # bytes at a time


class Snapshot:
    """Everything here belongs to the same version; it is read or built when first asked for."""

    def __init__(self, space: Path, rows: Rows, metric: str) -> None:
        self.folder = space / "index"
        self.rows = rows
        self.metric = metric

    @cached_property
    def vectors(self) -> np.ndarray:
        """(n, D) float32 in the order of the rows, read-only."""
        shape = (len(self.rows), self.rows.dim)
        for path in self.folder.glob(f"vectors-*-{self.rows.key}-*.npy"):
            found = _checked(path, shape)
            if found is not None:
                return found
        try:
            return _open(self._build(shape))
        except OSError:  # no room, or a space that may only be read: works from memory
            vectors = np.concatenate([np.zeros((0, shape[1]), np.float32), *self.rows.vectors()])
            vectors.flags.writeable = False
            return vectors

    @cached_property
    def index(self) -> Flat:
        return Flat(self.vectors, self.rows.ids, self.metric)

    def _build(self, shape: tuple[int, int]) -> Path:
        self.folder.mkdir(exist_ok=True)
        stem = f"vectors-{self.rows.version}-{self.rows.key}"
        new = self.folder / f"{stem}-{uuid.uuid4().hex}.new"
        try:
            with open(new, "xb") as f:
                # Written, not memory-mapped: a full disk is then an error and not the end of the process.
                npy.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": shape})
                crc = 0
                for batch in self.rows.vectors():
                    f.write(np.ascontiguousarray(batch, "<f4").data)
                    crc = zlib.crc32(np.ascontiguousarray(batch, "<f4").data, crc)
            path = self.folder / f"{stem}-{crc:08x}.npy"
            os.replace(new, path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        _remove_older(self.folder, self.rows.version)
        return path


def _open(path: Path) -> np.ndarray:
    vectors: np.ndarray = npy.open_memmap(path, mode="r")  # refuses pickled objects
    return vectors


def _checked(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """The vectors in the file, or None where it is damaged."""
    try:
        vectors = _open(path)
        whole = vectors.shape == shape and vectors.dtype == np.float32 and vectors.flags.c_contiguous
        if whole and path.stem.endswith(f"-{_crc(vectors.reshape(-1)):08x}"):
            return vectors
    except (OSError, ValueError):
        pass
    return None


def _crc(flat: np.ndarray) -> int:
    crc = 0
    for start in range(0, len(flat), _CHECKED // 4):
        crc = zlib.crc32(flat[start : start + _CHECKED // 4].data, crc)
    return crc


def _remove_older(folder: Path, version: int) -> None:
    for path in _versioned(folder.glob("vectors-*"), below=version):
        try:
            path.unlink(missing_ok=True)
        except OSError:  # in use, where the system forbids it: the next one removes it
            continue


def _versioned(paths: Iterable[Path], below: int) -> list[Path]:
    return [p for p in paths if (number := p.name.split("-")[1]).isdigit() and int(number) < below]
