"""The pictures as they were given, in full, where the data can be read again.

A row's id says which file it was, and which part of it. Only files that the listing of the data names are
opened: no id, and no request, is used as a path.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

import numpy as np

from ... import record
from ...console import say
from ...errors import FormatError, IlkError
from ...source import formats
from ...source._reading.file import File
from ...source._reading.listing import listing
from ...things.found import parent


class Originals:
    """`data`: what the space was filled from; None: the pictures' small PNGs must do."""

    def __init__(self, data: str | None) -> None:
        self.data = data

    @cached_property
    def files(self) -> dict[str, File]:
        if self.data is None:
            return {}
        try:
            # Pictures within a table are left out: all of them would be held in memory.
            return {i.id: i.file for i in listing(self.data).items if not i.why and i.file.data is None}
        except (IlkError, OSError) as e:
            say(f"the pictures are shown small: {e}")
            return {}

    def picture(self, id_: str) -> np.ndarray | None:
        """(C, H, W) as stored; None where it is not there, or cannot be read any more.

        Of a thing that was found in a picture: that picture.
        """
        within = None if id_ in self.files else parent(id_)
        if within is not None:
            return self.picture(within[0])
        file, part = self._found(id_)
        if file is None:
            return None
        try:
            for _, x in formats.read(file, start=part):
                return x if x.dtype.kind in "buif" and x.size else None
        except Exception as e:  # whatever a decoder chokes on: the small picture is shown instead
            say(f"{id_} is shown small: {e}")
        return None

    def _found(self, id_: str) -> tuple[File | None, int]:
        if id_ in self.files:
            return self.files[id_], 0
        name, _, part = id_.rpartition("#")
        return (self.files.get(name), int(part)) if part.isascii() and part.isdecimal() else (None, 0)


def beside(space: Path, ids: list[str]) -> str | None:
    """The data that lie beside NAME.space as NAME, if `ids`, some of its rows, are among them."""
    folder = space.with_suffix("")
    return str(folder) if _holds(folder, ids) else None


def recorded(run: Path, ids: list[str]) -> str | None:
    """Where `ilk learn` read the data, as it wrote it into NAME.run, if they still lie there."""
    try:
        told = record.data(run)
    except FormatError:
        return None
    if told is None or not os.path.isabs(told):
        return None
    return told if os.path.isfile(told) or _holds(Path(told), ids) else None


def _holds(folder: Path, ids: list[str]) -> bool:
    if not folder.is_dir() or not ids:
        return False
    root = os.path.realpath(folder)
    names = [whole[0] if (whole := parent(i)) else i for i in ids]  # of things found in pictures: these
    paths = [os.path.realpath(os.path.join(root, n.rpartition("#")[0] or n)) for n in names]
    return all(p.startswith(root + os.sep) and os.path.isfile(p) for p in paths)
