"""A graph: a file of edges, a matrix, or another library's graph -> its nodes are the samples.

Legend: n nodes, m edges, F features.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, issparse

from ..console import say
from ..errors import DataError, OptionError, UnreadableSample
from ._base import Json, Skipped, Source, left_out
from ._graph import formats
from ._graph.found import Found, of_edges, of_pairs
from ._graph.nodes import Nodes, Structure

SIZES = 16  # of neighbourhoods, by powers of two: what a node is where nothing is said of it


class Graph(Source):
    """Nodes with their ids. `arcs` (n, n): the weights of the edges from i to j, both ways if undirected."""

    def __init__(
        self,
        arcs: csr_array,
        ids: Sequence[str],
        *,
        features: csr_array | None = None,  # (n, F); None: how many neighbours a node has
        columns: pa.Table | None = None,
        directed: bool = False,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
        found_at: str | None = None,
    ) -> None:
        self.arcs, self.ids, self.columns, self.directed = arcs, ids, columns, directed
        self.features = sizes(arcs) if features is None else features
        self.skipped, self.found_at = skipped, found_at
        self.structure = Structure(arcs, self.features)
        self._reading = dict(reading or {})

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "graphs", **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        return {"features": int(self.features.shape[1])}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> str:
        return self.ids[i]

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> Nodes:
        return Nodes(self.structure, rows, [self.ids[i] for i in rows])

    def metadata(self) -> pa.Table | None:
        return self.columns

    @property
    def edges(self) -> int:
        """How many there are."""
        return int(self.arcs.nnz) if self.directed else int(self.arcs.nnz) // 2


def sizes(arcs: csr_array) -> csr_array:
    """(n, SIZES): a one where log2 of 1 + the number of neighbours is."""
    both = arcs.maximum(arcs.T).tocsr()
    size = np.log2(1 + np.diff(both.indptr)).astype(int).clip(max=SIZES - 1)
    n = len(size)
    return csr_array((np.ones(n, np.float32), size, np.arange(n + 1)), (n, SIZES))


def graphs(
    data: Any,
    *,
    nodes: str | os.PathLike[str] | pa.Table | None = None,
    source: str | None = None,
    target: str | None = None,
    weight: str | None = None,
    features: Sequence[str] | np.ndarray | csr_array | None = None,
    directed: bool | None = None,
    strict: bool = False,
) -> Graph:
    """One graph from an edge list (CSV, TSV, parquet, .edges), GraphML or npz; or from what is in memory: a
    table or list of edges, a networkx graph, a sparse matrix of scipy.

    nodes     a table (or its path) of all nodes: `id`, and columns to keep as metadata
    source    of an edge list, the columns of an edge's ends and its weight (default: source and target, from
    target    and to, or src and dst; weight, if there is one)
    weight
    features  a matrix, a row a node; or the names of the nodes' columns that are such (default: those of
              the npz, else how many neighbours a node has)
    directed  an edge leads one way only (default: as the data say; a list does not: both ways)
    strict    stop at the first edge that cannot be used instead of leaving it out

    An edge given twice is one (of weights: their sum); an edge from a node to itself is left out.
    """
    table = formats.table(os.fspath(nodes)) if isinstance(nodes, str | os.PathLike) else nodes
    found = _found(data, table, source=source, target=target, weight=weight)
    if not len(found.ids):
        raise DataError("a graph without nodes", "Give one that has some.")
    if directed is not None:
        found.directed = directed
    arcs, skipped = _tidied(found, strict)
    kept: dict[str, Json] = {"source": source, "target": target, "weight": weight, "directed": directed}
    if features is not None and not isinstance(features, np.ndarray | csr_array):
        kept["features"] = list(features)
    return Graph(
        arcs,
        found.ids,
        features=_features(features, found),
        columns=found.columns,
        directed=bool(found.directed),
        reading={k: v for k, v in kept.items() if v is not None},
        skipped=skipped,
        found_at=os.fspath(data) if isinstance(data, str | os.PathLike) else None,
    )


def _found(data: Any, nodes: pa.Table | None, **named: str | None) -> Found:
    if isinstance(data, str | os.PathLike):
        return formats.of_file(os.fspath(data), nodes, **named)
    if isinstance(data, pa.Table):
        return of_edges(data, nodes, **named)
    if issparse(data):
        return formats.of_matrix(data)
    if type(data).__module__.partition(".")[0] == "networkx":
        return formats.of_networkx(data)
    if isinstance(data, np.ndarray):
        return of_pairs(data, 0)
    if isinstance(data, list | tuple) and all(isinstance(e, list | tuple) and len(e) == 2 for e in data):
        ends = [[str(e[i]) for e in data] for i in (0, 1)]
        named_ends = pa.table([pa.array(e, pa.string()) for e in ends], ["source", "target"])
        return of_edges(named_ends, nodes)
    do = "Give a file, a table or list of edges, a networkx graph or a sparse matrix."
    raise DataError(f"a {type(data).__name__} cannot be read as a graph", do)


def _tidied(found: Found, strict: bool) -> tuple[csr_array, list[Skipped]]:
    """The arcs (n, n), and the edges that could not be used."""
    n, ends = len(found.ids), found.ends
    weights = np.ones(len(ends)) if found.weights is None else found.weights
    lost, wrong = (ends < 0).any(1), ~(np.isfinite(weights) & (weights > 0))
    skipped = [Skipped(f"edge {i}", "an end of it is no node") for i in np.flatnonzero(lost)]
    skipped += [
        Skipped(f"edge {i}", f"its weight is {weights[i]:g}; expected above 0")
        for i in np.flatnonzero(wrong & ~lost)
    ]
    if skipped and strict:
        raise UnreadableSample(f"{skipped[0].id}: {skipped[0].why}")
    if skipped:
        say(left_out(skipped, "edges"))
    loops = ends[:, 0] == ends[:, 1]
    if loops.any():
        say(f"{int(loops.sum()):,} edges lead from a node to itself: left out.")
    good = ~(lost | wrong | loops)
    (a, b), w = ends[good].T, weights[good].astype(np.float32)
    arcs = csr_array((w, (a, b)), (n, n))  # of the same edge, the sum
    if not (found.directed or found.twice):
        arcs = (arcs + arcs.T).tocsr()
    if found.weights is None:
        arcs.data[:] = 1
    arcs.sort_indices()
    return arcs, skipped


def _features(given: Any, found: Found) -> csr_array | None:
    n = len(found.ids)
    if given is None:
        return found.features
    if isinstance(given, np.ndarray | csr_array):
        plain: Any = given
        matrix: csr_array[Any] = csr_array(plain, dtype=np.float32)
    else:
        known = [] if found.columns is None else found.columns.column_names
        missing = [name for name in given if name not in known]
        if missing or found.columns is None:
            raise OptionError(
                f"no column {', '.join(missing)}", f"The nodes have {', '.join(known) or 'none'}."
            )
        try:
            columns = [pc.cast(found.columns[name], pa.float32()).to_numpy() for name in given]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
            raise OptionError(f"features must be numbers: {e}", "Name other columns.") from e
        matrix = csr_array(np.stack(columns, 1))
    if matrix.shape[0] != n or not np.isfinite(matrix.data).all():
        what = f"features of {matrix.shape[0]:,} rows for {n:,} nodes, or numbers that are not finite"
        raise DataError(what, "Give one row a node, in order, of finite numbers.")
    return matrix
