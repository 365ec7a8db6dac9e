"""Which version an open space shows, and the right to write the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from .. import console
from ..errors import DiskFull, IlkError, SpaceError
from ._lock import writing
from .address import Address
from .keeping import Keeper
from .rows import KEEP, MANY, TIDY_EVERY, Rows
from .snapshot import Snapshot


class Current:
    """Shows the newest version when it was made, or an old one that was asked for, which stays."""

    def __init__(self, space: Path, address: Address, metric: str, version: int | None) -> None:
        self.space = space
        self.address = address
        self.metric = metric
        self.pinned = version
        self.keeper = Keeper(space, metric)
        self.at = Snapshot(space, Rows.open(address, version), metric)

    def refresh(self) -> None:
        """Moves on to the newest version, whoever wrote it; not where an old one was asked for."""
        if self.pinned is None:
            self.show(Rows.open(self.address))

    def show(self, rows: Rows, *, written: int = 0) -> None:
        """Moves on to another version, which so many written rows have made."""
        if rows.version != self.at.rows.version:
            self.at = Snapshot(self.space, rows, self.metric, self.keeper.newer(self.at.known))
        if written:
            self._tidy()
            self.keeper.look(self.at, written)

    def index(self, kind: str, recall: float, memory: float | None, seed: int) -> None:
        """Search goes through an index of this kind from now on."""
        self.own("to build its index")
        self.refresh()
        known = self.keeper.build(self.at, kind, recall, memory, seed)
        self.at = Snapshot(self.space, self.at.rows, self.metric, known)

    def own(self, what: str) -> None:
        if self.pinned is not None:
            raise SpaceError(
                f"{self.space} is open at its old version {self.pinned}, to look at",
                f"Open it without version= {what}, or to go back: restore({self.pinned}).",
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.own("to write")
        with writing(self.space):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write what follows on the newest version."""
        with self.alone():
            self.refresh()
            try:
                yield
            except DiskFull:
                with suppress(IlkError, OSError):  # what the write left behind takes room, old versions too
                    self.at.rows.forget(timedelta(0))
                raise

    def _tidy(self) -> None:
        """Now and then, small files are put together and old ones removed; a failure here loses nothing."""
        if self.at.rows.version % TIDY_EVERY:
            return
        try:
            self.show(self.at.rows.tidied())
            self.at.rows.forget(KEEP, MANY)
        except (IlkError, OSError) as e:
            console.say(f"the space works, but could not be tidied: {e}")
