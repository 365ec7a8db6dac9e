"""Ids and metadata columns: what a user's table becomes before it is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .. import console
from ..errors import DataError, OptionError

OURS = ("id", "vector", "encoder", "picture")  # columns that a space writes itself
LANCES = ("_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version")


def clean(metadata: pa.Table | None, ids: pa.Array[Any]) -> pa.Table:
    """The columns as they are stored: plain types, names without dots, none called like ours.

    A column of ours is renamed (`vector` becomes `vector_`), and said so; an `id` column that repeats the
    ids, and columns of nothing but nulls without a type, are left out.
    """
    if metadata is None:
        return pa.table({})
    if metadata.num_rows != len(ids):
        raise OptionError(
            f"{metadata.num_rows} rows of metadata for {len(ids)} rows", "Give one row for each id."
        )
    kept: dict[str, Any] = {}
    for name, column in zip(metadata.column_names, metadata.columns):
        values = plain(column)
        if pa.types.is_null(values.type) or (name == "id" and values.type == ids.type and values.equals(ids)):
            continue
        stored = _name(name)
        if stored in kept:
            raise OptionError(f"two metadata columns would be called {stored!r}", "Rename one of them.")
        kept[stored] = values
    return pa.table(kept)


def texts(ids: Iterable[Any]) -> list[str]:
    """Ids as they may be: text, not empty."""
    out = list(ids)
    for given in out:
        if not isinstance(given, str) or not given or "\0" in given:
            raise DataError(
                f"{given!r} cannot be an id", "An id is text, not empty, without a zero character."
            )
        try:
            given.encode()
        except UnicodeEncodeError as e:
            raise DataError(f"the id {given!r} is not valid Unicode", "Rename it.") from e
    return out


def fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with exactly the columns of `schema`: cast where nothing is lost, null where there is none."""
    columns = [
        _cast(table[field.name].combine_chunks(), field)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def plain(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Without types that only some libraries know: categories become their text."""
    values: Any = column.combine_chunks()
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    out: pa.Array[Any] = values
    return out


def _name(name: str) -> str:
    stored = name.replace(".", "_")  # a dot means a field of a struct in a filter
    while stored in OURS or stored in LANCES or not stored:
        stored += "_"
    if stored != name:
        console.say(f"metadata column {name!r} is stored as {stored!r}")
    return stored


def _cast(values: pa.Array[Any], field: pa.Field[Any]) -> pa.Array[Any]:
    if values.type == field.type:
        return values
    try:
        if _kind(values.type) == _kind(field.type):
            return pc.cast(values, field.type)  # safe: refuses what would change a value
        why = ""
    except pa.ArrowInvalid as e:
        why = f" ({e})"
    raise OptionError(
        f"metadata column {field.name!r} holds {field.type} in this space; {values.type} came{why}",
        "Convert the column, or give it another name.",
    )


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    return str(type_)
