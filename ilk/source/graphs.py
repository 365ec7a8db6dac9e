"""Graphs: a file of edges, a matrix, or another library's graph -> its nodes are the samples; of many graphs
(a folder, a list), each is one.

Legend: n nodes, m arcs (an undirected edge is two), F features, E features of edges.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, issparse

from ..console import say
from ..errors import DataError, OptionError, UnreadableSample
from ._base import Json, Skipped, left_out
from ._graph import arrays, formats
from ._graph import many as several
from ._graph.found import Found, library, of_edges, of_pairs
from ._graph.sources import Graph, Graphs, sizes
from ._graph.structure import Structure

__all__ = ["Graph", "Graphs", "graphs"]

KINDS = 200  # different values of a column of text, each of which can be a feature


def graphs(
    data: Any,
    *,
    many: bool | None = None,
    nodes: str | os.PathLike[str] | pa.Table | None = None,
    about: str | os.PathLike[str] | pa.Table | None = None,
    source: str | None = None,
    target: str | None = None,
    weight: str | None = None,
    features: Sequence[str] | np.ndarray | csr_array | None = None,
    edge_features: Sequence[str] | np.ndarray | None = None,
    directed: bool | None = None,
    neighbours: int | None = None,
    strict: bool = False,
) -> Graph | Graphs:
    """One graph from an edge list (CSV, TSV, parquet, .edges), GraphML or npz; or from what is in memory: a
    table or list of edges, a networkx graph, PyG's Data, a sparse matrix of scipy. Its nodes are the samples.

    A folder or pattern of GraphML, .edges and npz files, or a list of graphs: each graph is a sample.

    many      each graph is a sample, even if there is but one (default: as above)
    nodes     of one graph, a table (or its path) of all nodes: `id`, and columns to keep as metadata
    about     of many graphs, a table (or its path) of them: `id`, and columns to keep as metadata
    source    of an edge list, the columns of an edge's ends and its weight (default: source and target, from
    target    and to, or src and dst; weight, if there is one)
    weight
    features  a matrix, a row a node; or the names of the nodes' columns that are such, of text a number for
              each value (default: those of the npz or Data, else how many neighbours a node has)
    edge_features  the same of edges: a matrix, a row an edge as given; or names of the edges' columns
    directed  an edge leads one way only (default: as the data say; a list does not: both ways)
    neighbours  of a node that one layer of a network looks at, at most: for graphs too large to look at whole
    strict    stop at the first edge or graph that cannot be used instead of leaving it out

    An edge given twice is one (of weights: their sum); an edge from a node to itself is left out.
    """
    if neighbours is not None and neighbours < 1:
        raise OptionError(f"neighbours is {neighbours}", "Give 1 or more, or None for all.")
    named = {"source": source, "target": target, "weight": weight}
    at = os.fspath(data) if isinstance(data, str | os.PathLike) else None

    def one(thing: Any) -> Found:
        found = _found(thing, _table(nodes), **named)
        if directed is not None:
            found.directed = directed
        return found

    read = _read(data, many, one, strict)
    whole = read.found if isinstance(read, several.Many) else read
    features = _spelt(features, whole.columns, "nodes")
    edge_features = _spelt(edge_features, whole.edge_columns, "edges")
    reading: dict[str, Json] = {"directed": directed, "neighbours": neighbours, **named}
    for name, value in {"features": features, "edge_features": edge_features}.items():
        reading[name] = value if isinstance(value, list) else None
    reading = {k: v for k, v in reading.items() if v is not None}
    if isinstance(read, several.Many):
        arcs, order, skipped = _tidied(whole, strict, read.edge)
        matrix = _features(features, whole)
        edges = _of_edges(edge_features, whole, order)
        return Graphs(
            Structure(arcs, sizes(arcs) if matrix is None else matrix, edges),
            read.starts,
            read.ids,
            columns=several.told(read, _table(about)),
            nodes=whole.columns,
            directed=bool(whole.directed),
            reading=reading,
            skipped=[*read.skipped, *skipped],
            found_at=at,
        )
    if not len(read.ids):
        raise DataError("a graph without nodes", "Give one that has some.")
    arcs, order, skipped = _tidied(read, strict, str)
    return Graph(
        arcs,
        read.ids,
        features=_features(features, read),
        edges=_of_edges(edge_features, read, order),
        columns=read.columns,
        directed=bool(read.directed),
        neighbours=neighbours,
        reading=reading,
        skipped=skipped,
        found_at=at,
    )


def _table(given: str | os.PathLike[str] | pa.Table | None) -> pa.Table | None:
    return formats.table(os.fspath(given)) if isinstance(given, str | os.PathLike) else given


def _read(data: Any, many: bool | None, one: Callable[[Any], Found], strict: bool) -> Found | several.Many:
    named: Sequence[tuple[str, Any]] | None = None
    path = os.fspath(data) if isinstance(data, str | os.PathLike) else None
    if many is not False and path is not None:
        named = several.files_of(path)
    elif many is not False and isinstance(data, list | tuple) and not _are_edges(data):
        named = [
            (os.fspath(d) if isinstance(d, str | os.PathLike) else str(i), d) for i, d in enumerate(data)
        ]
    if named is None and many:
        named = [("0" if path is None else os.path.basename(path), data)]
    if named is None:
        found = one(data)
        return found if found.graph is None or many is False else several.grouped(found)
    read = several.read(named, one, strict)
    if read.skipped:
        say(left_out(read.skipped, "graphs"))
    return read


def _are_edges(data: Sequence[Any]) -> bool:
    return all(isinstance(e, list | tuple) and len(e) == 2 for e in data)


def _found(data: Any, nodes: pa.Table | None, **named: str | None) -> Found:
    if isinstance(data, str | os.PathLike):
        return formats.of_file(os.fspath(data), nodes, **named)
    if isinstance(data, pa.Table):
        return of_edges(data, nodes, **named)
    if issparse(data):
        return arrays.of_matrix(data)
    if library(data) == "networkx":
        return formats.of_networkx(data)
    if library(data) == "torch_geometric":
        return arrays.of_pyg(data)
    if isinstance(data, dict):
        return arrays.of_arrays(data, "this dictionary")
    if isinstance(data, Graph):
        return _again(data)
    if isinstance(data, np.ndarray):
        return of_pairs(data, 0)
    if isinstance(data, list | tuple) and _are_edges(data):
        ends = [[str(e[i]) for e in data] for i in (0, 1)]
        named_ends = pa.table([pa.array(e, pa.string()) for e in ends], ["source", "target"])
        return of_edges(named_ends, nodes)
    do = "Give a file, a table or list of edges, a graph of networkx or PyG, or a sparse matrix."
    raise DataError(f"a {type(data).__name__} cannot be read as a graph", do)


def _again(graph: Graph) -> Found:
    arcs = graph.arcs.tocoo()
    return Found(
        graph.ids,
        np.stack(arcs.coords, 1).astype(np.int64),
        arcs.data.astype(np.float64),
        graph.columns,
        features=graph.features,
        directed=graph.directed,
        twice=not graph.directed,
        edge_features=graph.structure.edges if graph.structure.edges.shape[1] else None,
    )


def _tidied(
    found: Found, strict: bool, name: Callable[[int], str]
) -> tuple[csr_array, np.ndarray, list[Skipped]]:
    """The arcs (n, n); of each, in their order, the edge that it comes from (m,); edges that were no use."""
    n, ends = len(found.ids), found.ends
    weights = np.ones(len(ends)) if found.weights is None else found.weights
    lost, wrong = (ends < 0).any(1), ~(np.isfinite(weights) & (weights > 0))
    skipped = [Skipped(f"edge {name(int(i))}", "an end of it is no node") for i in np.flatnonzero(lost)]
    skipped += [
        Skipped(f"edge {name(int(i))}", f"its weight is {weights[i]:g}; expected above 0")
        for i in np.flatnonzero(wrong & ~lost)
    ]
    if skipped and strict:
        raise UnreadableSample(f"{skipped[0].id}: {skipped[0].why}")
    if skipped:
        say(left_out(skipped, "edges"))
    loops = ends[:, 0] == ends[:, 1]
    if loops.any():
        say(f"{int(loops.sum()):,} edges lead from a node to itself: left out.")
    good = np.flatnonzero(~(lost | wrong | loops))
    (a, b), w = ends[good].T, weights[good].astype(np.float32)
    if not (found.directed or found.twice):
        a, b, w, good = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(w, 2), np.tile(good, 2)
    arcs = csr_array((w, (a, b)), (n, n))  # of the same edge, the sum
    if found.weights is None:
        arcs.data[:] = 1
    arcs.sort_indices()
    by = np.argsort(good, kind="stable")  # so that of an edge given twice the first is met first
    return arcs, good[by[np.unique((a * n + b)[by], return_index=True)[1]]], skipped


def _features(given: Any, found: Found) -> csr_array | None:
    n = len(found.ids)
    if given is None:
        return found.features
    if isinstance(given, np.ndarray | csr_array):
        plain: Any = given
        matrix: csr_array[Any] = csr_array(plain, dtype=np.float32)
    else:
        matrix = csr_array(_numbers(given, found.columns))
    if matrix.shape[0] != n or not np.isfinite(matrix.data).all():
        what = f"features of {matrix.shape[0]:,} rows for {n:,} nodes, or numbers that are not finite"
        raise DataError(what, "Give one row a node, in order, of finite numbers.")
    return matrix


def _of_edges(given: Any, found: Found, order: np.ndarray) -> np.ndarray | None:
    """(m, E) in the order of the arcs: of an edge given twice, as it was given first."""
    if given is None:
        told = found.edge_features
    elif isinstance(given, np.ndarray):
        told = given.reshape(len(given), -1).astype(np.float32)
    else:
        told = _numbers(given, found.edge_columns)
    if told is None:
        return None
    if len(told) != len(found.ends) or not np.isfinite(told).all():
        what = f"features of {len(told):,} rows for {len(found.ends):,} edges, or numbers that are not finite"
        raise DataError(what, "Give one row an edge, in order, of finite numbers.")
    found_: np.ndarray = told[order]
    return found_


def _spelt(given: Any, columns: pa.Table | None, of: str) -> Any:
    """A matrix as it is; of names, each column of text as `column=value` for every value that it has."""
    if given is None or isinstance(given, np.ndarray | csr_array):
        return given
    known = [] if columns is None else columns.column_names
    missing = [name for name in given if name not in known and name.partition("=")[0] not in known]
    if missing or columns is None:
        raise OptionError(f"no column {', '.join(missing)}", f"The {of} have {', '.join(known) or 'none'}.")
    names: list[str] = []
    for name in given:
        if name not in known or not pa.types.is_string(columns[name].type):
            names.append(name)
            continue
        values = sorted(v for v in pc.unique(columns[name]).to_pylist() if v is not None)
        if len(values) > KINDS:
            raise OptionError(f"{name} has {len(values):,} different values", "Name a column of numbers.")
        names += [f"{name}={value}" for value in values]
    return names


def _numbers(names: Sequence[str], columns: pa.Table | None) -> np.ndarray:
    """Columns of numbers; of `column=value`, whether that is so."""
    assert columns is not None
    found = []
    for name in names:
        column, _, value = name.partition("=")
        try:
            if name in columns.column_names:
                found.append(pc.cast(columns[name], pa.float32()).to_numpy())
            else:
                texts: Any = pc.cast(columns[column], pa.string())
                found.append(
                    pc.fill_null(pc.equal(texts, pa.scalar(value)), False).to_numpy().astype(np.float32)
                )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
            raise OptionError(f"features must be numbers: {e}", "Name other columns.") from e
    return np.stack(found, 1)
