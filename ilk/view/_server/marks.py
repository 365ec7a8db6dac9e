"""What a person says of samples: labels (one a row at most) and named sets (which may overlap), with undo.

Both are layers of the space, written at once: `labels` (id, labelled) and `sets` (id, a flag a set).
A change is kept as what stood before it on the rows that it touched.

Legend: n rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import OptionError, UnknownName
from . import columns, inside
from .shown import Shown

DEEP = 50  # changes that can be undone
LAYER, COLUMN, SETS = "labels", "labelled", "sets"  # not `label`: metadata often have one
NONE = -1  # the code of a row without a label


@dataclass(frozen=True)
class _Change:
    """`codes` (m,) that stood, or shall stand, on `rows`; or all `members` of a set (None: no such set)."""

    told: str
    rows: np.ndarray
    codes: np.ndarray | None = None
    set: str = ""
    members: np.ndarray | None = None


class Marks:
    """Not safe without its lock, which `Desk` takes for whole requests."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.names: list[str] = []  # of labels; a name without rows is not listed
        self.codes = np.full(len(shown), NONE, np.int32)  # (n,)
        self.sets: dict[str, np.ndarray] = {}  # (n,) bool each
        self.lock = RLock()
        self._undo: list[_Change] = []
        self._redo: list[_Change] = []
        self._written: tuple[int, int] | None = None
        self.fresh()

    def fresh(self) -> None:
        """Reads the layers again where somebody else wrote them; earlier changes cannot be undone then."""
        now = self._times()
        if now == self._written:
            return
        self._written = now
        self._undo, self._redo = [], []
        self.names, self.codes, self.sets = [], np.full(len(self.shown), NONE, np.int32), {}
        labels: Any = self.shown.layer(LAYER)
        sets: Any = self.shown.layer(SETS)
        if labels is not None and COLUMN in labels.column_names:
            self.codes, found = columns.codes(labels[COLUMN], columns.kind_of(labels[COLUMN]))
            self.codes, self.names = self.codes.copy(), [name for name, _ in found]
        for name in sets.column_names if sets is not None else ():
            if pa.types.is_boolean(sets.schema.field(name).type):
                self.sets[name] = np.array(pc.fill_null(sets[name], False).to_numpy(), bool)

    @property
    def labels(self) -> list[tuple[str, int]]:
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        return [(name, int(c)) for name, c in zip(self.names, counts) if c]

    @property
    def undoes(self) -> str | None:
        return self._undo[-1].told if self._undo else None

    @property
    def redoes(self) -> str | None:
        return self._redo[-1].told if self._redo else None

    def label(self, rows: np.ndarray, name: str | None) -> None:
        """These rows have that label now, or none."""
        rows = np.unique(rows)
        if name is not None and name not in self.names:
            self.names.append(_checked(name))
        code = NONE if name is None else self.names.index(name)
        told = f"label {len(rows):,} rows as {name}" if name is not None else f"take {len(rows):,} labels off"
        self._do(_Change(told, rows, np.full(len(rows), code, np.int32)))

    def forget_label(self, name: str) -> None:
        if name not in [known for known, _ in self.labels]:
            raise UnknownName("label", name, [known for known, _ in self.labels])
        rows = np.flatnonzero(self.codes == self.names.index(name))
        self._do(_Change(f"remove the label {name}", rows, np.full(len(rows), NONE, np.int32)))

    def set(self, name: str, rows: np.ndarray) -> None:
        """Makes or replaces a set."""
        if _checked(name) == "id":
            raise OptionError("a set cannot be called id", "Give it another name.")
        members = np.zeros(len(self.shown), bool)
        members[rows] = True
        self._do(_Change(f"set {name} of {int(members.sum()):,} rows", rows[:0], set=name, members=members))

    def forget_set(self, name: str) -> None:
        if name not in self.sets:
            raise UnknownName("set", name, self.sets)
        self._do(_Change(f"remove the set {name}", np.zeros(0, np.int64), set=name))

    def undo(self) -> None:
        if not self._undo:
            raise OptionError("there is nothing to undo")
        change = self._undo[-1]
        self._redo.append(self._put(change))
        self._undo.pop()

    def redo(self) -> None:
        if not self._redo:
            raise OptionError("there is nothing to redo")
        change = self._redo[-1]
        self._undo.append(self._put(change))
        self._redo.pop()

    def _do(self, change: _Change) -> None:
        self._undo = [*self._undo, self._put(change)][-DEEP:]
        self._redo = []

    def _put(self, change: _Change) -> _Change:
        """Makes it so, on the disk too, and returns what undoes it. Nothing changes where writing fails."""
        if change.codes is not None:
            before = _Change(change.told, change.rows, self.codes[change.rows])
            self.codes[change.rows] = change.codes
            self._written_or(self._write_labels, before)
        else:
            stood = self.sets.get(change.set)
            before = _Change(change.told, change.rows, set=change.set, members=stood)
            self._set(change)
            self._written_or(self._write_sets, before)
        return before

    def _written_or(self, write: Callable[[], None], before: _Change) -> None:
        try:
            write()
        except BaseException:
            if before.codes is not None:
                self.codes[before.rows] = before.codes
            else:
                self._set(before)
            raise
        self._written = self._times()

    def _set(self, change: _Change) -> None:
        if change.members is None:
            self.sets.pop(change.set, None)
        else:
            self.sets[change.set] = change.members

    def _write_labels(self) -> None:
        rows = np.flatnonzero(self.codes >= 0)
        names: Any = pa.DictionaryArray.from_arrays(self.codes[rows], pa.array(self.names, pa.string()))
        table = pa.table({"id": self._ids(rows), COLUMN: names.dictionary_decode()})
        inside.write_layer(self.shown.space, LAYER, table, {"by": "look", "labels": dict(self.labels)})

    def _write_sets(self) -> None:
        if not self.sets:
            inside.remove_layer(self.shown.space, SETS)
            return
        rows = np.flatnonzero(np.any(list(self.sets.values()), axis=0))
        flags = {name: pa.array(members[rows]) for name, members in self.sets.items()}
        table = pa.table({"id": self._ids(rows), **flags})
        sizes = {name: int(members.sum()) for name, members in self.sets.items()}
        inside.write_layer(self.shown.space, SETS, table, {"by": "look", "sets": sizes})

    def _ids(self, rows: np.ndarray) -> Any:
        return self.shown.ids.take(pa.array(rows))

    def _times(self) -> tuple[int, int]:
        return inside.layer_written(self.shown.space, LAYER), inside.layer_written(self.shown.space, SETS)


def _checked(name: str) -> str:
    if not 0 < len(name.strip()) <= 100 or not name.isprintable() or "`" in name:  # which quotes a column
        raise OptionError(f"{name[:100]!r} cannot be a name", "Use 1 to 100 printed characters, but `.")
    return name
