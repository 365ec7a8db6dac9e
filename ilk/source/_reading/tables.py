"""Tables of pictures, and metadata as columns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ...errors import DataError

NAMES = ("path", "file", "filename", "image")  # of the column with the pictures


@dataclass
class Pictures:
    """A table of pictures: where they are, their ids, and all other columns."""

    ids: list[str]
    columns: pa.Table
    paths: list[str | None] | None  # None: the pictures are in the parquet file itself, in `column`
    column: str


def read(path: str, kind: str) -> Pictures:
    table, column, inside = _load(path, kind)
    name = os.path.basename(path)
    if inside:
        paths, ids = None, [f"{name}#{i}" for i in range(len(table))]
    else:
        given = table[column].cast(pa.string()).to_pylist()
        folder = os.path.dirname(os.path.abspath(path))
        paths = [None if p is None else os.path.join(folder, p) for p in given]
        ids = [(p or f"{name}#{i}").replace(os.sep, "/") for i, p in enumerate(given)]
    if "id" in table.column_names:
        ids = _own_ids(path, table["id"].cast(pa.string()).to_pylist())
        table = table.drop_columns("id")
    return Pictures(ids, table, paths, column)


def _load(path: str, kind: str) -> tuple[pa.Table, str, bool]:
    """The table, the name of its column of pictures, and whether that holds them rather than paths."""
    try:
        if kind not in (".parquet", ".pq"):
            options = pa.csv.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
            table = pa.csv.read_csv(path, parse_options=options)
            return table, _column_of_pictures(path, table.schema), False
        schema = pa.parquet.read_schema(path)
        column = _column_of_pictures(path, schema)
        inside = not (
            pa.types.is_string(schema.field(column).type)
            or pa.types.is_large_string(schema.field(column).type)
        )
        others = [n for n in schema.names if n != column or not inside]
        table = pa.parquet.read_table(path, columns=others)
        return table, column, inside
    except (pa.ArrowException, OSError) as e:
        raise DataError(
            f"the table {path} cannot be read: {e}", "Expected CSV with a line of names, or parquet."
        ) from e


def _column_of_pictures(path: str, schema: pa.Schema) -> str:
    for want in NAMES:
        for name in schema.names:
            if name.lower() == want:
                return str(name)
    raise DataError(
        f"no column of paths in {path}: it has {', '.join(schema.names)}",
        f"Call the column with the pictures' files one of {', '.join(NAMES)}.",
    )


def _own_ids(path: str, ids: list[str | None]) -> list[str]:
    good = {i for i in ids if i is not None}
    if len(good) < len(ids):
        raise DataError(
            f"the id column of {path} has {len(ids) - len(good)} repeated or empty values",
            "Each sample needs an id of its own. With the column renamed, the path becomes the id.",
        )
    return [str(i) for i in ids]


def embedded(path: str, column: str) -> Iterator[bytes | None]:
    """The encoded pictures in a parquet file: binary, or {bytes, path} as `datasets` writes them."""
    for batch in pa.parquet.ParquetFile(path).iter_batches(256, columns=[column]):
        cells = batch.column(0)
        if pa.types.is_struct(cells.type) and "bytes" in [f.name for f in cells.type]:
            cells = pc.struct_field(cells, "bytes")
        for cell in cells:
            value = cell.as_py()
            yield value if isinstance(value, bytes) else None


def of_rows(rows: list[dict[str, object]]) -> pa.Table | None:
    """Dictionaries with any keys -> one table; a column of mixed types becomes text."""
    names = list(dict.fromkeys(k for row in rows for k in row))
    return pa.table({_whole(n): _column([row.get(n) for row in rows]) for n in names}) if names else None


def _whole(text: str) -> str:
    """With ? for halves of letters, which JSON may hold and UTF-8 may not."""
    return text.encode(errors="replace").decode()


def _column(values: list[object]) -> pa.Array[Any]:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        texts = [v if isinstance(v, str) or v is None else json.dumps(v) for v in values]
        return pa.array([t if t is None else _whole(t) for t in texts], pa.string())


def beside(table: pa.Table | None, more: pa.Table | None, prefix: str) -> pa.Table | None:
    """Both tables' columns; a name of `more` that is taken gets the prefix."""
    if table is None or more is None:
        return more if table is None else table
    for name, column in zip(more.column_names, more.columns):
        table = table.append_column(prefix + name if name in table.column_names else name, column)
    return table
