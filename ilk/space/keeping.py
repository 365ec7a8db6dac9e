"""Keeping an index up while rows come and go, in the background.

New rows are searched beside the index at once. When they are many, a thread takes them into it, and now and
then keeps the whole as a new base. When it finds that too much has died or changed, it builds anew.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import console, files
from ..errors import IlkError, OptionError, SpaceError
from . import _lock, making, plan
from .base import Base
from .index import tuning
from .plan import Plan
from .slots import Slots
from .snapshot import Snapshot

LATE = 2048  # slots beside the index: searching them costs about as much as searching it
UNKEPT = 20_000, 0.05  # slots, or a share of them, that a base on the disk may lack
DEAD = 0.25  # share of dead slots at which an index is built anew
GROWN = 2.0  # times the rows it was trained on, at which it is trained again
FALLEN = 0.02  # below the wished recall
_STEP = 4096
_working: weakref.WeakSet[Keeper] = weakref.WeakSet()


class Keeper:
    """One for each open space."""

    def __init__(self, space: Path, metric: str) -> None:
        self.space = space
        self.metric = metric
        self._written = 0  # rows, since the thread last looked
        self._fresh: tuple[Base, Slots] | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def newer(self, known: tuple[Base, Slots] | None) -> tuple[Base, Slots] | None:
        """What the thread has made since, or else what is known."""
        fresh, self._fresh = self._fresh, None
        return fresh or known

    def build(
        self, at: Snapshot, kind: str, recall: float, memory: float | None, seed: int
    ) -> tuple[Base, Slots]:
        """A new base of a kind; how well it does stands in the plan, which is kept."""
        if not 0 < recall <= 1:
            raise OptionError(f"recall={recall}", "Give the share of neighbours to be found, such as 0.95.")
        self.wait()
        self._fresh = None  # it is of the index before
        seconds = _exact_seconds(at)
        memory = _half() if memory is None and kind == "auto" else memory
        chosen = tuning.choose(kind, len(at.rows), at.rows.dim, memory, seconds)
        planned = Plan(chosen, kind, recall, memory)
        if chosen == "flat":
            planned = replace(planned, recall=1.0, per_second=1 / seconds if seconds else None)
        if chosen != "flat" and not len(at.rows):
            raise SpaceError(
                f"{self.space} is empty: there is nothing to build an index of", "Add rows first."
            )
        with _lock.making(self.space), files.room(self.space / "index"):
            began = time.perf_counter()
            base, planned = making.make(self.space, at.rows, self.metric, planned, seed=seed)
            taken = 4.0 * at.rows.dim if base.near is None else _size(base) / len(base.slots)
            planned = replace(planned, seconds=round(time.perf_counter() - began, 1), bytes=taken)
            plan.write(self.space, planned)
        return base, base.slots

    def look(self, at: Snapshot, written: int) -> None:
        """After so many rows were written: starts the thread once they are enough."""
        self._written += written
        if self._written < LATE or (self._thread is not None and self._thread.is_alive()):
            return
        if self._fresh is not None:  # the next version goes on from it: this one's slots lead nowhere
            return
        self._written = 0
        if plan.read(self.space).kind != "flat":
            at.stand()  # what the thread adds to the index must be what later versions call by its numbers
            self._thread = threading.Thread(target=self._work, args=(at,), daemon=True)
            _working.add(self)
            self._thread.start()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def end(self) -> None:
        """At the end of the process: what is being kept is finished, the rest can wait."""
        self._ended.set()
        self.wait()

    def _work(self, at: Snapshot) -> None:
        try:
            self._take_in(at)
        except (IlkError, OSError, RuntimeError, MemoryError) as e:
            console.say(f"the space works, but its index could not be kept up: {e}")

    def _take_in(self, at: Snapshot) -> None:
        base, slots = at.base, at.slots
        planned = plan.read(self.space)
        if planned.kind != base.kind:  # another process has chosen otherwise
            self._fresh = making.caught_up(self.space, at.rows, self.metric, None)
            return
        if base.near is None:
            return
        while base.near.covered < len(slots):
            if self._ended.is_set():
                return
            next_ = np.arange(base.near.covered, min(base.near.covered + _STEP, len(slots)))
            base.near.add(base.metric.ready(slots.vectors(next_)))
        with _lock.making(self.space, wait=False) as mine:
            if mine and plan.read(self.space) == planned:  # else another time
                self._keep(at, planned)

    def _keep(self, at: Snapshot, planned: Plan) -> None:
        base, slots = at.base, at.slots
        unkept, dead = len(slots) - len(base.slots), len(slots) - slots.count
        if dead > DEAD * len(slots) or slots.count > GROWN * (planned.rows or slots.count):
            self._anew(at, planned, f"{dead:,} of {len(slots):,} slots are dead" if dead else "it has grown")
        elif unkept > max(UNKEPT[0], UNKEPT[1] * len(slots)):
            if self._well(base, slots, planned):
                kept = making.extended(self.space, at.rows.version, base, slots)
                self._fresh = (kept, kept.slots)
            else:
                self._anew(at, planned.again(), "new rows are unlike those it was trained on")

    def _well(self, base: Base, slots: Slots, planned: Plan) -> bool:
        """Whether new rows are found as was wished; if not, it is looked harder."""
        assert base.near is not None
        newest = slots.order[slots.order >= len(base.slots)]
        found = making.recall(slots, base.metric, base.near, newest, seed=0)
        if found >= planned.wished - FALLEN:
            return True
        measured = making.examined(slots, base.metric, base.near, planned.wished, seed=0)
        console.say(
            f"recall has fallen to {found:.2f} for the {len(newest):,} newest rows of {self.space}; "
            f"looking harder finds {measured.recall:.2f}"
        )
        plan.write(self.space, planned.found(base.near.effort, base.near.wider, measured))
        return measured.recall >= planned.wished - FALLEN

    def _anew(self, at: Snapshot, planned: Plan, why: str) -> None:
        console.say(f"building the index of {self.space} anew: {why}")
        base, planned = making.make(self.space, at.rows, self.metric, planned)
        plan.write(self.space, planned)
        self._fresh = (base, base.slots)


def _half() -> float | None:
    """Of the machine's memory, in bytes; None where it does not say."""
    if os.name != "posix":
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2


def _size(base: Base) -> int:
    assert base.folder is not None
    assert base.near is not None
    return (base.folder / base.near.family.file).stat().st_size


def _exact_seconds(at: Snapshot) -> float:
    """One exact question."""
    if not len(at.rows):
        return 0.0
    some = at.slots.order[:: max(1, len(at.slots.order) // 5)][:5]
    times = []
    for slot in some:
        began = time.perf_counter()
        at.exactly(at.slots.vectors(np.array([slot])), 10)
        times.append(time.perf_counter() - began)
    return min(times)


def _end_all() -> None:
    for keeper in list(_working):
        keeper.end()


atexit.register(_end_all)
