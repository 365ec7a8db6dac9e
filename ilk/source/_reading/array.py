"""Pictures in memory: used where they lie if they have the form already, else prepared as files are."""

from __future__ import annotations

import os
from array import array

import numpy as np
import pyarrow as pa

from ...errors import DataError, UnreadableSample
from .._base import Skipped
from .arrays import BROKEN
from .file import File, Item
from .gather import Gathered
from .listing import Listing
from .prepare import Form, channels_first, is_stack, prepare

ROWS = 256  # looked at together
DIGITS = 6  # of an id, at least: more pictures in the next array must not rename these


def as_stack(x: np.ndarray, channels: int | None) -> np.ndarray:
    """(H, W), one picture with channels, (n, H, W), (n, H, W, C) or (n, C, H, W) -> (n, C, H, W), a view."""
    x = x if is_stack(x.shape, channels, bare=True) else x[None]
    x = x[:, None] if x.ndim == 3 else channels_first(x, channels)
    if not x.size:
        raise DataError(f"an array of shape {x.shape}", "There is no picture in it.")
    if x.dtype.kind not in "buif":
        raise DataError(f"an array of {x.dtype}", "Expected numbers: 8 or 16 bits, or floating-point.")
    return x


def mapped(path: str | os.PathLike[str], channels: int | None) -> np.ndarray | None:
    """The stack in an NPY file, memory-mapped; None for anything else."""
    if not (os.path.isfile(path) and os.fspath(path).lower().endswith(".npy")):
        return None
    try:
        x = np.load(path, mmap_mode="r", allow_pickle=False)
        return as_stack(x, channels) if is_stack(x.shape, channels, bare=False) else None
    except (*BROKEN, DataError):
        return None  # reported as any file that cannot be read


def has_form(x: np.ndarray, form: Form) -> bool:
    filled = form.fill is not None and x.dtype.kind == "f"
    return x.shape[1:] == form.shape and x.dtype == form.dtype and not filled


def listed(x: np.ndarray) -> Listing:
    """The array as a stack that has still to be prepared."""
    item = Item("", "", File("", ".array", array=x), digits=_digits(x))
    return Listing(iter([item]), "")


def as_it_is(x: np.ndarray, form: Form, *, file: str = "", strict: bool) -> Gathered:
    """All pictures of (n, C, S, S) but those with NaN or infinite pixels. `file`: where they come from."""
    out = Gathered()
    for start in range(0, len(x), ROWS):
        block = x[start : start + ROWS]
        finite = np.isfinite(block).all((1, 2, 3)) if x.dtype.kind == "f" else np.ones(len(block), bool)
        for i in np.flatnonzero(~finite):
            name = f"{file}#{start + i}" if file else f"{start + i:0{_digits(x)}d}"
            out.skipped.append(Skipped(name, _complaint(block[i], form)))
            if strict:
                raise UnreadableSample(f"{name}: {out.skipped[0].why}", "Without strict it is left out.")
        out.rows.extend((start + np.flatnonzero(finite)).tolist())
    out.origins = array("q", out.rows)
    names = [f"{file}#{i}" for i in out.rows] if file else [f"{i:0{_digits(x)}d}" for i in out.rows]
    out.ids.append(pa.array(names, pa.string()))
    return out


def _complaint(picture: np.ndarray, form: Form) -> str:
    try:
        prepare(picture, form)
    except UnreadableSample as e:
        return e.what
    raise AssertionError("a picture with pixels that are not finite was accepted")


def _digits(x: np.ndarray) -> int:
    return max(DIGITS, len(str(len(x) - 1)))
