"""Texts that are rows: JSON lines, CSV, parquet, Arrow tables. Their other columns become metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ...errors import OptionError, UnreadableSample
from .._reading.tables import of_rows
from . import files

NAMES = ("text", "content", "body", "sentence", "document", "abstract", "description", "title")
LONGEST = 1 << 24  # letters of a line of JSON, bytes of CSV read at a time: no row may be longer
ROWS = 4096  # of parquet, read at a time

Rows: TypeAlias = tuple[list[str | None], pa.Table | None]  # texts (None: none), and the other columns


def rows(path: str, column: str | None, encoding: str | None) -> Iterator[Rows]:
    kind = files.kind_of(path)
    if kind in files.LINES:
        return _of_lines(path, column, encoding)
    return _of_csv(path, kind, column, encoding) if kind in files.SEPARATED else _of_parquet(path, column)


def of_table(table: pa.Table, column: str | None) -> Rows:
    name = column_of(table.schema, column)
    others = [n for n in table.column_names if n != name]
    return _texts(table[name]), table.select(others) if others else None


def column_of(schema: pa.Schema, column: str | None) -> str:
    """The column that was named, else one that is called like a text, else the only one that holds text."""
    if column is not None:
        if column in schema.names:
            return column
        raise OptionError(f"no column {column!r}: there are {', '.join(schema.names)}", "Name one of these.")
    texts = [str(f.name) for f in schema if _is_text(f.type)]
    named = [n for want in NAMES for n in texts if n.lower() == want]
    if named or len(texts) == 1:
        return (named or texts)[0]
    what = f"which of the columns holds the text is not clear: {', '.join(schema.names)}"
    raise OptionError(what, "Name it: column='...' (--column ...).")


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)


def _of_lines(path: str, column: str | None, encoding: str | None) -> Iterator[Rows]:
    """A line an object, or a text."""
    with files.opened(path, encoding) as stream:
        texts: list[str | None] = []
        others: list[dict[str, object]] = []
        lines = iter(lambda: stream.readline(LONGEST), "")
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    text, rest = _object(line, number, column)
                except UnreadableSample:
                    yield texts, _others(others)  # what is good before it
                    raise
                texts.append(text)
                others.append(rest)
            if len(texts) == ROWS:
                yield texts, _others(others)
                texts, others = [], []
        yield texts, _others(others)


def _object(line: str, number: int, column: str | None) -> tuple[str | None, dict[str, object]]:
    if len(line) == LONGEST and not line.endswith("\n"):
        raise UnreadableSample(f"line {number} is longer than {LONGEST:,} letters")
    try:
        value = json.loads(line)
    except ValueError as e:
        raise UnreadableSample(f"line {number} is no JSON ({e})") from e
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict):
        raise UnreadableSample(f"line {number} is neither an object nor a text")
    strings = [k for k, v in value.items() if isinstance(v, str)]
    known = [n for n in NAMES if n in value]
    name = column or (known or (strings if len(strings) == 1 else [""]))[0]
    if name not in value:
        do = "Name the one that holds the text: column='...' (--column ...)."
        missing = f"no field {name!r}" if name else "no field that is clearly the text"
        raise OptionError(f"line {number} of the file has {missing}: {', '.join(value)}", do)
    text = value.pop(name)
    return text if isinstance(text, str) else None, value


def _others(found: list[dict[str, object]]) -> pa.Table | None:
    table = of_rows(found)
    return table if table is None or table.num_rows else None


def _of_csv(path: str, kind: str, column: str | None, encoding: str | None) -> Iterator[Rows]:
    parse = pa.csv.ParseOptions(delimiter="\t" if kind == ".tsv" else ",", newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=LONGEST, encoding=encoding or "utf8")
    with files.unpacked(path) as stream, pa.csv.open_csv(stream, read, parse) as first:
        schema = first.schema
    try:
        names = schema.names
    except UnicodeDecodeError:
        raise UnreadableSample("the names of its columns are no UTF-8") from None
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise UnreadableSample(f"two of its columns are called {twice[0]!r}")
    name = column_of(schema, column)
    # Text as bytes: what is no UTF-8 is repaired here. A type guessed from the first rows may be wrong later.
    types = {n: pa.binary() if n == name else schema.field(n).type for n in names}
    convert = pa.csv.ConvertOptions(column_types=types)
    done = 0
    with files.unpacked(path) as stream, pa.csv.open_csv(stream, read, parse, convert) as batches:
        try:
            for batch in batches:
                yield of_table(pa.Table.from_batches([batch]), name)
                done += len(batch)
        except pa.ArrowInvalid as e:
            if "straddl" not in str(e):
                raise
            after = f"a row after row {done:,} is longer than {LONGEST:,} bytes, or a quote in it never ends"
            raise UnreadableSample(after) from e


def _of_parquet(path: str, column: str | None) -> Iterator[Rows]:
    with pa.parquet.ParquetFile(path) as file:
        name = column_of(file.schema_arrow, column)
        for batch in file.iter_batches(ROWS):
            yield of_table(pa.Table.from_batches([batch]), name)


def _texts(column: pa.ChunkedArray[Any]) -> list[str | None]:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    cells: list[Any] = column.to_pylist()
    decoded = (c.decode("utf-8", "surrogateescape") if isinstance(c, bytes) else c for c in cells)
    return [c if isinstance(c, str) else None for c in decoded]
