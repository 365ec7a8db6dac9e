"""A file -> its pictures, one after the other, each (C, H, W) as it was stored: one reader per format.

A reader yields (part, picture); part is -1 where the file is one picture, else its place in the stack.
Nothing is unpickled; a picture's pixels are counted before they are decoded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile

from ..errors import MissingExtra, UnreadableSample
from ._reading import arrays, pillow
from ._reading.file import File, Look, Pictures, bounded
from ._reading.prepare import channels_first, over_white, stored


def read(file: File, *, size: int | None = None, channels: int | None = None, start: int = 0) -> Pictures:
    """The pictures of `file` from part `start` on. A JPEG may come at a fraction well above `size`."""
    if file.kind in STACKS:
        yield from STACKS[file.kind](file, channels, start)
    else:
        yield -1, pillow.read(file.content(), size)


def look(file: File, channels: int | None = None) -> Look:
    if file.kind not in STACKS:
        return pillow.look(file.content())
    for _, x in read(file, channels=channels):
        channels, height, width = x.shape
        return Look(channels, height, width, stored(x.dtype))
    raise UnreadableSample("holds no picture")


def _tiff(file: File, channels: int | None, start: int) -> Pictures:
    data = file.opened()
    try:
        with tifffile.TiffFile(data) as tiff:
            many = len(tiff.pages) > 1
            series = tiff.series[0] if tiff.series else None
            if not many and series is not None and int(np.prod(series.shape)) > tiff.pages[0].size:
                # ImageJ's stacks beyond 4 GB name only the first page
                stack = tifffile.memmap(data).reshape(-1, *tiff.pages[0].shape)
                yield from arrays.rows(stack, len(stack), channels, start)
                return
            for part in range(start, len(tiff.pages)):
                yield (
                    part if many else -1,
                    _page(tiff.pages[part].aspage(), channels),
                )  # OME's are frames, short of tags
    except tifffile.TiffFileError as e:
        raise UnreadableSample(f"not a TIFF file: {e}" if file.content() else "the file is empty") from None
    except ValueError as e:
        if "imagecodecs" not in str(e):
            raise
        yield from pillow.pages(file.content(), start)  # LZW, JPEG: libtiff knows them


def _page(page: Any, channels: int | None) -> np.ndarray:
    bounded(page.imagelength * page.imagewidth)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        x: np.ndarray = page.colormap[:, page.asarray()]  # (3, H, W) uint16
        return x if (page.colormap % 257).any() else (x // 257).astype(np.uint8)
    if page.photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression != 1:
        raise ValueError("imagecodecs: subsampled colours")  # a JPEG within: Pillow's libtiff reads it
    x = page.asarray()  # (H, W), (H, W, C), or (C, H, W) where the planes are apart
    x = x[None] if x.ndim == 2 else channels_first(x, page.samplesperpixel)
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and x.dtype.kind in "bu":
        x = ~x
    alpha = (
        page.extrasamples and page.extrasamples[0] in (1, 2) and x.dtype.kind == "u" and x.dtype.itemsize < 3
    )
    return over_white(x) if alpha and len(x) in (2, 4) else x


def _fits(file: File, channels: int | None, start: int) -> Pictures:
    try:
        from astropy.io import fits
    except ImportError:
        raise MissingExtra("astropy", "astro", "reading FITS") from None
    warnings.filterwarnings("ignore", "File may have been truncated")  # told below, by the file's name
    # The file is opened here: astropy leaves its own open when it stumbles over it.
    with file.stream() as f, fits.open(f, memmap=False, lazy_load_hdus=False) as hdus:
        planes = [p for hdu in hdus if hdu.is_image and len(hdu.shape) >= 2 for p in _planes(hdu, channels)]
        if not planes:
            raise UnreadableSample("no image in this FITS file")
        for part in range(start, len(planes)):
            try:
                x = planes[part]()
            except ValueError as e:
                raise UnreadableSample(f"the image is cut short or damaged: {e}") from None
            yield part if len(planes) > 1 else -1, x


def _planes(hdu: Any, channels: int | None) -> list[Callable[[], np.ndarray]]:
    """What reads each picture of an image extension: it, the planes of its cube, or it as channels."""
    bounded(hdu.shape[-1] * hdu.shape[-2])
    if len(hdu.shape) == 2:
        return [lambda: _upright(hdu.data)[None]]
    if len(hdu.shape) == 3 and channels is not None and channels > 1 and hdu.shape[0] == channels:
        return [lambda: _upright(hdu.data)]
    return [lambda i=i: _upright(hdu.section[i])[None] for i in np.ndindex(hdu.shape[:-2])]  # type: ignore[misc]


def _upright(x: Any) -> np.ndarray:  # (..., H, W)
    """FITS counts rows from the bottom (Pence et al. 2010, section 4.4), everything here from the top."""
    return np.asarray(x)[..., ::-1, :]


def _in_memory(file: File, channels: int | None, start: int) -> Pictures:
    assert file.array is not None
    return arrays.rows(file.array, len(file.array), channels, start)


STACKS: dict[str, Callable[[File, int | None, int], Pictures]] = {
    **dict.fromkeys((".tif", ".tiff"), _tiff),
    **dict.fromkeys((".fits", ".fit", ".fts", ".fits.gz", ".fz"), _fits),
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".he5"), arrays.hdf5),
    ".array": _in_memory,
    ".npy": arrays.npy,
    ".npz": arrays.npz,
}
HDF5 = (".h5", ".hdf5", ".hdf", ".he5")
PLAIN = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
KINDS = (
    *PLAIN,
    ".tif",
    ".tiff",
    ".fits",
    ".fit",
    ".fts",
    ".fits.gz",
    ".npy",
    ".npz",
)  # looked for in folders
