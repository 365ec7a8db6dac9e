"""Tables of pictures, and metadata as columns."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ..errors import DataError

PATHS = ("path", "file", "filename", "image")


def read(path: str, kind: str) -> tuple[list[str | None], list[str], pa.Table]:
    """Paths, ids and all other columns of a CSV or parquet table of pictures."""
    try:
        if kind in (".parquet", ".pq"):
            table = pa.parquet.read_table(path)
        else:
            options = pa.csv.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
            table = pa.csv.read_csv(path, parse_options=options)
    except (pa.ArrowException, OSError) as e:
        raise DataError(
            f"the table {path} cannot be read: {e}", "Expected CSV with a line of names, or parquet."
        ) from e
    column = next((c for want in PATHS for c in table.column_names if c.lower() == want), None)
    if column is None:
        raise DataError(
            f"no column of paths in {path}: it has {', '.join(table.column_names)}",
            f"Call the column with the pictures' files one of {', '.join(PATHS)}.",
        )
    given = table[column].cast(pa.string()).to_pylist()
    folder = os.path.dirname(os.path.abspath(path))
    paths = [None if p is None else os.path.join(folder, p) for p in given]
    if "id" not in table.column_names:
        return paths, [(p or f"row {i}").replace(os.sep, "/") for i, p in enumerate(given)], table
    ids = table["id"].cast(pa.string()).to_pylist()
    if None in ids or len(set(ids)) < len(ids):
        raise DataError(
            f"the id column of {path} has {len(ids) - len(set(ids) - {None})} repeated or empty values",
            "Each sample needs an id of its own. With the column renamed, the path becomes the id.",
        )
    return paths, ids, table.drop_columns("id")


def of_rows(rows: list[dict[str, object]]) -> pa.Table | None:
    """Dictionaries with any keys -> one table; a column of mixed types becomes text."""
    names = list(dict.fromkeys(k for row in rows for k in row))
    return pa.table({n: _column([row.get(n) for row in rows]) for n in names}) if names else None


def _column(values: list[object]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array(
            [v if isinstance(v, str) or v is None else json.dumps(v) for v in values], pa.string()
        )


def beside(table: pa.Table | None, more: pa.Table | None, prefix: str) -> pa.Table | None:
    """Both tables' columns; a name of `more` that is taken gets the prefix."""
    if table is None or more is None:
        return more if table is None else table
    for name, column in zip(more.column_names, more.columns):
        table = table.append_column(prefix + name if name in table.column_names else name, column)
    return table
