"""Boxes: pictures in which the place of things is known, read from COCO, YOLO, Pascal VOC or a table.

Legend: n pictures, b boxes of one picture, each x0, y0, x1, y1 in pixels of the picture as `batch` gives it,
B batch, C channels, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from ..errors import DataError
from ._base import Json, Skipped, Source, Views
from .images import Images

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
