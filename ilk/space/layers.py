"""Layers: what was computed from a space, one parquet file each: an id column, and named columns.

A layer follows deletions: rows whose id has left the space are not given back. It does not follow
replacements: a row that was upserted again keeps the value computed from its old vector until the layer is
written again. What made the layer (parameters, time, version of the rows) stands in the file.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import files
from ..errors import FormatError, OptionError, UnknownName

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MADE = b"ilk.made"


def names(space: Path) -> list[str]:
    return sorted(p.stem for p in (space / "layers").glob("*.parquet") if _NAME.fullmatch(p.stem))


def write(space: Path, name: str, table: pa.Table, made: dict[str, Any], version: int) -> None:
    if not _NAME.fullmatch(name):
        raise OptionError(f"a layer cannot be called {name!r}", "Use up to 64 letters, digits, - and _.")
    _check(name, table)
    about = {"parameters": made, "time": datetime.now(UTC).isoformat(timespec="seconds"), "version": version}
    try:
        note = json.dumps(about)
    except TypeError as e:
        raise OptionError(
            f"what made layer {name!r} is not JSON: {e}", "Use plain numbers, text and lists."
        ) from e
    data = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({_MADE: note}), data)
    with files.room(space / "layers"):
        (space / "layers").mkdir(exist_ok=True)
    files.write(space / "layers" / f"{name}.parquet", data.getvalue())


def remove(space: Path, name: str) -> None:
    """Nothing happens where there is none."""
    (space / "layers" / f"{name}.parquet").unlink(missing_ok=True)


def read(space: Path, name: str, ids: pa.Array[Any]) -> pa.Table:
    """The rows of the layer whose id is among `ids`."""
    if name not in names(space):
        raise UnknownName("layer", name, names(space))
    with _reading(space, name) as path:
        table = pq.read_table(path)
    return table.filter(pc.is_in(table["id"], value_set=ids))


def made(space: Path, name: str) -> dict[str, Any]:
    """The parameters, the time and the version of the rows that the layer was computed from."""
    with _reading(space, name) as path:
        about: dict[str, Any] = json.loads(pq.read_schema(path).metadata[_MADE])
    return about


def columns(space: Path, taken: set[str]) -> dict[str, tuple[str, str]]:
    """All columns of all layers (layer, column), by a name that is not among those `taken`."""
    found: dict[str, tuple[str, str]] = {}
    for layer in names(space):
        with _reading(space, layer) as path:
            inside = pq.read_schema(path).names
        for column in inside:
            unique = column
            while unique in taken or unique in found:
                unique = f"{layer}_{unique}"
            if column != "id":
                found[unique] = (layer, column)
    return found


def written(space: Path, name: str) -> int:
    """When, in nanoseconds; 0 where there is none."""
    try:
        return (space / "layers" / f"{name}.parquet").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def _reading(space: Path, name: str) -> Iterator[Path]:
    path = space / "layers" / f"{name}.parquet"
    try:
        yield path
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{path} is damaged: {e}", "Compute the layer again, or remove the file.") from e


def _check(name: str, table: pa.Table) -> None:
    if (
        "id" not in table.column_names
        or table.num_columns < 2
        or table.schema.field("id").type != pa.string()
    ):
        raise OptionError(
            f"layer {name!r} has the columns {table.schema.names}",
            "Expected a column id of strings and at least one other.",
        )
    if len(set(table.column_names)) < table.num_columns:
        raise OptionError(f"layer {name!r} has two columns of one name: {table.column_names}")
    if len(pc.unique(table["id"])) < table.num_rows or table["id"].null_count:
        raise OptionError(f"layer {name!r} has several rows for one id, or a row without an id")
