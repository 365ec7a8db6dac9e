"""NPY, NPZ and HDF5: arrays that are one picture or a stack of them. Nothing is unpickled."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import pyarrow as pa

from ...errors import DataError, UnreadableSample
from .file import File, Pictures, bounded
from .prepare import channels_first, is_stack

ROWS = 64  # of a stack read at a time
BROKEN = (  # what the libraries raise at a damaged file
    *(OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def rows(stack: Any, n: int, channels: int | None, start: int) -> Pictures:
    """Anything sliced by its first axis, a few rows at a time."""
    bounded(int(np.prod(stack.shape[1:])))
    for low in range(start, n, ROWS):
        block = np.asarray(stack[low : low + ROWS])
        block = block[:, None] if block.ndim == 3 else channels_first(block, channels)
        for i, x in enumerate(block):
            yield low + i, x


def _one(x: np.ndarray) -> np.ndarray:
    return x[None] if x.ndim == 2 else x


def _array(x: Any, channels: int | None, start: int) -> Pictures:
    if x.dtype.kind not in "buif":
        raise UnreadableSample(f"holds {x.dtype}, not numbers")
    if is_stack(x.shape, channels, bare=False):
        yield from rows(x, len(x), channels, start)
    else:
        bounded(int(np.prod(x.shape)))
        yield -1, _one(x[...]) if x.ndim == 2 else channels_first(x[...], channels)


def npy(file: File, channels: int | None, start: int) -> Pictures:
    if file.data is None and file.length < 0:
        x = np.load(file.path, mmap_mode="r", allow_pickle=False)
    else:
        x = np.load(io.BytesIO(file.content()), allow_pickle=False)
    yield from _array(x, channels, start)


class _Stream:
    """An array within a zip, read forwards in blocks of rows: a stack larger than memory passes through."""

    def __init__(self, f: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.f, self.shape, self.dtype, self.ndim, self.at = f, shape, dtype, len(shape), 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        if rows is Ellipsis:
            return self._take(self.shape[0])
        while self.at < rows.start:
            self._take(min(ROWS, rows.start - self.at))
        return self._take(min(rows.stop, self.shape[0]) - rows.start)

    def _take(self, n: int) -> np.ndarray:
        wanted = n * int(np.prod(self.shape[1:])) * self.dtype.itemsize
        data = self.f.read(wanted)
        if len(data) < wanted:
            raise UnreadableSample("cut short: the array ends before its header says")
        self.at += n
        return np.frombuffer(data, self.dtype).reshape(n, *self.shape[1:])


def npy_header(f: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:  # shape, type, in Fortran's order
    version = np.lib.format.read_magic(f)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(f)
    return shape, dtype, fortran


def arrays_of(file: File) -> dict[str, tuple[int, ...]]:
    """The names and shapes of all arrays in an NPZ or HDF5 file."""
    if file.kind != ".npz":
        with h5py.File(file.opened(), "r") as h5:
            found: dict[str, tuple[int, ...]] = {}
            h5.visititems(
                lambda name, x: found.__setitem__(name, x.shape) if isinstance(x, h5py.Dataset) else None
            )
            return {k: v for k, v in found.items() if v is not None and h5[k].dtype.kind in "buif"}
    shapes = {}
    with zipfile.ZipFile(file.opened()) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as f:
                    shapes[name[:-4]] = npy_header(f)[0]
    return shapes


def choose(file: File) -> str:
    """The one array with pictures in an NPZ or HDF5 file; of several, the person must say which."""
    shapes = arrays_of(file)
    if file.inside:
        if file.inside.strip("/") not in shapes:
            raise DataError(
                f"no array {file.inside!r} in {file.path}", f"There are: {', '.join(shapes) or 'none'}."
            )
        return file.inside.strip("/")
    likely = [k for k, v in shapes.items() if len(v) in (3, 4)] or [
        k for k, v in shapes.items() if len(v) == 2
    ]
    if len(likely) == 1:
        return likely[0]
    listed = ", ".join(f"{k} {shapes[k]}" for k in likely or shapes) or "none"
    what = "several arrays that may be pictures" if likely else "no array of pictures"
    raise DataError(
        f"{what} in {file.path}: {listed}", f"Name one: {Path(file.path).name}:{(likely or ['name'])[0]}"
    )


def npz(file: File, channels: int | None, start: int) -> Pictures:
    with zipfile.ZipFile(file.opened()) as archive, archive.open(choose(file) + ".npy") as f:
        shape, dtype, fortran = npy_header(f)
        if dtype.hasobject or (fortran and len(shape) > 1):
            raise UnreadableSample(
                f"an array of {dtype} in {'Fortran' if fortran else 'C'} order; expected plain numbers"
            )
        yield from _array(_Stream(f, shape, dtype), channels, start)


def hdf5(file: File, channels: int | None, start: int) -> Pictures:
    with h5py.File(file.opened(), "r") as h5:
        yield from _array(h5[choose(file)], channels, start)


def companions(file: File) -> pa.Table | None:
    """The one-dimensional arrays as long as the stack: labels and the like, by their names.

    What their names share with the stack's, up to an underscore, is dropped: beside `train_images`,
    `train_labels` is `labels`.
    """
    chosen = choose(file)
    shapes = arrays_of(file)
    if len(shapes[chosen]) < 3:
        return None
    long = [k for k, v in shapes.items() if v == shapes[chosen][:1]]
    if file.kind == ".npz":
        with np.load(file.opened(), allow_pickle=False) as archive:
            found = {k: archive[k] for k in long}
    else:
        with h5py.File(file.opened(), "r") as h5:
            found = {k: h5[k][...] for k in long}
    columns = {_own_name(k, chosen): pa.array(v) for k, v in found.items() if v.dtype.kind in "buifU"}
    return pa.table(columns) if columns else None


def _own_name(name: str, stack: str) -> str:
    same = 0
    while name[: same + 1] == stack[: same + 1] and same < len(name):
        same += 1
    return name[max(name.rfind("_", 0, same), name.rfind("/", 0, same)) + 1 :]
