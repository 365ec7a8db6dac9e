"""One version of a space, ready to be asked: its rows, the slots they stand in, and an index over those.

Legend: n rows, s slots, q queries, D numbers a vector, k neighbours.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from . import making
from .base import Base
from .index import exact
from .index.family import Among
from .index.metric import Metric, whitened
from .rows import Rows
from .slots import Slots
from .spread import spread
from .where import Where

_FEW = 20_000  # where a condition leaves no more, all of them are looked at
_SPARE = 0.02  # share of dead slots that costs less to drop afterwards than to pass over
_BLOCK = 65_536
_DIGITS = 1e-6  # of the sixteen of double precision, so many may be lost by taking rows away


class Snapshot:
    """Everything here belongs to the same version; it is read or built when first asked for."""

    def __init__(self, space: Path, rows: Rows, metric: str, known: tuple[Base, Slots] | None = None) -> None:
        self.space = space
        self.rows = rows
        self.named = metric
        self.known = known  # a base and slots, perhaps of an earlier version, to go on from
        self._stands = False  # whether they are this version's
        self.where = Where(space, rows)
        self._one = threading.Lock()

    def _state(self) -> tuple[Base, Slots]:
        with self._one:
            if not self._stands or self.known is None:
                self.known = making.caught_up(self.space, self.rows, self.named, self.known)
                self._stands = True
            return self.known

    def stand(self) -> None:
        """Now, so that later versions go on from these slots and number them alike."""
        self._state()

    @cached_property
    def slots(self) -> Slots:
        return self._state()[1]

    @cached_property
    def base(self) -> Base:
        return self._state()[0]

    @cached_property
    def metric(self) -> Metric:
        """Of this version: the spread of its own rows."""
        if self.named != "whitened":
            return Metric(self.named)
        (old, new), alive, known = self.slots.parts, self.slots.alive, self.base.spread
        assert known is not None
        left = known.with_(old[~alive[: len(old)]], -1)
        lost = left.n * left.deviations() ** 2 < _DIGITS * known.squares
        if lost.any():  # what was taken away was so large that it took the digits of the rest with it
            order = self.slots.order
            blocks = (self.slots.vectors(order[i : i + _BLOCK]) for i in range(0, len(order), _BLOCK))
            return whitened(spread(blocks, self.rows.dim).deviations())
        return whitened(left.with_(new[alive[len(old) :]]).deviations())

    @cached_property
    def vectors(self) -> np.ndarray:
        """(n, D) float32 in the order of the rows, read-only; memory-mapped where they are many."""
        found = self.slots.parts[0] if self.slots.whole else _gathered(self.space / "index", self.slots)
        view = found.view()
        view.flags.writeable = False
        return view

    def among(self, places: np.ndarray) -> np.ndarray:
        """(s,) bool: the slots of the rows at some places of the order."""
        found = np.zeros(len(self.slots), bool)
        found[self.slots.order[places]] = True
        return found

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Slots and distances (q, k) of the k nearest rows, all or those of the slots `among` (s,) bool."""
        slots, near = self.slots, self.base.near
        n = slots.count if among is None else int(np.count_nonzero(among))
        k = min(k, n)
        if among is not None and n <= _FEW:
            chosen = np.flatnonzero(among)
            few: list[exact.Part] = [(0, slots.vectors(chosen), self.metric)]
            return exact.search(slots, few, among, self.metric, queries, k, chosen=chosen)
        if near is None or not k or not len(queries):
            return self.exactly(queries, k, among)
        covered = near.covered
        found = near.candidates(self.base.metric.ready(queries), k, self._among(among))
        if near.covered > len(slots):  # it has gone on to a later version
            found = np.where(found < len(slots), found, -1)
        alive = among if among is not None else slots.alive if n < len(slots) else exact.ALL
        if covered < len(slots):
            found = np.concatenate([found, self._late(covered, queries, k, alive)], axis=1)
        nearest, distances = exact.settle(slots, self.metric, queries, found, k, alive)
        if min(nearest[:, -1].tolist()) < 0:  # too many of the candidates were dead, or out of reach
            short = np.flatnonzero(nearest[:, -1] < 0)
            nearest[short], distances[short] = self.exactly(queries[short], k, among)
        return nearest, distances

    def exactly(
        self, queries: np.ndarray, k: int, alive: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `search`, but every vector is looked at."""
        slots = self.slots
        alive = slots.alive if alive is None else alive
        return exact.search(slots, self._parts, alive, self.metric, queries, k, self.base.metric)

    def _among(self, among: np.ndarray | None) -> Among | None:
        if among is not None:
            return Among(among)
        return self._living if self.slots.count < (1 - _SPARE) * len(self.slots) else None

    @cached_property
    def _living(self) -> Among:
        return Among(self.slots.alive)

    def _late(self, covered: int, queries: np.ndarray, k: int, alive: np.ndarray) -> np.ndarray:
        """Candidates (q, c) among the slots that the index does not hold yet: all of those are looked at."""
        first = len(self.slots.parts[0])
        start = max(covered, first)
        tail = self._tail[start - first :]
        at = np.arange(len(tail)) if alive is exact.ALL else np.flatnonzero(alive[start:])
        tail = tail if len(at) == len(tail) else tail[at]  # the dead would crowd out the living
        c = min(len(tail), 2 * k + 16)
        if not c:
            return np.zeros((len(queries), 0), np.int64)
        found: np.ndarray = at[exact.nearest(self.base.metric.ready(queries), tail, c)[1]] + start
        return found

    @cached_property
    def _tail(self) -> np.ndarray:
        """Ready vectors of the slots that are not on the disk."""
        return self.base.metric.ready(self.slots.parts[1])

    @cached_property
    def _parts(self) -> list[exact.Part]:
        """The vectors of all slots, ready or to be made so."""
        old, base = self.slots.parts[0], self.base
        kept = (0, base.ready, None) if base.ready is not None else (0, old, base.metric)
        return [kept, (len(old), self._tail, None)]


def _gathered(folder: Path, slots: Slots) -> np.ndarray:
    """The rows' vectors in one piece: in memory, or in a file that has no name where they are many."""
    order, dim = slots.order, slots.parts[0].shape[1]
    if len(order) * dim <= 1 << 24 or os.name != "posix":
        return slots.vectors(order)
    folder.mkdir(exist_ok=True)
    scratch = folder / f"scratch-{os.getpid()}-{id(slots):x}.npy"
    try:
        with open(scratch, "xb") as f:
            shape = (len(order), dim)
            npy.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": shape})
            for start in range(0, len(order), _BLOCK):
                f.write(slots.vectors(order[start : start + _BLOCK]).data)
        return npy.open_memmap(scratch, mode="r")
    except OSError:  # no room, or a space that may only be read
        return slots.vectors(order)
    finally:
        scratch.unlink(missing_ok=True)
