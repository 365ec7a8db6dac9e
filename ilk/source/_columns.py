"""Tables as they are read, what each of their columns is taken for, and its values as records hold them.

Legend: n rows.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from ..errors import DataError, UnknownName, UnreadableSample
from ._reading.file import kind_of
from ._records import CODED, KINDS, Coded, Lists, Pictures
from ._text import files
from .formats import KINDS as PICTURES
from .images import images

PART = "|"  # between the names of a list that is written as text
LISTS = 0.1  # share of texts with such a mark, from which on a column is taken for lists
WORDS = 3.0  # mean words a value, from which on a column is taken for text
SHARED = 2.0  # mean rows a value, from which on a column of text is taken for categories
FEW = 1000  # different values that are always categories

Held: TypeAlias = Coded | Lists | Pictures | np.ndarray | list[str]  # of all n rows


def loaded(data: Any, as_text: Callable[[list[str]], Sequence[str]]) -> pa.Table:
    """A table, or the CSV, TSV or parquet file of one; `as_text`: of its names, those that stay text: 007."""
    if isinstance(data, pa.Table):
        return data
    if not isinstance(data, str | os.PathLike):
        raise DataError(
            f"a {type(data).__name__} is no table", "Give a CSV or parquet file, or an Arrow table."
        )
    path = os.fspath(data)
    if not os.path.isfile(path):
        raise DataError(f"there is no file {path}", "Give a CSV, TSV or parquet file.")
    try:
        if files.kind_of(path) in files.PARQUET:
            return pa.parquet.read_table(path)
        mark = "\t" if ".tsv" in path else ","
        with files.opened(path, None) as head:
            names = next(csv.reader(head, delimiter=mark), [])
        parse = pa.csv.ParseOptions(delimiter=mark, newlines_in_values=True)
        kept = pa.csv.ConvertOptions(
            column_types={n: pa.string() for n in as_text(names)}, strings_can_be_null=True
        )
        with files.unpacked(path) as stream:
            return pa.csv.read_csv(stream, parse_options=parse, convert_options=kept)
    except (*files.BROKEN, UnreadableSample) as e:
        do = "Expected CSV with a line of names, or parquet."
        raise DataError(f"the table {path} cannot be read: {e}", do) from e


def names_of(values: pa.ChunkedArray[Any] | pa.Array[Any]) -> list[str | None]:
    """As text; None where it is empty."""
    return [v if v else None for v in pc.cast(values, pa.string()).to_pylist()]


def kinds(table: pa.Table, wished: dict[str, str]) -> dict[str, str]:
    """What each column is taken for: as wished, else as it looks."""
    for name, kind in wished.items():
        if kind not in KINDS:
            raise UnknownName("kind of column", kind, KINDS)
        if name not in table.column_names:
            raise UnknownName("column", name, table.column_names)
    return {n: wished.get(n) or seen(table[n]) for n in table.column_names}


def seen(values: pa.ChunkedArray[Any]) -> str:
    """One of KINDS; `kept`, which nothing is learnt from, where each value is there but once."""
    type_ = values.type
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return "vector" if pa.types.is_floating(type_.value_type) else "several"
    if pa.types.is_boolean(type_) or pa.types.is_dictionary(type_):
        return "category"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_temporal(type_):
        return "number"
    if not _is_text(type_):
        return "kept"
    known = [v for v in values.to_pylist() if v]
    return _of_letters(known) if known else "kept"


def _of_letters(known: list[str]) -> str:
    if kind_of(known[0]) in PICTURES:
        return "image"
    if sum(PART in v for v in known) > LISTS * len(known):
        return "several"
    if sum(len(v.split()) for v in known) >= WORDS * len(known):
        return "text"
    different = len(set(known))
    return "category" if different * SHARED <= len(known) or different <= min(FEW, len(known) / 2) else "kept"


def held(name: str, values: pa.ChunkedArray[Any], kind: str, folder: str, size: int | None) -> Held:
    """The values of a column, as their kind is; `folder`: what paths of pictures are relative to."""
    try:
        if kind in CODED:
            return _lists(values) if kind == "several" else places(names_of(values))
        if kind == "number":
            return _numbers(values)
        if kind == "vector":
            return _vectors(values)
        if kind == "image":
            return _pictures(values, folder, size)
        return [v or "" for v in pc.cast(values, pa.string()).to_pylist()]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as e:
        do = f"Say what it is: columns={{{name!r}: ...}}, one of {', '.join(KINDS)}."
        raise DataError(f"the column {name} cannot be read as {kind}: {e}", do) from e


def places(names: Sequence[str | None]) -> Coded:
    """Each name by its place among the different ones, in the order in which they come."""
    known: dict[str, int] = {}
    codes = [-1 if name is None else known.setdefault(name, len(known)) for name in names]
    return Coded(list(known), np.array(codes, np.int64))


def parted(table: pa.Table, kinds: dict[str, str]) -> pa.Table:
    """Lists that are written as text become lists."""
    for i, (name, values) in enumerate(zip(table.column_names, table.columns)):
        if kinds[name] == "several" and _is_text(values.type):
            lists = [None if v is None else v.split(PART) if v else [] for v in values.to_pylist()]
            table = table.set_column(i, name, pa.chunked_array([pa.array(lists, pa.list_(pa.string()))]))
    return table


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def _lists(values: pa.ChunkedArray[Any]) -> Lists:
    lists = [[str(one) for one in v or []] for v in values.to_pylist()]
    ends = np.cumsum([0, *map(len, lists)])
    coded = places([name for one in lists for name in one])
    return Lists(coded.names, coded.codes, ends)


def _numbers(values: pa.ChunkedArray[Any]) -> np.ndarray:  # (n,) float32
    if pa.types.is_temporal(values.type):
        values = pc.cast(pc.cast(values, pa.timestamp("s")), pa.int64())
    numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float32)


def _vectors(values: pa.ChunkedArray[Any]) -> np.ndarray:  # (n, V) float32
    rows = values.to_pylist()
    wide = {len(v) for v in rows if v is not None}
    if len(wide) != 1:
        raise ValueError(f"vectors of {sorted(wide)} numbers")
    found = np.array([[np.nan] * max(wide) if v is None else v for v in rows], np.float32)
    return np.where(np.isfinite(found), found, 0)


def _pictures(values: pa.ChunkedArray[Any], folder: str, size: int | None) -> Pictures:
    """Those that cannot be read are told, and count as not known."""
    import torch

    paths = [None if v is None else Path(os.path.join(folder, v)).as_posix() for v in values.to_pylist()]
    found = images(list(dict.fromkeys(p for p in paths if p is not None)), size=size, cache=False)
    place = {found.id(i): i for i in range(len(found))}
    rows = np.array([place.get(p or "", -1) for p in paths])
    pixels = found.batch(np.maximum(rows, 0))
    known = torch.from_numpy(rows >= 0)
    return Pictures(pixels * known[:, None, None, None], known)
