"""Rows: the truth of a space, a Lance dataset. Whatever else a space holds can be made again from it.

A `Rows` is one version and never changes; writing gives the next one. Lance writes each commit's files
first and makes them visible in one step, so a killed process leaves the version before. It does not ask
the disk to keep them, so that is done here: files before the commit, the commit before it is acknowledged.

Legend: n rows, D numbers a vector.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lance.optimize import Compaction

from .. import files
from ..errors import DiskFull, FilterError, FormatError, SpaceError
from . import columns

FRAGMENT = 65_536  # rows; smaller files than this are put together
TIDY_EVERY = 64  # versions
KEEP = timedelta(days=1)  # old versions, where another process may be reading them
_FOLDERS = ("data", "_deletions", "_transactions", "_versions")
_NO_ROOM = ("No space left", "os error 28)", "os error 122)", "os error 27)")  # ENOSPC, EDQUOT, EFBIG


class Rows:
    """One version of the rows, always in the same order."""

    def __init__(self, folder: Path, data: lance.LanceDataset) -> None:
        self.folder = folder
        self.data = data

    @classmethod
    def create(cls, folder: Path, dim: int) -> Rows:
        types = [pa.string(), pa.list_(pa.float32(), dim), pa.string(), pa.binary()]
        nothing = pa.schema(list(zip(columns.OURS, types))).empty_table()
        with _durable(folder):
            return cls(folder, lance.write_dataset(nothing, str(folder)))

    @classmethod
    def open(cls, folder: Path) -> Rows:
        with _readable(folder):
            return cls(folder, lance.dataset(str(folder)))

    def __len__(self) -> int:
        return int(self.data.count_rows())

    @property
    def version(self) -> int:
        return int(self.data.version)

    @property
    def schema(self) -> pa.Schema:
        schema: pa.Schema = self.data.schema
        return schema

    @property
    def dim(self) -> int:
        return int(self.schema.field("vector").type.list_size)

    @property
    def metadata_names(self) -> list[str]:
        return [name for name in self.schema.names if name not in columns.OURS]

    @cached_property
    def key(self) -> str:
        """Sixteen hex digits that change whenever a row does: from the names of the files that hold them."""
        parts = [
            repr((f.fragment_id, f.metadata.files, f.metadata.deletion_file))
            for f in self.data.get_fragments()
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def ids(self) -> pa.Array[Any]:
        return self._ids_and_addresses["id"].combine_chunks()

    def columns(self, names: list[str]) -> pa.Table:
        with _readable(self.folder):
            table: pa.Table = self.data.to_table(columns=names)
        return table

    def take(self, places: np.ndarray, names: list[str]) -> pa.Table:
        """Some rows, by their places in the order, as asked."""
        with _readable(self.folder):
            table: pa.Table = self.data.take(pa.array(places, pa.uint64()), columns=names)
        return table

    def batches(self, names: list[str], size: int = 8192) -> Iterator[pa.RecordBatch]:
        with _readable(self.folder):
            yield from self.data.to_batches(columns=names, batch_size=size)

    def vectors(self) -> Iterator[np.ndarray]:  # (B, D) each
        for batch in self.batches(["vector"]):
            numbers: Any = batch.column(0)
            yield numbers.flatten().to_numpy().reshape(-1, self.dim)

    def places(self, ids: list[str]) -> np.ndarray:
        """Where each id stands in the order, -1 where there is none."""
        found = pc.index_in(pa.array(ids, pa.string()), value_set=self.ids)
        return np.asarray(found.fill_null(-1), np.int64)

    def matching(self, where: str) -> np.ndarray:
        """The places of the rows for which the SQL condition holds, ascending."""
        # In brackets the whole text must parse; without, Lance ignores what follows a complete condition.
        # The line break ends a comment.
        try:
            found = self.data.scanner(columns=[], filter=f"({where}\n)", with_row_id=True).to_table()
        except (ValueError, OSError, NotImplementedError) as e:
            known = ["id", *self.metadata_names]
            number = next((f.name for f in self.schema if pa.types.is_floating(f.type)), None)
            example = f"`{number}` > 0.5" if number else "id LIKE 'a%'"
            raise FilterError(
                f"where={where!r} cannot be used: {_complaint(str(e))}",
                f"Columns: {', '.join(known)}. An SQL condition is expected, for example: {example}",
            ) from e
        addresses = self._ids_and_addresses["_rowid"].to_numpy()
        return np.flatnonzero(np.isin(addresses, found["_rowid"].to_numpy(), assume_unique=True))

    def stranger(self, fingerprint: str) -> str | None:
        """The fingerprint of a row that another encoder made, if there is one."""
        odd = f"encoder IS NULL OR encoder != '{fingerprint}'"
        with _readable(self.folder):
            found = (
                self.data.scanner(columns=["encoder"], filter=odd, limit=1).to_table()["encoder"].to_pylist()
            )
        return (found[0] or "none") if found else None

    def upsert(self, table: pa.Table) -> tuple[Rows, int, int]:
        """The next version, and how many rows were added and replaced. Ids in `table` are unique."""
        rows = self._with_columns([f for f in table.schema if f.name not in self.schema.names])
        merge = rows.data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        after, done = rows._merge(merge, columns.fit(table, rows.schema))
        return after, done["num_inserted_rows"], done["num_updated_rows"]

    def delete(self, ids: list[str]) -> tuple[Rows, int]:
        """The next version without these rows, all in one step, and how many there were."""
        merge = self.data.merge_insert("id").when_matched_delete()
        after, done = self._merge(merge, pa.table({"id": pa.array(ids, pa.string())}))
        return after, done["num_deleted_rows"]

    def tidied(self) -> Rows:
        """Small files put together, and the space of deleted rows given back."""
        data = self._own()
        plan = Compaction.plan(data, {"target_rows_per_fragment": FRAGMENT})
        if not plan.num_tasks():
            return self
        with _durable(self.folder):
            done = [task.execute(data) for task in plan.tasks]
        with _durable(self.folder):
            Compaction.commit(data, done)
        return Rows(self.folder, data)

    def forget(self, older_than: timedelta) -> None:
        """Files of older versions, and of writes that were cut short, go. Only for the holder of the lock."""
        self.data.cleanup_old_versions(older_than=older_than, delete_unverified=True)

    @cached_property
    def _ids_and_addresses(self) -> pa.Table:
        with _readable(self.folder):
            table: pa.Table = self.data.to_table(columns=["id"], with_row_id=True)
        return table

    def _with_columns(self, fields: list[pa.Field[Any]]) -> Rows:
        if not fields:
            return self
        with _durable(self.folder):
            data = self._own()
            data.add_columns([pa.field(f.name, f.type) for f in fields])
        return Rows(self.folder, data)

    def _own(self) -> lance.LanceDataset:
        """This version once more, for calls that move their dataset on to the next."""
        return lance.dataset(str(self.folder), version=self.version)

    def _merge(self, merge: Any, table: pa.Table) -> tuple[Rows, dict[str, int]]:
        with _durable(self.folder):
            transaction, done = merge.execute_uncommitted(table)
        with _durable(self.folder):
            data = lance.LanceDataset.commit(self.data.uri, transaction)
        return Rows(self.folder, data), done


def _complaint(lance: str) -> str:
    """The heart of an error: not where in Lance's source it arose, nor columns that the user did not make."""
    text = lance.split(", /")[0].split(" Valid fields are")[0].replace("Invalid user input: ", "")
    _, parser, inner = text.partition("(sql parser error: ")
    return " ".join((inner[:-1] if parser else text).split())


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as e:
        raise FormatError(f"the rows in {folder} cannot be read: {e}", _way_back(folder)) from e


@contextmanager
def _durable(folder: Path) -> Iterator[None]:
    """What is written inside is on the disk afterwards; Lance's errors become ours."""
    before = _files(folder)
    try:
        yield
        _sync(folder, _files(folder) - before)
    except (ValueError, OSError) as e:
        if any(sign in str(e) for sign in _NO_ROOM):
            raise DiskFull(
                f"no room left while writing {folder}",
                "Everything reported as done before is kept. Free some space, then try again.",
            ) from e
        raise SpaceError(f"the rows could not be written to {folder}: {e}") from e


def _files(folder: Path) -> set[str]:
    return {
        entry.path
        for name in _FOLDERS
        if (folder / name).is_dir()
        for entry in os.scandir(folder / name)
        if not entry.name.startswith(".")
    }


def _sync(folder: Path, new: set[str]) -> None:
    for name in new:
        with open(name, "r+b") as f:
            os.fsync(f.fileno())
    for path in {Path(name).parent for name in new} | {folder}:
        files.sync_folder(path)


def _way_back(folder: Path) -> str:
    """What to do about rows that do not open: the newest version that does."""
    manifests = sorted((folder / "_versions").glob("*.manifest"))  # the newest first: Lance counts down
    for i, manifest in enumerate(manifests[1:], 1):
        version = 2**64 - 1 - int(manifest.stem)
        try:
            n = lance.dataset(str(folder), version=version).count_rows()
        except (ValueError, OSError):
            continue
        bad = ", ".join(m.name for m in manifests[:i])
        return f"Version {version} ({n} rows) can be read. To go back, move {bad} out of {folder}/_versions."
    return "Put the folder back from a copy."
