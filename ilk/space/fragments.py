"""What Lance says of the files that hold the rows: enough to tell two versions apart without reading them.

A row's address is fragment << 32 | place in its file. A fragment's files never change; rows of it are
deleted by a list beside it. Compaction moves rows into new fragments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import lance
import numpy as np
import pyarrow as pa

READ = ("id", "vector")  # what an index knows of a row


class Fragment(NamedTuple):
    files: str  # that hold ids and vectors: rows of the same files are the same
    deleted: str  # the list of deleted rows, or nothing


def fragments(data: lance.LanceDataset) -> dict[int, Fragment]:
    wanted = {f.id() for f in data.lance_schema.fields() if f.name() in READ}
    found = {}
    for fragment in data.get_fragments():
        number, about = fragment.fragment_id, fragment.metadata
        files = ",".join(f.path for f in about.files if wanted & set(f.fields))
        deleted = about.deletion_file
        found[number] = Fragment(files, deleted.path(number) if deleted else "")
    return found


def scan(data: lance.LanceDataset, numbers: Iterable[int], names: Iterable[str]) -> pa.Table:
    """The columns, and `_rowaddr`, of the living rows of some fragments, in order."""
    chosen = [data.get_fragment(n) for n in sorted(numbers)]
    if not chosen:  # no fragments would mean all of them
        fields = [data.schema.field(name) for name in names]
        return pa.schema([*fields, pa.field("_rowaddr", pa.uint64())]).empty_table()
    table: pa.Table = data.scanner(columns=list(names), with_row_address=True, fragments=chosen).to_table()
    return table


def addresses(data: lance.LanceDataset, numbers: Iterable[int]) -> np.ndarray:
    """Of the living rows of some fragments, ascending."""
    found: np.ndarray = np.sort(scan(data, numbers, [])["_rowaddr"].to_numpy())
    return found
