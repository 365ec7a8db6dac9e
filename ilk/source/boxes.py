"""Boxes: pictures in which the place of things is known, read from COCO, YOLO, Pascal VOC or a table.

Legend: n pictures, b boxes of one picture, each x0, y0, x1, y1 in pixels of the picture as `batch` gives it,
B batch, C channels, S pixels a side.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from ..console import say
from ..errors import DataError, UnreadableSample
from . import formats
from ._base import Json, Skipped, Source, Views, left_out
from ._boxes.finding import find
from ._boxes.labels import THING
from ._boxes.placing import Shape, place
from ._reading.listing import listing
from .images import Images, images

OWN, LARGER = 256, 512  # pixels a side: up to here pictures of one size keep it; else this
Boxes = tuple[np.ndarray, np.ndarray]  # (b, 4) float32, (b,) int64: the class of each


class Boxed(Source):
    """Pictures, and what is where in each; more of the same is read as plain pictures are."""

    def __init__(
        self,
        pictures: Images,
        boxes: Sequence[np.ndarray],  # n of (b, 4)
        labels: Sequence[np.ndarray],  # n of (b,): places in `classes`
        classes: Sequence[str] = ("thing",),
        *,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        if not len(pictures) == len(boxes) == len(labels):
            raise DataError(
                f"{len(pictures):,} pictures, boxes for {len(boxes):,} and classes for {len(labels):,}",
                "Give (b, 4) and (b,) for each picture; b may be 0.",
            )
        self.pictures, self.classes, self.skipped = pictures, tuple(classes), skipped
        ends = np.cumsum([0, *(len(b) for b in boxes)])  # one array, not a million small ones
        self._flat = np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float32)
        self._labels = np.concatenate([np.zeros(0), *labels]).astype(np.int64)
        self._begin, self._end = ends[:-1], ends[1:]
        if len(self._labels) != len(self._flat):
            raise DataError(
                f"{len(self._flat):,} boxes and {len(self._labels):,} classes", "Give one for each."
            )
        if len(self._labels) and not 0 <= self._labels.min() <= self._labels.max() < len(self.classes):
            raise DataError(
                f"classes from {self._labels.min()} to {self._labels.max()}; there are {len(self.classes)}",
                "A class is a place in `classes`, counted from 0.",
            )

    @property
    def reading(self) -> dict[str, Json]:
        return self.pictures.reading

    @property
    def traits(self) -> dict[str, Any]:
        return {**self.pictures.traits, "classes": self.classes}

    def boxes(self, rows: np.ndarray) -> list[Boxes]:
        """Of each picture at `rows`: its boxes (b, 4) and their classes (b,)."""
        parts = [slice(self._begin[r], self._end[r]) for r in rows]
        return [(self._flat[p], self._labels[p]) for p in parts]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, i: int) -> Tensor:  # (C, S, S)
        return self.pictures[i]

    def id(self, i: int) -> str:
        return self.pictures.id(i)

    def batch(self, rows: np.ndarray) -> Tensor:  # (B, C, S, S)
        return self.pictures.batch(rows)

    def metadata(self) -> pa.Table | None:
        return self.pictures.metadata()

    def views(self) -> Views:
        return self.pictures.views()

    def picture(self, i: int) -> bytes:
        return self.pictures.picture(i)

    def take(self, rows: np.ndarray) -> Boxed:
        """Those at `rows`, in that order."""
        rows = np.asarray(rows)
        found = self.boxes(rows)
        pictures = self.pictures.take(rows)
        return Boxed(
            pictures, [b for b, _ in found], [c for _, c in found], self.classes, skipped=self.skipped
        )


def boxes(
    data: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    size: int | None = None,
    classes: Sequence[str] | None = None,
    strict: bool = False,
    **options: Any,
) -> Boxed:
    """Pictures with boxes: a folder with COCO's JSON, a table, or a YOLO or Pascal VOC file for each picture.

    data     the folder of the pictures, or the JSON or table in it
    labels   where the labels are (default: among the pictures, in `annotations` or in `labels`)
    size     pixels a side, all of each picture within (default: their own up to 256, else 512)
    classes  those to keep, in this order (default: all; "thing" where the labels name none)
    strict   stop at the first box or picture that is broken instead of leaving it out
    options  more of `ilk.images`: channels, range, stretch, ...

    Broken boxes (no numbers, no width or height, outside of their picture) and labels without a picture are
    left out and told in `skipped`.
    """
    folder, held = find(data, labels)
    shapes = _shapes(folder)
    if size is None:
        alike = len({*shapes.values()}) == 1 and max(next(iter(shapes.values()))) <= OWN
        size = None if alike else LARGER
    pictures = images(folder, size=size, whole=True, strict=strict, **options)
    ids = [pictures.id(i) for i in range(len(pictures))]
    sides = [shapes.get(i) or shapes[i.rpartition("#")[0]] for i in ids]  # a stack's pictures are alike
    kinds = held.kinds() if classes is None else list(classes)
    found = place(held, ids, sides, pictures.traits["size"], kinds)
    rows = np.flatnonzero(found.named)
    if not len(rows):
        raise DataError(
            f"none of {len(ids):,} pictures in {folder} is named in the labels",
            f"The first picture is {ids[0]!r}; the labels name {', '.join(map(repr, held.pictures[:3]))}.",
        )
    if strict and found.skipped:
        bad = found.skipped[0]
        raise UnreadableSample(f"{bad.id}: {bad.why}", "Repair or remove it; without strict it is left out.")
    if found.skipped:
        say(left_out(found.skipped, "boxes or labels"))
    for told in found.told():
        say(told)
    return Boxed(
        pictures if len(rows) == len(pictures) else pictures.take(rows),
        [np.array(found.boxes[r], np.float32).reshape(-1, 4) for r in rows],
        [np.array(found.kinds[r], np.int64) for r in rows],
        kinds or (THING,),
        skipped=[*pictures.skipped, *found.skipped],
    )


def _shapes(folder: str | os.PathLike[str]) -> dict[str, Shape]:
    """Width and height of each picture as stored, by id; without those that cannot be read."""
    found = {}
    for item in listing(folder).items:
        try:
            look = formats.look(item.file)
        except Exception:  # told by the reader of pictures, when it is its turn
            continue
        found[item.id] = look.width, look.height
    return found
