"""Texts kept beside memory: their bytes in a file without a name, seen as one Arrow array.

Legend: n samples.
"""

from __future__ import annotations

import mmap
import re
import tempfile
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa

from ...files import room

_LONE = re.compile("[\ud800-\udfff]")


class Store:
    """Takes texts and where they come from; `texts` and `ids` are looked at when all are in."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=1 << 20)  # noqa: SIM115 (as long as its texts)
        self._ends = array("q", [0])
        self._files, self._places, self._numbers = array("i"), array("q"), array("i")
        self.rows = array("q")  # of the metadata; -1: none
        self.names: list[str] = []  # of files
        self.own: list[str | None] = []  # ids that the data bring along, by row of the metadata
        self.repaired = 0

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, text: str, place: int, chunk: int, row: int = -1) -> None:
        """Of the last of `names`: its line `place` (0: all of it), of that the `chunk` (0: all of it)."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = _LONE.sub("\ufffd", text).encode()
            self.repaired += 1
        self._file.write(data)
        self._ends.append(self._ends[-1] + len(data))
        self._files.append(len(self.names) - 1)
        self._places.append(place)
        self._numbers.append(chunk)
        self.rows.append(row)

    def texts(self) -> pa.Array[Any]:
        """(n,) of large_string on the file itself, mapped into memory."""
        with room(Path(tempfile.gettempdir())):
            self._file.flush()
        letters: Any = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self._ends[-1] else b""
        buffers = [None, pa.py_buffer(self._ends), pa.py_buffer(letters)]
        made: pa.Array[Any] = pa.Array.from_buffers(pa.large_string(), len(self), buffers)
        return made

    def close(self) -> None:
        """What is mapped stays."""
        self._file.close()

    def ids(self) -> Ids:
        kept = (self._files, self._places, self._numbers, self.rows)
        return Ids(self.names, self.own, tuple(np.frombuffer(a, a.typecode) for a in kept))


class Ids(Sequence[str]):
    """`path`, `path:LINE`, or what the data bring along; `#3` behind them is the third chunk.

    Each is put together when asked for: of a hundred million, as text, they would fill the memory.
    """

    def __init__(self, names: list[str], own: list[str | None], parts: tuple[np.ndarray, ...]) -> None:
        self._names, self._own = names, own
        self._parts = parts  # file, place, chunk, row; (n,) each

    def __len__(self) -> int:
        return len(self._parts[0])

    @overload
    def __getitem__(self, i: int) -> str: ...
    @overload
    def __getitem__(self, i: slice) -> Ids: ...
    def __getitem__(self, i: int | slice) -> str | Ids:
        if isinstance(i, slice):
            return self.take(np.arange(len(self))[i])
        file, place, chunk, row = (int(part[i]) for part in self._parts)
        known = self._own[row] if row >= 0 else None
        if known is None:
            known = f"{self._names[file]}:{place}" if place else self._names[file]
        return f"{known}#{chunk}" if chunk else known

    def take(self, rows: np.ndarray) -> Ids:
        return Ids(self._names, self._own, tuple(part[rows] for part in self._parts))
