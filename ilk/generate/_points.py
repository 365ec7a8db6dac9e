"""What is known of the vectors that a decoder takes: by the rows of a space, or by what a run has learnt.

Legend: n rows, D dimensions.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from PIL import Image
from torch import Tensor

from .. import objectives, saved
from ..analysis.probing import values_of
from ..encoders import Encoder, embed
from ..errors import DataError, FilterError, OptionError, UnknownName
from ..source import Json, Source, read
from ..space import Space
from ..training import frozen
from ._gaussian import Gaussian

Point: TypeAlias = str | os.PathLike[str] | np.ndarray


@dataclass(frozen=True)
class Known:
    name: str
    encoder: Encoder
    reading: dict[str, Json]
    space: Space | None
    prior: bool  # any standard normal vector decodes to something likely

    @cached_property
    def all(self) -> Gaussian:
        if self.prior:
            return Gaussian.standard(self.encoder.dim)
        if len(self._space) < 2:
            raise DataError(f"{self.name} has {len(self._space)} rows", "A Gaussian needs 2 or more.")
        return Gaussian.of(self._space.vectors())

    def gaussian(self, of: str | None) -> Gaussian:
        if of is None:
            return self.all
        rows = self._space.matching(of)
        if len(rows) < 2:
            raise DataError(f"{len(rows)} rows are such that {of}", "A Gaussian needs 2 or more.")
        return Gaussian.of(self._space.vectors()[rows])

    def vector(self, point: Point) -> np.ndarray:
        """(D,) float64 of an id, a file, a condition's rows on average, or the vector itself."""
        if isinstance(point, np.ndarray):
            if point.shape != (self.encoder.dim,) or not np.isfinite(point).all():
                raise OptionError(
                    f"a vector of shape {point.shape}", f"Give {self.encoder.dim} finite numbers."
                )
            return np.asarray(point, np.float64)
        name = os.fspath(point)
        row = -1 if self.space is None else pc.index(self.space.id_array(), name).as_py()
        if row >= 0:
            return np.asarray(self._space.vectors()[row], np.float64)
        if Path(name).is_file():
            return np.asarray(embed(self.encoder, self._one(name))[0], np.float64)
        return self._mean(name)

    def pairs(self, data: Source | Sequence[Point]) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Pictures (n, C, H, W), their vectors (n, D), and what they are called."""
        if isinstance(data, Source):
            pixels = np.asarray(data.batch(np.arange(len(data))))
            return pixels, embed(self.encoder, data), [data.id(i) for i in range(len(data))]
        if not data:
            raise OptionError("no pictures to give back", "Give ids of the space, files, or a source.")
        pixels = np.concatenate([self._picture(p) for p in data])
        return pixels, np.stack([self.vector(p) for p in data]), [named(p) for p in data]

    def amounts(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Vectors (n, D) of the rows that have a number in that column, and the numbers (n,)."""
        values = self.numbers(column)
        known = np.flatnonzero(np.isfinite(values))
        if len(known) < 2 or np.ptp(values[known]) == 0:
            raise DataError(f"{column} does not vary", "Expected different numbers in two rows or more.")
        return np.asarray(self._space.vectors()[known]), values[known]

    def numbers(self, column: str) -> np.ndarray:
        """(n,) of all rows, NaN where there is none."""
        try:
            return np.asarray(pc.cast(values_of(self._space, column), pa.float64()).to_numpy())
        except pa.ArrowException as e:
            do = f"Walk between groups instead: from \"{column} = '...'\" to another (ilk interpolate)."
            raise DataError(f"{column} holds no numbers", do) from e

    @property
    def _space(self) -> Space:
        if self.space is None:
            raise DataError(
                f"{self.name} keeps no vectors of samples", "Give a space (NAME.space) that it made."
            )
        return self.space

    def _one(self, file: str) -> Source:
        source = read(self.reading, Path(file))
        if len(source) != 1:
            raise DataError(f"{file} holds {len(source):,} pictures", "Give the file of one.")
        return source

    def _picture(self, point: Point) -> np.ndarray:  # (1, C, H, W)
        if isinstance(point, np.ndarray):
            raise OptionError("a vector has no picture to compare with", "Give ids, files, or a source.")
        name, found = os.fspath(point), None
        if self.space is not None and pc.index(self.space.id_array(), name).as_py() >= 0:
            found = thumbnail(self.space, name)
            if found is None:
                raise DataError(f"the space keeps no picture of {name} as it was", "Give its file.")
            return found.numpy()
        if not Path(name).is_file():
            raise self._unknown(name)
        return np.asarray(self._one(name).batch(np.arange(1)))

    def _mean(self, where: str) -> np.ndarray:
        if self.space is None:
            raise self._unknown(where)
        try:
            rows = self.space.matching(where)
        except FilterError as e:
            if any(sign in where for sign in "=<>"):  # it is meant as one
                raise
            raise self._unknown(where) from e
        if not len(rows):
            raise DataError(f"no row is such that {where}", "Give a condition that holds for some.")
        return np.asarray(self.space.vectors()[rows].mean(0, dtype=np.float64))

    def _unknown(self, name: str) -> UnknownName:
        ids = [] if self.space is None else self.space.id_array().slice(0, 5).to_pylist()
        others = ', or a condition such as "digit = 3"' if self.space is not None else ""
        return UnknownName("row or file", name, map(str, ids), f"Give an id, a picture's file{others}.")


def thumbnail(space: Space, id_: str) -> Tensor | None:  # (1, C, H, W)
    """What the space keeps of a picture, as its encoder takes it; None where it keeps too little."""
    (png,) = space.pictures([id_])
    channels, size = space.reading.get("channels"), space.reading.get("size")
    if png is None or not isinstance(channels, int) or channels not in (1, 3) or not isinstance(size, int):
        return None
    face = Image.open(io.BytesIO(png)).convert("L" if channels == 1 else "RGB").resize((size, size))
    x = torch.from_numpy(np.array(face, np.float32) / 255)  # (H, W) or (H, W, 3)
    return x.view(size, size, channels).permute(2, 0, 1)[None].contiguous()


def learnt(folder: Path) -> Known:
    """Of a space, or of one objective's folder in a run, with the space beside that run if it made it."""
    if (folder / "space.json").exists():
        return of_space(Space.open(folder))
    encoder: Encoder = saved.load(folder, Encoder)  # type: ignore[type-abstract]
    asked: dict[str, Any] = frozen.asked(folder) or {}
    objective = str(asked.get("objective", {}).get("class"))
    prior = objective in objectives.names() and objectives.find(objective).prior
    beside, space = folder.parent.with_suffix(".space"), None
    if folder.parent.suffix == ".run" and (beside / "space.json").exists():
        made = Space.open(beside)
        space = made if made.fingerprint == saved.fingerprint(encoder) else None
    return Known(folder.name, encoder, asked.get("source", {}).get("reading", {}), space, prior)


def of_space(space: Space) -> Known:
    return Known(space.path.name, space.encoder, space.reading, space, prior=False)


def named(point: Point) -> str:
    """A point in words."""
    return "a vector" if isinstance(point, np.ndarray) else os.fspath(point)
