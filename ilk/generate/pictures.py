"""Pictures from what a run has learnt, whatever kind of model that is.

Each file named in WAYS knows one kind of model. It defines

    def maker(folder: Path) -> Maker | None

`folder` holds one model: the folder of an objective in a run (encoder.json, decoder.json, recipe.json, ...)
or a space. None: the model there is of another kind, which should be seen without loading weights. A `Maker`
is a function of keywords only, each with a default: `n` (how many), `seed`, and further ones of its own
(`prompt`, `image`, `mask`, `steps`, ...). It gives `Pictures`; an `IlkError` says what cannot be.

`paint` calls it with the keywords that it was given and refuses those that the maker does not take. So does
`ilk generate`: an option of it (ilk/cli/generate.py) that is None was not given; what is given is handed on
under its own name. A new kind of model adds its file to WAYS, and options that are new to the verb.

Legend: n pictures, C channels, H x W pixels, D dimensions.
"""

from __future__ import annotations

import importlib
import inspect
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .. import files
from ..errors import OptionError, UnknownName
from ._folders import folders, nothing, several
from .sheet import png, sheet

WAYS = ("latent", "drawing")  # asked in this order
DOES = "makes pictures"


@dataclass(frozen=True)
class Pictures:
    """What was made, on the scale of the data that were learnt from: 0 is black, 1 is white."""

    pixels: np.ndarray  # (n, C, H, W) float32
    captions: Sequence[str] = ()  # below each
    across: int | None = None  # pictures in a row of the sheet; None: as square as may be
    title: str = ""
    vectors: np.ndarray | None = None  # (n, D) that they were decoded from

    def __len__(self) -> int:
        return len(self.pixels)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """A .png: all on one sheet. A .npy: the numbers. Else a folder: the sheet, and each alone."""
        path = Path(path)
        if path.suffix.lower() == ".png":
            self._write(path, self.sheet())
        elif path.suffix.lower() == ".npy":
            out = io.BytesIO()
            np.save(out, self.pixels, allow_pickle=False)
            self._write(path, out.getvalue())
        elif path.suffix or path.is_file():
            raise OptionError(f"pictures cannot be saved as {path.name}", "Name a .png, a .npy, or a folder.")
        else:
            self._write(path / "sheet.png", self.sheet())
            for i, picture in enumerate(self.pixels):
                files.write(path / f"{i:04d}.png", png(picture))
        return path

    def sheet(self) -> bytes:
        return sheet(self.pixels, self.captions, across=self.across, title=self.title)

    def _write(self, path: Path, data: bytes) -> None:
        with files.room(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, data)


Maker: TypeAlias = Callable[..., Pictures]


def paint(run: str | os.PathLike[str], *, n: int = 16, seed: int = 0, **options: Any) -> Pictures:
    """`n` new pictures by the model of `run`: a run, one objective's folder in it, or a space.

    `options` are those of the kind of model: see `ilk generate` in docs/generate.md.
    """
    make = found(run)
    if make is None:
        raise nothing(run, DOES)
    if n < 1:
        raise OptionError(f"n is {n}", "Give 1 or more.")
    known = takes(make)
    for name in options:
        if name not in known:
            raise UnknownName("option of this model", name, known)
    return make(n=n, seed=seed, **options)


def found(run: str | os.PathLike[str]) -> Maker | None:
    """What makes pictures there; None where nothing does."""
    makers = {folder: make for folder in folders(run) if (make := _maker(folder)) is not None}
    if len(makers) > 1:
        raise several(run, "make pictures", list(makers))
    return next(iter(makers.values()), None)


def takes(make: Maker) -> list[str]:
    """The options that it has beside `n` and `seed`."""
    return [name for name in inspect.signature(make).parameters if name not in ("n", "seed")]


def _maker(folder: Path) -> Maker | None:
    for way in WAYS:
        make: Maker | None = importlib.import_module(f".{way}", __package__).maker(folder)
        if make is not None:
            return make
    return None
