"""Interactions: users, each with the items that they chose, and a table of what is known of either.

Legend: n interactions, U users, I items, B batch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from ..console import say
from ..errors import DataError, OptionError, UnknownName
from ._base import Json, Skipped, Source, Views, left_out
from ._columns import loaded, names_of, parted, places, seen
from ._records import Coded, Lists, Records
from .tables import Table, tables

USERS = ("user", "user_id", "userid", "customer", "customer_id", "reader", "visitor")  # names of columns
ITEMS = ("item", "item_id", "itemid", "movieid", "movie_id", "product", "product_id", "track", "book")
TIMES = ("time", "timestamp", "date", "datetime", "when")
HISTORY = "history"  # the users' column with the items that they chose, in order


class Interactions(Source):
    """A sample is (user, item), a batch the records of both; `ends` (n, 2): their places in the tables.

    Of a user the other items chosen are known too (`history`): those before this one, where there are times.
    """

    def __init__(
        self,
        users: Table,
        items: Table,
        ends: np.ndarray,
        *,
        times: np.ndarray | None = None,  # (n,) to order by
        history: int = 20,
        skipped: Sequence[Skipped] = (),
        reading: dict[str, Json] | None = None,
        found_at: str | None = None,
    ) -> None:
        if not len(ends):
            raise DataError("no interactions", "Give some: a user and an item in each row.")
        self.items, self.ends, self.times, self.history = items, ends, times, history
        self.skipped, self.found_at, self._reading = skipped, found_at, dict(reading or {})
        self.users = self._with_history(users)

    @property
    def reading(self) -> dict[str, Json]:
        return {**self._reading, "history": self.history, "reader": "interactions"}

    @property
    def traits(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, i: int) -> tuple[str, str]:
        user, item = self.ends[i]
        return self.users.ids[user], self.items.ids[item]

    def id(self, i: int) -> str:
        return " ".join(self[i])

    def batch(self, rows: np.ndarray) -> tuple[Records, Records]:
        users = self.users.batch(self.ends[rows, 0])
        if self.history:
            users.columns[HISTORY] = self._others(rows)
        return users, self.items.batch(self.ends[rows, 1])

    def metadata(self) -> pa.Table:
        return pa.table(
            {
                side: pa.array([table.ids[i] for i in self.ends[:, end]], pa.string())
                for end, (side, table) in enumerate((("user", self.users), ("item", self.items)))
            }
        )

    def views(self) -> Views:
        return tuple  # the user and the item: what is to be alike

    def take(self, rows: np.ndarray) -> Interactions:
        """Those at `rows`; of a user no other items are known than in these. The tables stay whole."""
        return Interactions(
            self.users,
            self.items,
            self.ends[rows],
            times=None if self.times is None else self.times[rows],
            history=self.history,
            reading=self._reading,
            skipped=self.skipped,
        )

    def parted(self, later: float = 0.2) -> tuple[Interactions, Interactions]:
        """The earlier, and about the share that came later; of one moment all are on one side."""
        if not 0 < later < 1:
            raise OptionError(f"later is {later}", "Give a share between 0 and 1.")
        if self.times is None:
            raise DataError("nothing tells which came later", "Name the column: time='...'.")
        after = self.times >= np.sort(self.times)[int(len(self) * (1 - later))]
        if not after.all():
            return self.take(np.flatnonzero(~after)), self.take(np.flatnonzero(after))
        raise DataError(f"{len(self):,} interactions of one moment", "Give more, or a smaller share.")

    def swapped(self, side: str) -> Interactions:
        """Two of one side for each sample: items of one user, or users of one item; a tower learns alone.

        Each is there with the next one of those who share (the last with the first).
        """
        end, by, table = (1, 0, self.items) if side == "items" else (0, 1, self.users)
        order = np.lexsort((self.ends[:, end], self.ends[:, by]))
        group, ours = self.ends[order, by], self.ends[order, end]
        first = np.searchsorted(group, group)
        last = np.append(group[1:] != group[:-1], True)
        other = np.where(last, ours[first], np.roll(ours, -1))
        two = np.stack([ours, other], 1)[ours != other]
        return Interactions(table.on("users"), table.on("items"), two, history=0)

    @cached_property
    def matrix(self) -> csr_array:  # (U, I)
        """A one where a user chose an item."""
        shape = (len(self.users), len(self.items))
        found = csr_array((np.ones(len(self.ends), np.float32), (self.ends[:, 0], self.ends[:, 1])), shape)
        found.data[:] = 1
        return found

    @cached_property
    def chance(self) -> np.ndarray:  # (I,) float32
        """log of each item's share of the interactions; of one that has none, as of half of one."""
        counts = np.bincount(self.ends[:, 1], minlength=len(self.items))
        return np.log(np.maximum(counts, 0.5) / len(self.ends)).astype(np.float32)

    def met(self, side: str) -> list[str]:
        """The ids that have an interaction: of others nothing can be learnt but what their columns say."""
        table = self.users if side == "users" else self.items
        return [table.ids[i] for i in np.unique(self.ends[:, 0 if side == "users" else 1])]

    @cached_property
    def _order(self) -> np.ndarray:
        """By user, then by time."""
        when = np.arange(len(self.ends)) if self.times is None else self.times
        return np.lexsort((when, self.ends[:, 0]))

    @cached_property
    def _lists(self) -> Lists:
        """What each user chose, in order."""
        sizes = np.bincount(self.ends[:, 0], minlength=len(self._table))
        return Lists(self.items.ids, self.ends[self._order, 1], np.concatenate([[0], np.cumsum(sizes)]))

    @cached_property
    def _at(self) -> np.ndarray:
        """(n,) where each interaction stands in `_lists`."""
        at = np.empty(len(self.ends), np.int64)
        at[self._order] = np.arange(len(self.ends))
        return at

    def _others(self, rows: np.ndarray) -> Coded:
        """What else these users chose: before, or, where there are no times, any others."""
        user, at, lists = self.ends[rows, 0], self._at[rows], self._lists
        first, last = lists.ends[user], lists.ends[user + 1]
        if self.times is not None:
            return Coded(lists.names, lists.between(first, at, self.history))
        size = last - first
        longest = int(np.clip(size.max(initial=0) - 1, 1, self.history))
        step = np.arange(1, longest + 1)  # those that follow, in a ring
        ring = first[:, None] + (at - first)[:, None] + step
        ring = np.where(ring < last[:, None], ring, ring - size[:, None])
        some = step[None] < size[:, None]
        return Coded(lists.names, np.where(some, lists.codes[np.where(some, ring, 0)], -1))

    def _with_history(self, users: Table) -> Table:
        self._table = users
        lists = self._lists
        values = pa.array(lists.names, pa.string()).take(pa.array(lists.codes))
        column = pa.ListArray.from_arrays(pa.array(lists.ends, pa.int32()), values)
        columns = users.columns.drop_columns([n for n in (HISTORY,) if n in users.columns.column_names])
        kinds = {**users.kinds, HISTORY: "several" if self.history else "kept"}
        columns = columns.append_column(HISTORY, column)
        return users.but(columns=columns, kinds=kinds, longest=self.history or users.longest)


def interactions(
    data: Any,
    *,
    users: Any = None,
    items: Any = None,
    user: str | None = None,
    item: str | None = None,
    time: str | None = None,
    history: int = 20,
    columns: dict[str, str] | None = None,
    strict: bool = False,
) -> Interactions:
    """Who chose what: a table (CSV, parquet), each row a user and an item.

    users, items  tables of what is known of them: an id, and columns of any kind (see `tables`). Without one
                  they are their ids alone; or what stands in the column itself, if these are texts,
                  paths of pictures or vectors
    user, item    the columns with their ids (default: user, user_id, ...; item, item_id, ...; the only two)
    time          the column to order by (default: time, timestamp or date, if there is one)
    history       so many of a user's other items are part of what is known of the user; 0: none
    columns       what columns of the two tables are, where they are not what they look like
    strict        stop at the first row that cannot be used instead of leaving it out

    An interaction that comes twice is one.
    """
    if history < 0:
        raise OptionError(f"history is {history}", "Give a number of items, or 0.")
    table = loaded(data, lambda names: _ends(names, user, item))
    own, other = _ends(table.column_names, user, item)
    when = _time(table, time)
    halves = [
        _half(table, name, given, columns or {}, side, data)
        for name, given, side in ((own, users, "users"), (other, items, "items"))
    ]
    ends = np.stack([places_ for _, places_ in halves], 1)
    good, skipped = _good(table, ends, (own, other))
    if skipped and strict:
        raise DataError(f"{skipped[0].id}: {skipped[0].why}", "Without strict it is left out.")
    if skipped:
        say(left_out(skipped, "interactions"))
    _, first = np.unique(ends[good], axis=0, return_index=True)
    if len(first) < len(good):
        say(f"{len(good) - len(first):,} interactions came before: each is counted once.")
    rows = good[np.sort(first)]
    kept: dict[str, Json] = {"user": user, "item": item, "time": time}
    return Interactions(
        halves[0][0],
        halves[1][0],
        ends[rows],
        times=None if when is None else when[rows],
        history=history,
        skipped=skipped,
        reading={k: v for k, v in kept.items() if v is not None},
    )


def _ends(names: Sequence[str], user: str | None, item: str | None) -> tuple[str, str]:
    for wished in (user, item):
        if wished is not None and wished not in names:
            raise UnknownName("column", wished, names)
    found = choices(names) or (tuple(names) if len(names) == 2 else (None, None))
    own, other = user or found[0], item or found[1]
    if own and other and own != other:
        return own, other
    do = "Name them: user='...', item='...' (--user, --item)."
    raise DataError(f"which of the columns {', '.join(names)} are the users and the items?", do)


def choices(names: Sequence[str]) -> tuple[str, str] | None:
    """The columns of users and of items, where some are called so."""
    lower = {n.lower(): n for n in reversed(names)}
    user, item = (next((lower[n] for n in known if n in lower), None) for known in (USERS, ITEMS))
    return (user, item) if user and item else None


def _time(table: pa.Table, wished: str | None) -> np.ndarray | None:
    if wished is not None and wished not in table.column_names:
        raise UnknownName("column", wished, table.column_names)
    name = wished or next((n for n in table.column_names if n.lower() in TIMES), None)
    return None if name is None else np.unique(table[name].to_numpy(), return_inverse=True)[1]


def _half(
    table: pa.Table, name: str, given: Any, wished: dict[str, str], side: str, data: Any
) -> tuple[Table, np.ndarray]:
    """The table of one side, and the place in it of each interaction's; -1: there is none."""
    if given is not None:
        found = (given if isinstance(given, Table) else tables(given)).on(side, wished)
        place = {one: i for i, one in enumerate(found.ids)}
        return found, np.array([place.get(v or "", -1) for v in names_of(table[name])], np.int64)
    kind = wished.get(name) or seen(table[name])
    folder = os.path.dirname(os.path.abspath(data)) if isinstance(data, str | os.PathLike) else ""
    if kind == "vector":
        ids = [str(i) for i in range(len(table))]
        return Table(ids, table.select([name]), {name: kind}, side=side), np.arange(len(table))
    coded = places(names_of(table[name]))
    ids = list(coded.names)
    if kind in ("text", "image", "several"):
        columns = parted(pa.table({name: ids}), {name: kind})
        return Table(ids, columns, {name: kind}, side=side, folder=folder), coded.codes
    return Table(ids, pa.table({"_": ids}).drop_columns(["_"]), {"id": "id"}, side=side), coded.codes


def _good(table: pa.Table, ends: np.ndarray, names: tuple[str, str]) -> tuple[np.ndarray, list[Skipped]]:
    """The rows whose user and item are known, and the others."""
    skipped: list[Skipped] = []
    for row in np.flatnonzero((ends < 0).any(1)):
        name = names[int(ends[row, 0] >= 0)]
        value = table[name][int(row)].as_py()
        why = f"it has no {name}" if value in (None, "") else f"no table holds the {name} {value}"
        skipped.append(Skipped(f"row {row}", why))
    return np.flatnonzero((ends >= 0).all(1)), skipped
