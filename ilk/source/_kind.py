"""Which reader fits data that come without a word about what they are."""

from __future__ import annotations

import glob
import importlib
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from scipy.sparse import issparse

from ..errors import UnknownName
from ._base import Source
from ._graph.found import EDGES, ENDS, GRAPHS, library
from ._reading.file import kind_of as picture_kind
from ._text import files
from .formats import KINDS as PICTURES
from .interactions import choices

READERS = ("images", "text", "graphs", "pairs", "interactions", "boxes")  # a new kind adds its own
FEW = 2000  # files of a folder that are looked at


def reader(as_: str | None, data: Any) -> Callable[..., Source]:
    """The function that reads `data`, of the kind that was said or is seen."""
    name = as_ or kind(data)
    if name not in READERS:
        raise UnknownName("kind of data", name, READERS)
    return cast(Callable[..., Source], getattr(importlib.import_module(f"..{name}", __name__), name))


def kind(data: Any) -> str:
    """`images`, `text`, `graphs`, `interactions`: what most of it looks like; pictures where nothing tells.

    That pictures are `pairs` with captions, or have `boxes`, is said, or is what the objective wants.
    """
    if isinstance(data, Source):
        return str(data.reading["reader"])
    if isinstance(data, str | os.PathLike):
        return _of_path(os.fspath(data))
    if isinstance(data, list | tuple) and data and _is_graph(data[0]):
        return "graphs"
    if isinstance(data, list | tuple) and data and isinstance(data[0], str | os.PathLike):
        first = os.fspath(data[0])
        if isinstance(data[0], Path) or files.kind_of(first) in GRAPHS:
            return _of_names([first])
        return "images" if picture_kind(first) in PICTURES or os.path.exists(first) else "text"
    if isinstance(data, pa.Table):
        chosen = choices(data.column_names)
        return "graphs" if _are_edges(data.column_names) else "interactions" if chosen else "text"
    if _is_graph(data):
        return "graphs"
    if isinstance(data, pa.Array | pa.ChunkedArray | np.ndarray):
        letters = data.dtype.kind in "OU" if isinstance(data, np.ndarray) else _letters(data.type)
        return "text" if letters else "images"
    return "images"


def _is_graph(data: Any) -> bool:
    return issparse(data) or library(data) is not None


def _of_path(path: str) -> str:
    if os.path.isdir(path):
        return _of_names(n for _, _, names in os.walk(path) for n in names)
    if glob.has_magic(path) and not os.path.exists(path):
        return _of_names(glob.iglob(path, recursive=True))
    if files.kind_of(path) in GRAPHS or (files.kind_of(path) == ".npz" and _holds_edges(path)):
        return "graphs"
    if files.kind_of(path) in (*files.SEPARATED, *files.PARQUET) and os.path.isfile(path):
        return _of_table(path)
    return _of_names([path])


def _of_names(names: Any) -> str:
    met: Counter[str] = Counter()
    for name in islice((n for n in names if not os.path.basename(n).startswith(".")), FEW):
        if files.kind_of(name) in GRAPHS:
            met["graphs"] += 1
        elif picture_kind(name) in PICTURES:
            met["images"] += 1
        elif files.kind_of(name) in files.KINDS:
            met["text"] += 1
    return max(("images", "text", "graphs"), key=met.__getitem__)


def _of_table(path: str) -> str:
    """Pictures where a column names some, or holds bytes; by the names of two, a graph or who chose what."""
    try:
        first = _first(path)
    except (pa.ArrowException, *files.BROKEN):
        return "text"  # whose reader tells what is wrong
    if _are_edges(first.schema.names):
        return "graphs"
    if choices(first.schema.names):
        return "interactions"
    for column in first.columns:
        if pa.types.is_binary(column.type) or pa.types.is_struct(column.type):
            return "images"
        if _letters(column.type) and len(first) and picture_kind(str(column[0])) in PICTURES:
            return "images"
    return "text"


def _are_edges(columns: list[str]) -> bool:
    return any({*pair} <= {c.lower() for c in columns} for pair in ENDS)


def _holds_edges(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as held:
            names = {name.removesuffix(".npy") for name in held.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False  # whose reader tells what is wrong
    return bool(names & EDGES) or {"format", "shape", "data"} <= names


def _first(path: str) -> pa.RecordBatch:
    """Some rows, or none where there are none."""
    if files.kind_of(path) in files.PARQUET:
        with pa.parquet.ParquetFile(path) as file:
            return next(file.iter_batches(1), pa.RecordBatch.from_pylist([], schema=file.schema_arrow))
    parse = pa.csv.ParseOptions(delimiter="\t" if ".tsv" in path else ",", newlines_in_values=True)
    with files.unpacked(path) as stream, pa.csv.open_csv(stream, parse_options=parse) as batches:
        return next(iter(batches), pa.RecordBatch.from_pylist([], schema=batches.schema))


def _letters(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)
