"""Slots: a number for every vector that an index has seen, which never changes.

The index is built over slots, not over rows: a row that is written again gets a new slot and its old one
dies, a deleted row's slot dies, and what the index holds stays right. `Slots` belongs to one version of the
rows; `moved` finds the next version's from what Lance says of its fragments, reading only those that are new.

Legend: s slots, n rows (slots that are alive), D numbers a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import fragments as lances
from .fragments import Fragment
from .text import Text, names, text

DEAD = np.uint64(2**64 - 1)  # no row's address
_LOW = np.uint64(32)
Ids: TypeAlias = "pa.Array[Any]"


@dataclass(frozen=True)
class Slots:
    """What is in each slot at one version: an id, a vector, and the address of the row, or DEAD.

    Ids and vectors come in two parts: those of the disk, and those that came since.
    """

    ids: tuple[Ids, Ids]
    parts: tuple[np.ndarray, np.ndarray]  # (s, D) float32 together
    addresses: np.ndarray  # (s,) uint64
    fragments: dict[int, Fragment] = field(default_factory=dict)  # of the version, in its order

    def __len__(self) -> int:
        return len(self.addresses)

    @cached_property
    def alive(self) -> np.ndarray:  # (s,) bool
        found: np.ndarray = self.addresses != DEAD
        return found

    @cached_property
    def count(self) -> int:
        return int(np.count_nonzero(self.alive))

    @cached_property
    def order(self) -> np.ndarray:
        """(n,) the slot of each row, in Lance's order."""
        slots = np.flatnonzero(self.alive)
        addresses = self.addresses[slots]
        rank = np.zeros(max(self.fragments, default=0) + 1, np.uint64)
        rank[list(self.fragments)] = np.arange(len(self.fragments))
        place = (rank[addresses >> _LOW] << _LOW) | (addresses & np.uint64(2**32 - 1))
        return slots if bool((place[1:] > place[:-1]).all()) else slots[np.argsort(place)]

    @cached_property
    def whole(self) -> bool:
        """Whether every slot is alive and on the disk, in the rows' order."""
        return not len(self.parts[1]) and self.count == len(self) and bool((np.diff(self.order) > 0).all())

    def vectors(self, slots: np.ndarray) -> np.ndarray:  # (...,) -> (..., D)
        old, new = self.parts
        if not len(new):
            return np.asarray(old[slots])
        if not len(old):
            return np.asarray(new[slots])
        late = slots >= len(old)
        out = old[np.where(late, 0, slots)]
        out[late] = new[slots[late] - len(old)]
        return out

    def names(self, slots: np.ndarray) -> np.ndarray:  # (n,) -> (n,) of str
        return names(*self._texts, slots)

    @cached_property
    def _texts(self) -> tuple[Text, Text]:
        return text(self.ids[0]), text(self.ids[1])

    def some(self, slots: np.ndarray) -> Ids:
        """The ids in these slots, which are ascending."""
        first = len(self.ids[0])
        cut = int(np.searchsorted(slots, first))
        old, new = pa.array(slots[:cut]), pa.array(slots[cut:] - first)
        return pa.concat_arrays([self.ids[0].take(old), self.ids[1].take(new)])

    def find(self, ids: Sequence[str]) -> np.ndarray:
        """The slot of each id, -1 where there is no row with it."""
        wanted = pa.array(ids, pa.string())
        if len(wanted) == 1:  # no table for one
            here = [pc.equal(part, wanted[0]) for part in self.ids]
        else:
            here = [pc.is_in(part, value_set=wanted) for part in self.ids]
        slots = np.flatnonzero(np.concatenate([np.asarray(h) for h in here]) & self.alive)
        at = np.asarray(pc.index_in(wanted, value_set=self.some(slots)).fill_null(-1), np.int64)
        return np.asarray(np.where(at < 0, -1, slots[at]) if len(slots) else at)

    def moved(self, data: lance.LanceDataset) -> Slots:
        """The slots at another version of the same rows, older or newer."""
        now = lances.fragments(data)
        if now == self.fragments:
            return self
        before = self.fragments
        kept = [f for f in now if f in before and now[f].files == before[f].files]
        trimmed = [f for f in kept if now[f] != before[f]]
        read = [f for f in now if f not in set(kept)]
        of = (self.addresses >> _LOW).astype(np.int64)  # the fragment of each slot; a dead one has none
        still = self.alive & np.isin(of, [f for f in kept if f not in set(trimmed)])
        if trimmed:
            living = lances.addresses(data, trimmed)
            same = self.alive & np.isin(of, trimmed) & _among(self.addresses, living)
            if np.count_nonzero(same) == len(living):
                still |= same
            else:  # rows that were deleted are back: this version is older
                read += trimmed
        lost = np.flatnonzero(self.alive & ~still)
        addresses = np.where(still, self.addresses, DEAD)
        return self._with(lances.scan(data, read, lances.READ), lost, addresses, now)

    def _with(
        self, rows: pa.Table, lost: np.ndarray, addresses: np.ndarray, now: dict[int, Fragment]
    ) -> Slots:
        """With these rows: those that stand, unchanged, in a lost slot get it back, others a new one."""
        ids, theirs = rows["id"].combine_chunks(), rows["_rowaddr"].to_numpy()
        vectors = matrix(rows["vector"], self.parts[0].shape[1])
        at = np.asarray(pc.index_in(ids, value_set=self.some(lost)).fill_null(-1), np.int64)
        known = np.flatnonzero(at >= 0)
        known = known[_same(self.vectors(lost[at[known]]), vectors[known])]
        addresses[lost[at[known]]] = theirs[known]
        new = np.setdiff1d(np.arange(len(ids)), known, assume_unique=True)
        if not len(new):
            return Slots(self.ids, self.parts, addresses, now)
        more, theirs = ids.take(pa.array(new)), theirs[new]
        vectors = vectors if len(new) == len(vectors) else vectors[new]
        return Slots(
            (self.ids[0], pa.concat_arrays([self.ids[1], more])),
            (self.parts[0], np.concatenate([self.parts[1], vectors]) if len(self.parts[1]) else vectors),
            np.concatenate([addresses, theirs]),
            now,
        )


def empty(dim: int) -> Slots:
    """No slot, at no version: `moved` takes in all rows, in Lance's order."""
    none, nothing = pa.array([], pa.string()), np.zeros((0, dim), np.float32)
    return Slots((none, none), (nothing, nothing), np.zeros(0, np.uint64))


def matrix(column: pa.ChunkedArray[Any], dim: int) -> np.ndarray:  # (n, D)
    chunks: Any = column.chunks
    parts = [np.asarray(c.flatten(), np.float32).reshape(-1, dim) for c in chunks]
    return np.concatenate([np.zeros((0, dim), np.float32), *parts])


def _among(addresses: np.ndarray, wanted: np.ndarray) -> np.ndarray:  # (s,), ascending -> (s,) bool
    if not len(wanted):
        return np.zeros(len(addresses), bool)
    at = np.searchsorted(wanted, addresses).clip(max=len(wanted) - 1)
    found: np.ndarray = wanted[at] == addresses
    return found


def _same(one: np.ndarray, other: np.ndarray) -> np.ndarray:  # (n,) bool, to the last bit
    same: np.ndarray = (one.view(np.uint32) == other.view(np.uint32)).all(axis=1)
    return same
