"""Rows: the truth of a space, a Lance dataset. Whatever else a space holds can be made again from it.

A `Rows` is one version and never changes; writing gives the next one. Lance writes each commit's files
first and makes them visible in one step, so a killed process leaves the version before.

Legend: n rows, D numbers a vector.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lance.optimize import Compaction

from .. import files
from ..errors import OptionError, SpaceError
from . import columns
from .address import Address

FRAGMENT = 65_536  # rows; smaller files than this are put together
TIDY_EVERY = 64  # versions
KEEP, MANY = timedelta(days=1), 1000  # versions of the last day stay, but not more than so many
_PIECES = 8  # in which ids are looked for one after the other
_MANY = 1000  # rows written at once, for which to read all ids is worth it
_NEVER = timedelta(days=365_000)


class Rows:
    """One version of the rows, always in the same order."""

    def __init__(self, at: Address, data: lance.LanceDataset) -> None:
        self.at = at
        self.data = data
        self._known: list[pa.Array[Any]] = []  # ids, in pieces: of all rows, or not kept up
        self._lease = at.lease(self.version)  # this version's files stay while this object does

    @classmethod
    def create(cls, at: Address, dim: int) -> Rows:
        types = [pa.string(), pa.list_(pa.float32(), dim), pa.string(), pa.binary()]
        nothing = pa.schema(list(zip(columns.OURS, types))).empty_table()
        with at.durable():
            try:
                rows = cls(at, lance.write_dataset(nothing, at.uri))
            except OSError as e:
                if "already exists" not in str(e):
                    raise
                raise SpaceError(
                    f"{at.uri} holds rows already",
                    "Give another address, or open the space that they belong to.",
                ) from e
        if at.folder is not None:
            files.sync_folder(at.folder.parent)
        return rows

    @classmethod
    def open(cls, at: Address, version: int | None = None) -> Rows:
        """The newest version, or an old one."""
        with at.reading(), at.choosing():
            newest = at.dataset()
            if version in (None, newest.version):
                return cls(at, newest)
            known = [v["version"] for v in newest.versions()]
            if version in known:
                return cls(at, at.dataset(version))
        raise OptionError(
            f"{at.space} has no version {version} (any more)",
            f"It has {len(known)}, from {known[0]} to {known[-1]}: see Space.versions, or ilk versions.",
        )

    def __len__(self) -> int:
        return int(self.data.count_rows())

    @property
    def version(self) -> int:
        return int(self.data.version)

    @property
    def schema(self) -> pa.Schema:
        schema: pa.Schema = self.data.schema
        return schema

    @cached_property
    def dim(self) -> int:
        return int(self.schema.field("vector").type.list_size)

    @property
    def metadata_names(self) -> list[str]:
        return [name for name in self.schema.names if name not in columns.OURS]

    @cached_property
    def ids(self) -> pa.Array[Any]:
        return self._ids_and_addresses["id"].combine_chunks()

    @property
    def addresses(self) -> np.ndarray:
        """(n,) uint64, where Lance keeps each row: number of the fragment << 32 | place in it."""
        addresses: np.ndarray = self._ids_and_addresses["_rowaddr"].to_numpy()
        return addresses

    def columns(self, names: list[str]) -> pa.Table:
        with self.at.reading():
            table: pa.Table = self.data.to_table(columns=names)
        return table

    def take(self, places: np.ndarray, names: list[str]) -> pa.Table:
        """Some rows, by their places in the order, as asked."""
        with self.at.reading():
            table: pa.Table = self.data.take(pa.array(places, pa.uint64()), columns=names)
        return table

    def batches(self, names: list[str], size: int = 8192) -> Iterator[pa.RecordBatch]:
        with self.at.reading():
            yield from self.data.to_batches(columns=names, batch_size=size)

    def places(self, ids: list[str]) -> np.ndarray:
        """Where each id stands in the order, -1 where there is none."""
        found = pc.index_in(pa.array(ids, pa.string()), value_set=self.ids)
        return np.asarray(found.fill_null(-1), np.int64)

    def stranger(self, fingerprint: str) -> str | None:
        """The fingerprint of a row that another encoder made, if there is one."""
        odd = f"encoder IS NULL OR encoder != '{fingerprint}'"
        with self.at.reading():
            found = (
                self.data.scanner(columns=["encoder"], filter=odd, limit=1).to_table()["encoder"].to_pylist()
            )
        return (found[0] or "none") if found else None

    def upsert(self, table: pa.Table) -> tuple[Rows, int, int]:
        """The next version, and how many rows were added and replaced. Ids in `table` are unique."""
        rows = self.with_columns(list(table.schema))
        whole = columns.fit(table, rows.schema)
        if rows._are_new(whole["id"]):
            return rows._append(whole), whole.num_rows, 0
        merge = rows.data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        after, done = rows._merge(merge, whole)
        return after, done["num_inserted_rows"], done["num_updated_rows"]

    def delete(self, ids: list[str]) -> tuple[Rows, int]:
        """The next version without these rows, all in one step, and how many there were."""
        merge = self.data.merge_insert("id").when_matched_delete()
        after, done = self._merge(merge, pa.table({"id": pa.array(ids, pa.string())}))
        return after, done["num_deleted_rows"]

    def with_columns(self, fields: list[pa.Field[Any]]) -> Rows:
        """With such of these columns as there are not yet, empty."""
        fields = [f for f in fields if f.name not in self.schema.names]
        if not fields:
            return self
        with self.at.durable():
            data = self._own()
            data.add_columns([pa.field(f.name, f.type) for f in fields])
        return Rows(self.at, data)

    def adopted(self, pieces: list[Any], ids: pa.Array[Any]) -> tuple[Rows, int, int]:
        """The next version, with fragments that hold rows of these ids; rows whose ids were known go.

        All in one step. Also how many rows were added and replaced.
        """
        old = self.addresses[np.asarray(pc.is_in(self.ids, value_set=ids))]
        with self.at.durable():
            changed, gone = [], []
            for number in np.unique(old >> np.uint64(32)).tolist():
                those = ",".join(map(str, old[old >> np.uint64(32) == number].tolist()))
                left = self.data.get_fragment(number).delete(f"_rowaddr IN ({those})")
                changed += [] if left is None else [left]
                gone += [number] if left is None else []
        what = lance.LanceOperation.Update(
            removed_fragment_ids=gone, updated_fragments=changed, new_fragments=pieces
        )
        return self._committed(what), len(ids) - len(old), len(old)

    def versions(self) -> pa.Table:
        """What there is to go back to, the oldest first."""
        with self.at.reading():
            found = self.at.dataset().versions()
        rows = [v["metadata"].get("total_rows") for v in found]
        return pa.table(
            {
                "version": pa.array([v["version"] for v in found], pa.int64()),
                # Lance gives local time without saying so.
                "time": pa.array([v["timestamp"].astimezone(UTC) for v in found], pa.timestamp("us", "UTC")),
                "rows": pa.array([None if n is None else int(n) for n in rows], pa.int64()),
            }
        )

    def restored(self) -> Rows:
        """This version once more, as the newest."""
        with self.at.durable():
            data = self._own()
            data.restore()
        return Rows(self.at, data)

    def bytes(self) -> int:
        """Of all files, those of older versions too."""
        with self.at.reading():
            sizes = self.data.all_files().read_all()["size_bytes"]
        return int(pc.sum(sizes).as_py() or 0)

    def tidied(self, threshold: float = 0.1) -> Rows:
        """Small files put together, and the room of deleted rows given back where they are many in a file."""
        data = self._own()
        options = {"target_rows_per_fragment": FRAGMENT, "materialize_deletions_threshold": threshold}
        plan = Compaction.plan(data, options)
        if not plan.num_tasks():
            return self
        with self.at.durable():
            done = [task.execute(data) for task in plan.tasks]
        with self.at.durable():
            Compaction.commit(data, done)
        return Rows(self.at, data)

    def forget(self, young: timedelta, many: int | None = None) -> tuple[int, int]:
        """Old versions go, except the `young` and those that somebody looks at; so do writes cut short.

        `many`: how many young ones stay at most. Returns how many versions went, and how many stay only
        because they are looked at. Only for the holder of the lock.
        """
        with self.at.cleaning() as held:
            if held is None:  # somebody may read what we cannot see
                young, many, held = max(young, KEEP), None, set()
            table = self.versions()
            table = table.slice(0, table.num_rows - 1)  # never the newest
            kept = pc.greater(table["time"], pa.scalar(datetime.now(UTC) - young))
            numbers: np.ndarray = table["version"].to_numpy()
            old = set(table.filter(pc.invert(kept))["version"].to_numpy().tolist())
            if many is not None:
                old |= set(numbers[: max(0, len(numbers) - many)].tolist())
            gone = sorted(old - held)
            which: dict[str, Any] = {"versions": gone} if gone else {"older_than": _NEVER}
            with self.at.durable():
                self.at.dataset().cleanup_old_versions(delete_unverified=self.at.folder is not None, **which)
        return len(gone), len(old & held)

    @cached_property
    def _ids_and_addresses(self) -> pa.Table:
        with self.at.reading():
            table: pa.Table = self.data.scanner(columns=["id"], with_row_address=True).to_table()
        return table

    def _own(self) -> lance.LanceDataset:
        """This version once more, for calls that move their dataset on to the next."""
        return self.at.dataset(self.version)

    def _merge(self, merge: Any, table: pa.Table) -> tuple[Rows, dict[str, int]]:
        with self.at.durable():
            transaction, done = merge.execute_uncommitted(table)
        return self._committed(transaction), done

    def _append(self, table: pa.Table) -> Rows:
        """Three times as fast as to ask Lance which ids it knows, when that is known here."""
        with self.at.durable():
            pieces = lance.fragment.write_fragments(table, self.data.uri)
        after = self._committed(lance.LanceOperation.Append(pieces))
        after._known = [*self._known, *table["id"].chunks]
        if len(after._known) > _PIECES:
            after._known = [pa.concat_arrays(after._known)]
        return after

    def _are_new(self, ids: pa.ChunkedArray[Any]) -> bool:
        """Whether no row has any of them; False too where to find out would cost more than it saves."""
        if sum(len(part) for part in self._known) != len(self):
            if len(ids) < _MANY:
                return False
            self._known = [self.ids]
        value_set = ids.combine_chunks()
        return not any(pc.any(pc.is_in(part, value_set=value_set)).as_py() for part in self._known)

    def _committed(self, what: Any) -> Rows:
        with self.at.durable():
            if isinstance(what, lance.Transaction):
                data = lance.LanceDataset.commit(self.data.uri, what)
            else:
                data = lance.LanceDataset.commit(self.data.uri, what, read_version=self.version)
        if data.version != self.version + 1:  # the lock is the folder's, of which there may be a copy
            raise SpaceError(
                f"another machine wrote to {self.at.uri} at the same time: ids may now stand there twice",
                f"Let one machine write; go back to what it wrote: space.restore({data.version - 1}).",
            )
        return Rows(self.at, data)
