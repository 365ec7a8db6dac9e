"""Images: any folder, list, table, array or archive of pictures -> (n, C, H, W), decoded once.

Legend: n images, B batch, C channels, H x W pixels.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor

from ..console import say
from ..errors import DataError
from . import _scale
from ._base import Json, Skipped, Source, Views, left_out, named
from ._reading import array
from ._reading.file import File, Item, kind_of, kind_of_bytes
from ._reading.form import Wish, choose_form, look_ahead
from ._reading.gather import Change, Gathered, Memory, gather
from ._reading.listing import Listing, listing
from ._reading.pillow import of_image
from ._reading.tables import beside
from .cache import opened, place
from .formats import KINDS, STACKS
from .views import Views as RandomViews

SMALL = 2**26  # bytes: a single file up to this is decoded again rather than kept in the cache
FACE = 64  # the longer side of a thumbnail


class Images(Source):
    """Pictures of one size, whole numbers scaled to [0, 1], floats as `reading` says (range, stretch)."""

    def __init__(
        self,
        pixels: np.ndarray,  # (n, C, H, W) uint8, uint16 or float32; may be memory-mapped
        ids: Sequence[str] | pa.StringArray,
        *,
        columns: pa.Table | None = None,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
        rows: np.ndarray | None = None,  # of `pixels`: which they are, in order; None: all
        found_at: str | None = None,  # the folder, file or glob that they were read from
    ) -> None:
        self._pixels = pixels
        self._rows = rows
        self.ids = ids
        self.columns = columns
        self.skipped = skipped
        self.found_at = found_at
        self._reading = dict(reading or {})

    @property
    def pixels(self) -> np.ndarray:
        """All of them, (n, C, H, W) as stored: memory-mapped where possible, else a copy."""
        return self._pixels if self._rows is None else self._pixels[self._rows]

    @property
    def reading(self) -> dict[str, Json]:
        own: dict[str, Json] = {"dtype": self._pixels.dtype.name}
        if self._pixels.dtype.kind == "f":
            own["range"] = [0.0, 1.0]  # as they are; a query's own range must not be sought
        _, channels, _, size = self._pixels.shape
        return {"reader": "images", "size": size, "channels": channels, **own, **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        _, channels, _, size = self._pixels.shape
        removed = self._reading.get("normalise")
        if isinstance(removed, dict) and removed.get("rotation", True):
            augment = "aligned"  # views that turn by any angle would bring back what was taken out
        else:
            augment = "natural" if channels == 3 else "astro" if self._pixels.dtype.kind == "f" else "digits"
        return {"channels": channels, "size": size, "augment": augment}

    def __len__(self) -> int:
        return len(self._pixels if self._rows is None else self._rows)

    def __getitem__(self, i: int) -> Tensor:  # (C, H, W)
        return self.batch(np.array([i]))[0]

    def id(self, i: int) -> str:
        return str(self.ids[i])

    def batch(self, rows: np.ndarray) -> Tensor:  # (B, C, H, W) float32
        x = self._pixels[rows if self._rows is None else self._rows[rows]]
        return torch.from_numpy(_scale.scaled(x, self._reading))

    def metadata(self) -> pa.Table | None:
        return self.columns

    def views(self) -> Views:
        return RandomViews(str(self.traits["augment"]))

    def take(self, rows: np.ndarray) -> Images:
        """Those at `rows`, in that order."""
        rows = np.asarray(rows)
        ids = self.ids.take(pa.array(rows)) if isinstance(self.ids, pa.Array) else [self.ids[i] for i in rows]
        columns = None if self.columns is None else self.columns.take(pa.array(rows))
        chosen = rows if self._rows is None else self._rows[rows]
        return Images(
            self._pixels,
            ids,
            columns=columns,
            reading=self._reading,
            skipped=self.skipped,
            rows=chosen,
            found_at=self.found_at,
        )

    def picture(self, i: int) -> bytes:
        """A PNG of at most 64 pixels a side; float and 16-bit data between robust ends."""
        stored = self._pixels[i if self._rows is None else self._rows[i]]
        exact = stored.dtype == np.uint8 and not self._reading.get("range")
        shown = 3 if len(stored) > 2 else 1
        if exact and not self._reading.get("stretch"):
            grey = stored[:shown]
        else:
            grey = _scale.to_bytes(self[i].numpy()[:shown], exact=exact)
        face = Image.fromarray(np.moveaxis(grey, 0, -1) if len(grey) == 3 else grey[0])
        face.thumbnail((FACE, FACE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        face.save(out, "PNG", compress_level=1)  # the usual 6 takes longer than most encoders, for a tenth
        return out.getvalue()


def images(
    data: Any,
    *,
    size: int | None = None,
    channels: int | None = None,
    dtype: str | None = None,
    range: Sequence[float] | None = None,  # noqa: A002 (kept in `reading` by this name)
    stretch: str = "linear",
    fill: float | str | None = None,
    whole: bool = False,
    normalise: dict[str, Any] | None = None,
    strict: bool = False,
    cache: bool = True,
) -> Images:
    """Pictures from a folder, list, glob, table, array, archive or single file, decoded once and in parallel.

    size       pixels a side (default: the pictures' own where they agree and it is at most 256, else 64); the
               middle square is kept and resampled
    channels   default: what the first pictures have; grey becomes RGB among RGB; alpha is laid over white
    dtype      uint8, uint16 or float32: how pixels are kept (default: what the first pictures have)
    range      the values shown as 0 and 1 (default: all of 8 or 16 bits; of floats, robust percentiles)
    stretch    linear, sqrt, asinh or log, after the range
    fill       what NaN and infinite pixels become: a number, or median (of the picture's others); without it,
               pictures that have any are left out
    whole      all of each picture, with zeros beside it where it is no square, instead of its middle square
    normalise  options of `ilk.source.normalise.normalise` ({}: its own); what it removes becomes columns
    strict     stop at the first picture that cannot be read instead of leaving it out
    cache      keep decoded pictures for the next time (`ILK_CACHE`, or the user's cache folder)
    """
    _scale.check(range, stretch)
    wish = Wish(size, channels, dtype, fill, whole)
    found, stack = _found(data, channels)
    seen, found.items = look_ahead(found.items, wish)
    form = choose_form(seen, wish)
    if stack is not None and normalise is None and array.has_form(stack, form):
        pixels, extra = stack, None
        out = array.as_it_is(stack, form, file=found.single, strict=strict)
    else:
        kept = form if normalise is None else replace(form, dtype="float32")
        options: dict[str, Any] = {"channels": channels, "from": form.dtype, "normalise": normalise}
        options |= {} if fill is None else {"fill": fill}
        options |= {"whole": True} if whole else {}
        path = place(found.root, kept, options) if cache and _worth_keeping(data) else None
        with nullcontext(Memory(kept)) if path is None else opened(path, kept) as store:
            change = None if normalise is None else _change(normalise)
            out = gather(found, form, store, channels=channels, change=change, strict=strict)
            store.commit()
            pixels, extra = store.pixels(), store.columns()
    rows = np.array(out.rows, np.int64)
    if not len(rows):
        raise _nothing(out.skipped, data)
    _report(out)
    if range is None and pixels.dtype.kind == "f":
        range = _scale.find_range(pixels, rows)  # noqa: A001
    reading: dict[str, Json] = {"dtype": form.dtype}
    reading |= {} if range is None else {"range": [float(v) for v in range]}
    reading |= {} if stretch == "linear" else {"stretch": stretch}
    reading |= {} if fill is None else {"fill": fill}
    reading |= {"whole": True} if whole else {}
    reading |= {} if normalise is None else {"normalise": normalise}
    return Images(
        pixels,
        pa.concat_arrays(out.ids),
        columns=_columns(found.columns(), extra, out),
        reading=reading,
        skipped=out.skipped,
        rows=None if len(rows) == len(pixels) and (rows == np.arange(len(rows))).all() else rows,
        found_at=os.fspath(data) if isinstance(data, str | os.PathLike) else None,
    )


def _found(data: Any, channels: int | None) -> tuple[Listing, np.ndarray | None]:
    """What to decode; and the array itself where it lies in memory or is an NPY file."""
    if isinstance(data, Tensor):
        data = (data.float() if data.dtype == torch.bfloat16 else data).detach().cpu().numpy()
    if isinstance(data, Image.Image):
        return array.listed(of_image(data)[None]), None
    if isinstance(data, np.ndarray):
        stack = array.as_stack(data, channels)
        return array.listed(stack), stack
    if isinstance(data, bytes | bytearray | memoryview):
        item = Item("0", "0", File("", kind_of_bytes(bytes(data[:16])), data=bytes(data)))
        return Listing(iter([item]), ""), None
    found = listing(data)
    return found, array.mapped(data, channels) if isinstance(data, str | os.PathLike) else None


def _worth_keeping(data: Any) -> bool:
    """Not what is in memory, nor a single file that is quickly decoded again."""
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        return not (
            os.path.isfile(path) and kind_of(path) in (*KINDS, *STACKS) and os.path.getsize(path) < SMALL
        )
    return isinstance(data, Sequence) and not isinstance(data, bytes)


def _change(options: dict[str, Any]) -> Change:
    from .normalise import normalise

    def change(block: np.ndarray) -> tuple[np.ndarray, pa.Table]:
        return normalise(_scale.scaled(block, {}), **options)

    return change


def _columns(table: pa.Table | None, extra: pa.Table | None, out: Gathered) -> pa.Table | None:
    """Metadata from beside the pictures, and what normalising took out of them; one row a sample."""
    whole = -1 in out.origins  # a file's array that turned out to be one picture: it has no rows
    known = None if table is None or whole else table.take(pa.array(out.origins, pa.int64()))
    removed = None if extra is None else extra.take(pa.array(out.rows, pa.int64()))
    return beside(known, removed, "removed_")


def _report(out: Gathered) -> None:
    if out.skipped:
        say(left_out(out.skipped, f"of {len(out.rows) + len(out.skipped):,} pictures"))


def _nothing(skipped: Sequence[Skipped], data: Any) -> DataError:
    what = str(data) if isinstance(data, str | os.PathLike) else "what was given"
    if not skipped:
        return DataError(f"no pictures in {what}", f"Looked for {', '.join(KINDS)}.")
    alone = len(skipped) == 1 and os.path.basename(what) == skipped[0].id
    told = f"none of {len(skipped):,} pictures in {what} can be read: {named(skipped)}"
    return DataError(
        f"{what} cannot be read: {skipped[0].why}" if alone else told,
        "Expected PNG, JPEG, TIFF, BMP, GIF, WebP, FITS, HDF5, NPY or NPZ of whole or finite numbers.",
    )
