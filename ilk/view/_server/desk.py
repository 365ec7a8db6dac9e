"""What all requests share: the version that is shown, what was said of it, and who is at work.

Routes ask for `Here` (the version shown, checked against the one the page speaks of), `Rows` (a body of row
numbers) and `Raw` (any other body).
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Query, Request, Response
from numpy.typing import NDArray

from ...console import say
from ...errors import IlkError, OptionError, SpaceBusy
from ...space import Space
from . import answers, inside
from .dimensions import Direction, dimensions, directions
from .easel import Easel
from .edges import Edges
from .following import Following
from .guard import Refused
from .marks import Marks
from .originals import Originals, beside, recorded
from .shown import Shown


@dataclass
class At:
    """One version, and what belongs to it."""

    shown: Shown
    marks: Marks
    edges: Edges
    easel: Easel

    def __post_init__(self) -> None:
        self._lock = Lock()

    def dimensions(self) -> tuple[list[answers.Dimension], list[Direction]]:
        with self._lock:  # asked for once, however many ask
            return self._dimensions

    @cached_property
    def _dimensions(self) -> tuple[list[answers.Dimension], list[Direction]]:
        return dimensions(self.shown), directions(self.shown)


class Desk:
    def __init__(self, path: Path, data: str | None = None) -> None:
        self.path = path
        self.following = Following(path)
        self.data = data
        self.refresh()
        self.busy: str | None = None
        self.encoding = Lock()  # networks keep a mode while they are asked
        self.watching = Lock()
        self._working = Lock()

    def warm(self) -> None:
        """Does beforehand what the first click would wait for."""
        shown = self.at.shown
        try:
            shown.listed()
            if len(shown):
                shown.space.search(np.array(shown.vectors[:1]), 1)
        except (IlkError, OSError) as e:  # whoever asks for it is told then
            say(str(e))

    def refresh(self) -> None:
        self.at = self._open()
        shown = self.at.shown
        some = shown.names(np.arange(min(8, len(shown))))
        found = self.data or recorded(self.following.folder, some) or beside(self.path, some)
        self.originals = Originals(found)

    def _open(self) -> At:
        shown = Shown(self._nothing if self._waits() else self.path)
        return At(shown, Marks(shown), Edges(shown, self.data), Easel(shown.space.path))

    @cached_property
    def _nothing(self) -> Path:
        """A space without rows, which goes when the server does."""
        from ...encoders.pixels import Pixels

        folder = Path(mkdtemp(prefix="ilk-look-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Space.create(folder, Pixels(1, 1), reading={"reader": "images"}).path

    def _waits(self) -> bool:
        """`ilk learn` is still at its first encoder: its run is there to be followed, a space not yet."""
        return not self.path.exists() and self.following.folder.is_dir()

    def replaced(self) -> bool:
        """Whether `ilk learn` has put the space of another encoder in place: the rows shown are gone."""
        try:
            return self.newest().version.partition(".")[0] != self.at.shown.version.partition(".")[0]
        except (IlkError, OSError):
            return False

    @contextmanager
    def work(self, what: str) -> Iterator[None]:
        """For what takes long: one at a time, the others are told."""
        if not self._working.acquire(blocking=False):
            raise SpaceBusy(
                f"the server is {self.busy or 'at work'}", "Wait until that is done, then try again."
            )
        self.busy = what
        try:
            yield
        finally:
            self.busy = None
            self._working.release()

    def newest(self) -> answers.Newest:
        """What lies on the disk now, whoever wrote it."""
        if self._waits():
            return answers.Newest(version=self.at.shown.version, rows=0)
        made_by, version, rows = inside.newest(self.path)
        return answers.Newest(version=f"{made_by[:8]}.{version}", rows=rows)


def desk_of(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


TheDesk = Annotated[Desk, Depends(desk_of)]
V = Annotated[str | None, Query(max_length=100, description="The version that rows are counted in.")]


def here(desk: TheDesk, v: V = None) -> At:
    at = desk.at
    if v is not None and v != at.shown.version:
        raise Refused(409, "the rows have changed since this page was opened", "Load the page again.")
    return at


Here = Annotated[At, Depends(here)]


async def raw(request: Request) -> bytes:
    return await request.body()  # read and bounded at the door


Raw = Annotated[bytes, Depends(raw)]


def some_rows(at: Here, body: Raw) -> NDArray[np.int64]:
    if len(body) % 4:
        raise OptionError(
            f"{len(body)} bytes are no row numbers", "Send 4 bytes a row: unsigned, little-endian."
        )
    rows = np.frombuffer(body, "<u4").astype(np.int64)
    if len(rows) and rows.max() >= len(at.shown):
        raise OptionError(f"row {rows.max()} of {len(at.shown):,} rows", "Rows are counted from 0.")
    return rows


Rows = Annotated[Any, Depends(some_rows)]


def listed_rows(at: At, text: str) -> NDArray[np.int64]:
    """`5,17,3`."""
    rows = [int(word) for word in text.split(",")]
    if max(rows) >= len(at.shown):
        raise OptionError(f"row {max(rows)} of {len(at.shown):,} rows", "Rows are counted from 0.")
    return np.array(rows, np.int64)


def one_row(at: At, row: int) -> int:
    if row >= len(at.shown):
        raise Refused(404, f"row {row} of {len(at.shown):,} rows", "Rows are counted from 0.")
    return row


def binary(data: bytes, kind: str, v: str | None, **headers: str) -> Response:
    """With the version in the address its answer never changes: a browser may keep it."""
    keep = "no-store" if v is None else "private, max-age=86400, immutable"
    return Response(data, media_type=kind, headers={"cache-control": keep, **headers})


def body_of(kind: str, what: str, *, required: bool = True) -> dict[str, Any]:
    """How OpenAPI is told of a raw body."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": required, "description": what, "content": {kind: schema}}}


ROWS = body_of("application/octet-stream", "Row numbers, u32 little-endian.", required=False)


def gives(kind: str, what: str) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI is told of an answer that is not JSON."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": what, "content": {kind: schema}}}
