"""Tables: a row a thing (an item of a shop, a user), told by columns of whatever kind.

Legend: n rows, B batch.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from ..console import say
from ..errors import DataError, OptionError, UnknownName
from ._base import Json, Skipped, Source, left_out
from ._columns import Held, held, kinds, loaded, names_of, parted
from ._records import Column, Lists, Records

LONGEST = 50  # of a list, so many of its last entries are looked at


class Table(Source):
    """Things with their ids and columns; `kinds`: what each column is (see `tables`)."""

    def __init__(
        self,
        ids: Sequence[str],
        columns: pa.Table,
        kinds: dict[str, str],
        *,
        side: str = "",
        folder: str = "",
        size: int | None = None,
        longest: int = LONGEST,
        skipped: Sequence[Skipped] = (),
        found_at: str | None = None,
    ) -> None:
        self.ids, self.columns, self.kinds, self.side = ids, columns, kinds, side
        self.folder, self.size, self.longest = folder, size, longest
        self.skipped, self.found_at = skipped, found_at

    @property
    def reading(self) -> dict[str, Json]:
        told: dict[str, Json] = {"reader": "tables", "columns": dict(self.kinds), "side": self.side}
        told |= {} if self.size is None else {"size": self.size}
        return told | ({} if self.longest == LONGEST else {"longest": self.longest})

    @property
    def traits(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {"id": self.ids[i], **self.columns.slice(i, 1).to_pylist()[0]}

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> Records:
        found: dict[str, Column] = {}
        for name, values in self.held.items():
            if isinstance(values, Lists):
                found[name] = values.last(rows, self.longest)
            else:
                found[name] = [values[i] for i in rows] if isinstance(values, list) else values[rows]
        return Records(self.side, [self.ids[i] for i in rows], found)

    def metadata(self) -> pa.Table | None:
        return self.columns if self.columns.num_columns else None

    @cached_property
    def held(self) -> dict[str, Held]:
        """The columns that are learnt from, as their kinds are; the id is one of them."""
        learnt = {n: k for n, k in self.kinds.items() if k != "kept"}
        whole = self.columns.append_column("id", pa.array(self.ids, pa.string()))
        return {n: held(n, whole[n], k, self.folder, self.size) for n, k in learnt.items()}

    def named(self, ids: Sequence[str]) -> Table:
        """Those of these ids, in that order."""
        place = {name: i for i, name in enumerate(self.ids)}
        for name in ids:
            if name not in place:
                raise UnknownName(self.side.removesuffix("s") or "row", name, list(self.ids[:5]))
        return self.take(np.array([place[name] for name in ids], np.int64))

    def take(self, rows: np.ndarray) -> Table:
        """Those at `rows`, in that order."""
        rows = np.asarray(rows)
        ids = [self.ids[i] for i in rows]
        return self.but(ids=ids, columns=self.columns.take(pa.array(rows)))

    def on(self, side: str, wished: dict[str, str] | None = None) -> Table:
        """The same on that side; of the wished kinds of columns, those of columns that it has."""
        known = {n: k for n, k in (wished or {}).items() if n in self.columns.column_names}
        kinds = self.kinds | known
        return self.but(side=side, kinds=kinds, columns=parted(self.columns, kinds))

    def but(self, **changed: Any) -> Table:
        """The same, but for these."""
        names = ("ids", "columns", "kinds", "side", "folder", "size", "longest", "skipped", "found_at")
        return Table(**{name: getattr(self, name) for name in names} | changed)


def tables(
    data: Any,
    *,
    columns: dict[str, str] | None = None,
    id_: str | None = None,
    side: str = "",
    size: int | None = None,
    longest: int = LONGEST,
    strict: bool = False,
) -> Table:
    """A row a thing, from a CSV, TSV or parquet file, or an Arrow table.

    columns  what a column is, where it is not what it looks like: category, several (a list of names, or
             text with | between them), number, vector, text, image (a path beside the table), or kept,
             which nothing is learnt from
    id_      the column with the ids (default: id, or the first)
    size     pixels a side, of pictures
    longest  of a list, so many of its last entries are looked at
    strict   stop at the first row without an id, or with that of another, instead of leaving it out
    """
    if longest < 1:
        raise OptionError(f"longest is {longest}", "Give 1 or more.")
    table = loaded(data, lambda names: [called(names, id_)])
    name = called(table.column_names, id_)
    ids, rows, skipped = _own(names_of(table[name]))
    if skipped and strict:
        raise DataError(f"{skipped[0].id}: {skipped[0].why}", "Without strict it is left out.")
    if skipped:
        say(left_out(skipped, "rows"))
    if not ids:
        raise DataError("a table without rows", "Give one that has some.")
    dropped = (
        [] if columns and name in columns and name != "id" else [name]
    )  # what is said in it is looked at too
    rest = table.drop_columns(dropped).take(pa.array(rows, pa.int64()))
    rest = rest.rename_columns(["id_" if n == "id" else n for n in rest.column_names])
    wished = {n: k for n, k in (columns or {}).items() if n != "id"}
    if columns and "id" in columns:  # as a `reading` says: more of the same
        rest = filled(rest, wished)
    found_at = os.fspath(data) if isinstance(data, str | os.PathLike) else None
    told = kinds(rest, wished)
    return Table(
        ids,
        parted(rest, told),
        {"id": "id", **told},
        side=side,
        folder=os.path.dirname(os.path.abspath(found_at)) if found_at else "",
        size=size,
        longest=longest,
        skipped=skipped,
        found_at=found_at,
    )


def called(names: Sequence[str], wished: str | None) -> str:
    """The column with the ids."""
    if wished is not None and wished not in names:
        raise UnknownName("column", wished, names)
    if not names:
        raise DataError("a table without columns", "Give one with a column of ids.")
    return wished or ("id" if "id" in names else names[0])


def filled(table: pa.Table, wished: dict[str, str]) -> pa.Table:
    """With the columns that more of the same lacks, empty."""
    lacking = [n for n in wished if n not in table.column_names]
    if lacking:
        say(f"no column {', '.join(lacking)}: taken as not known")
    for name in lacking:
        type_ = pa.float32() if wished[name] == "number" else pa.string()
        table = table.append_column(name, pa.nulls(len(table), type_))
    return table


def _own(names: Sequence[str | None]) -> tuple[list[str], list[int], list[Skipped]]:
    """Ids, the rows that they are of, and the rows without one of their own."""
    twice = {name for name, n in Counter(names).items() if n > 1}
    seen: set[str] = set()
    ids: list[str] = []
    rows: list[int] = []
    skipped: list[Skipped] = []
    for row, name in enumerate(names):
        if name is None or name in seen:
            skipped.append(Skipped(f"row {row}", "it has no id" if name is None else f"{name} came before"))
            continue
        if name in twice:
            seen.add(name)
        ids.append(name)
        rows.append(row)
    return ids, rows, skipped
