"""Graphs from files and from networkx."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from scipy import sparse

from ...errors import DataError
from .._text import files
from .arrays import of_arrays, of_matrix
from .found import ENDS, Found, of_edges

LISTS = (".edges", ".edgelist")  # a line an edge, parted by blanks: from, to and perhaps a weight
TABLES = (*files.SEPARATED, *files.PARQUET)
FILES = (*TABLES, *LISTS, ".graphml", ".npz")


def of_file(path: str, nodes: pa.Table | None, **named: str | None) -> Found:
    """`named`: the columns of an edge list."""
    kind = files.kind_of(path)
    if not os.path.isfile(path):
        raise DataError(f"there is no file {path}", f"Give one of {', '.join(FILES)}.")
    try:
        if kind in TABLES:
            return of_edges(table(path), nodes, **named)
        if kind in LISTS:
            return of_edges(_list(path), nodes, **named)
        if kind == ".graphml":
            return _of_graphml(path)
        if kind == ".npz":
            return _of_npz(path)
    except (*files.BROKEN, ElementTree.ParseError, zipfile.BadZipFile, ValueError, KeyError) as e:
        raise DataError(f"{path} is damaged, or no {kind}: {e}") from e
    raise DataError(f"no graph is read from {path}", f"Known: {', '.join(FILES)}.")


def table(path: str) -> pa.Table:
    """A CSV, TSV or parquet file; what may be an id stays text: 007 is not 7."""
    if files.kind_of(path) in files.PARQUET:
        return pa.parquet.read_table(path)
    parse = pa.csv.ParseOptions(delimiter="\t" if ".tsv" in path else ",")
    with files.unpacked(path) as stream, pa.csv.open_csv(stream, parse_options=parse) as first:
        names = first.schema.names
    ids = {*names[:2], *(n for n in names if n.lower() in {"id", *(e for pair in ENDS for e in pair)})}
    as_text = pa.csv.ConvertOptions(column_types={n: pa.string() for n in ids})
    with files.unpacked(path) as stream:
        return pa.csv.read_csv(stream, parse_options=parse, convert_options=as_text)


def _list(path: str) -> pa.Table:
    with files.unpacked(path) as stream:
        lines = [line.split() for line in stream.read().decode().splitlines()]
    kept = [line for line in lines if line and not line[0].startswith("#")]
    wide = {len(line) for line in kept}
    if not wide <= {2} and not wide <= {3}:
        raise DataError(
            f"lines of {sorted(wide)} words in {path}", "Expected two names, or these and a weight."
        )
    names = ("source", "target", "weight")[: max(wide, default=2)]
    columns = zip(*kept) if kept else ((), ())
    return pa.table({name: pa.array(list(column), pa.string()) for name, column in zip(names, columns)})


def _of_npz(path: str) -> Found:
    with (
        open(path, "rb") as file,
        np.load(file, allow_pickle=False) as held,
    ):  # numpy leaves broken files open
        if {"format", "shape", "data"} <= {*held}:
            file.seek(0)
            return of_matrix(sparse.load_npz(file))
        return of_arrays(held, path)


def of_networkx(graph: Any) -> Found:
    """Nodes are called by `str`; their attributes become columns."""
    place = {node: i for i, node in enumerate(graph.nodes)}
    ids = [str(node) for node in place]
    if len(set(ids)) < len(ids):
        raise DataError(
            "two nodes of this graph are written alike", "Relabel them: ids are text, 1 and '1' are one."
        )
    edges = list(graph.edges(data=True))
    ends = np.array([(place[a], place[b]) for a, b, _ in edges], np.int64).reshape(-1, 2)
    told = [data.get("weight") for _, _, data in edges]
    weights = None if all(w is None for w in told) else np.array([1 if w is None else w for w in told], float)
    attributes = [data for _, data in graph.nodes(data=True)]
    return Found(
        ids,
        ends,
        weights,
        columns_of(attributes),
        directed=graph.is_directed(),
        edge_columns=columns_of([data for _, _, data in edges]),
        about={str(k): [v] for k, v in graph.graph.items()},
    )


def columns_of(attributes: list[dict[str, Any]]) -> pa.Table | None:
    names = dict.fromkeys(str(name) for one in attributes for name in one)
    columns = {}
    for name in names:
        values = [one.get(name) for one in attributes]
        try:
            columns[name] = pa.array(values)
        except pa.ArrowException:  # of several kinds
            columns[name] = pa.array([None if v is None else str(v) for v in values])
    return pa.table(columns) if columns else None


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda t: t.lower() in ("true", "1"),
}


def _of_graphml(path: str) -> Found:
    """http://graphml.graphdrawing.org: the first graph of the file, without what is nested in it."""
    root = ElementTree.parse(path).getroot()
    graph = root.find("{*}graph")
    if graph is None:
        raise DataError(f"no graph in {path}")
    keys = {k.get("id"): k for k in root.findall("{*}key")}

    def told(element: Any) -> dict[str, Any]:
        found = {}
        for one in element.findall("{*}data"):
            key = keys[one.get("key")]
            read = _TYPES.get(key.get("attr.type", "string"), str)
            found[key.get("attr.name") or one.get("key")] = read((one.text or "").strip())
        return found

    nodes = graph.findall("{*}node")
    place = {node.get("id"): i for i, node in enumerate(nodes)}
    if len(place) < len(nodes):
        raise DataError(f"two nodes of {path} have the same id", "Give each an id of its own.")
    edges = graph.findall("{*}edge")
    ends = [[place.get(e.get(end), -1) for end in ("source", "target")] for e in edges]
    said = [told(e) for e in edges]
    weights = [one.get("weight") for one in said]
    heavy = (
        None if all(w is None for w in weights) else np.array([1 if w is None else w for w in weights], float)
    )
    return Found(
        [str(i) for i in place],
        np.array(ends, np.int64).reshape(-1, 2),
        heavy,
        columns_of([told(node) for node in nodes]),
        directed=graph.get("edgedefault") == "directed",
        edge_columns=columns_of(said),
        about={k: [v] for k, v in told(graph).items()},
    )
