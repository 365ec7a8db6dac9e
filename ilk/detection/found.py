"""What was found in many pictures: as a table, drawn, cut out.

Legend: n pictures, m things, C channels, S pixels a side of a cut-out.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from .. import files
from ..encoders.detector import Detector
from ..errors import DataError
from ..source._reading.prepare import Form, prepare
from ..source._scale import find_range
from ..source.boxes import Boxed
from ..source.images import Images
from ..things.found import Found, part_id
from ..things.measure import Measure, measure
from ..view.boxes import draw
from .pictures import filled, pictures

MARGIN = 0.15  # of its longer side: what is seen of a thing's surroundings in its cut-out
SIZE = 64
PARENT = "parent"  # the column with the picture that a thing was cut out of


@dataclass(frozen=True)
class Detections:
    """Boxes in pixels of the pictures as they lie, the surest first."""

    ids: Sequence[str]  # of n pictures
    found: Sequence[Found]
    classes: tuple[str, ...]
    data: Any  # where the pictures are
    detector: Detector | None = None  # that found them
    reading: dict[str, Any] | None = None  # of the pictures that it learnt from

    def __len__(self) -> int:
        """Things, of all pictures."""
        return sum(map(len, self.found))

    def table(self) -> pa.Table:
        """One row a thing: picture, x0, y0, x1, y1, score, class."""
        names = np.repeat(np.arange(len(self.ids)), [len(f) for f in self.found])
        columns: dict[str, Any] = {"picture": pa.array([self.ids[int(i)] for i in names], pa.string())}
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(f.boxes for f in self.found)])
        columns |= {name: boxes[:, i].round(1) for i, name in enumerate(("x0", "y0", "x1", "y1"))}
        columns["score"] = np.concatenate([np.zeros(0, np.float32), *(f.scores for f in self.found)])
        kinds = np.concatenate([np.zeros(0, np.int64), *(f.classes for f in self.found)])
        columns["class"] = pa.array([self.classes[k] for k in kinds], pa.string())
        return pa.table(columns)

    def sentence(self) -> str:
        empty = sum(not len(f) for f in self.found)
        return f"{len(self):,} things in {len(self.ids):,} pictures; in {empty:,} of them none."

    def write(self, path: str | os.PathLike[str]) -> None:
        """A CSV file that `ilk.boxes` reads as labels, pictures without a thing too."""
        empty = [name for name, f in zip(self.ids, self.found) if not len(f)]
        nothing = pa.table({"picture": pa.array(empty, pa.string())})
        rows = pa.concat_tables([self.table(), nothing], promote_options="default")
        text = io.BytesIO()
        pa.csv.write_csv(rows, text)
        files.write(Path(path), text.getvalue())

    def judge(self, truth: Boxed) -> Measure:
        """Held against what is known of the same pictures; a class without its like in the truth is wrong."""
        known = [truth.classes.index(c) if c in truth.classes else len(truth.classes) for c in self.classes]
        names = [*truth.classes, *(["other"] if len(truth.classes) in known else [])]
        told = [Found(f.boxes, f.scores, np.array(known)[f.classes]) for f in self.found]
        return measure(told, truth.boxes(np.arange(len(truth))), names)

    def draw(self, folder: str | os.PathLike[str]) -> list[Path]:
        """A PNG of each picture with its boxes, into a folder."""
        to = Path(folder)
        to.mkdir(parents=True, exist_ok=True)
        out = []
        for name, field, f in self._again():
            told = [f"{self.classes[k]} {s:.2f}" for k, s in zip(f.classes, f.scores)]
            out.append(to / f"{name.replace('/', '-')}.png")
            files.write(out[-1], draw(field, f.boxes, told))
        return out

    def cut_out(self, *, size: int = SIZE, reading: dict[str, Any] | None = None) -> Images:
        """Each thing as a picture of its own (m, C, S, S), with where it was as columns.

        The id of a thing is that of its picture and its box. `reading`: of what a network learnt from, to be
        read alike.
        """
        wish = reading or {}
        if not len(self):
            raise DataError("nothing was found", "Ask for less sure ones too: a lower `least`.")
        crops: list[np.ndarray] = []
        names: list[str] = []
        form: Form | None = None
        for name, field, f in self._again():
            if form is None:
                own = _kept(field[:, 0:1, 0:1].dtype)
                form = Form(size, wish.get("channels", field.shape[0]), wish.get("dtype", own))
            crops += [prepare(_square(field, box), form) for box in f.boxes]
            names += [part_id(name, box) for box in f.boxes]
        if len(crops) != len(self):
            raise DataError(
                f"{len(self) - len(crops):,} things lie in pictures that are gone", "Find them again."
            )
        pixels = np.stack(crops)
        told = {k: v for k, v in wish.items() if k in ("range", "stretch")}
        if pixels.dtype.kind == "f" and "range" not in told:
            told["range"] = find_range(pixels, np.arange(len(pixels)))
        where = os.path.abspath(self.data) if isinstance(self.data, str | os.PathLike) else None
        about = self.table().rename_columns({"picture": PARENT})  # the space keeps a picture of its own
        return Images(pixels, names, columns=about, reading=told, found_at=where)

    def _again(self) -> Iterator[tuple[str, Any, Found]]:
        """Id, array or field, and what was found, of each picture that was looked at."""
        known = dict(zip(self.ids, self.found))
        with_things = (one for one in pictures(self.data) if one[0] in known)
        yield from ((name, field, known[name]) for name, field in with_things)


def _kept(dtype: np.dtype) -> str:
    return "uint8" if dtype == np.uint8 else "uint16" if dtype == np.uint16 else "float32"


def _square(field: Any, box: np.ndarray) -> np.ndarray:
    """The square around a box, with a margin; zeros beyond the picture."""
    _, high, wide = field.shape
    side = max(2, round(float(max(box[2] - box[0], box[3] - box[1])) * (1 + 2 * MARGIN)))
    left, top = (round(float(a + b) / 2 - side / 2) for a, b in ((box[0], box[2]), (box[1], box[3])))
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, wide), min(top + side, high)
    piece = filled(np.asarray(field[:, y0:y1, x0:x1]))
    out = np.zeros((len(piece), side, side), piece.dtype.newbyteorder("="))
    out[:, y0 - top : y1 - top, x0 - left : x1 - left] = piece
    return out
