"""What a file or an object says of a graph, before it is tidied.

Legend: n nodes, m edges, F features, E of edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from ...errors import DataError

GRAPHS = (".edges", ".edgelist", ".graphml")  # endings of files that are nothing else
EDGES = {"edges", "edge_index"}  # names of arrays; an npz with one of them is a graph
ENDS = (("source", "target"), ("from", "to"), ("src", "dst"))  # usual names of the columns of an edge list

LIBRARIES = ("networkx", "torch_geometric")  # whose graphs are read


def library(data: Any) -> str | None:
    """Whose graph it is: what the user derived from one counts too."""
    tops = (base.__module__.partition(".")[0] for base in type(data).__mro__)
    return next((name for name in tops if name in LIBRARIES), None)


@dataclass
class Found:
    ids: Sequence[str]  # (n,)
    ends: np.ndarray  # (m, 2) places of the nodes; -1: there is no such node
    weights: np.ndarray | None = None  # (m,)
    columns: pa.Table | None = None  # n rows
    features: csr_array | None = None  # (n, F)
    directed: bool | None = None  # None: it does not say
    twice: bool = False  # an undirected edge is there from either end
    edge_columns: pa.Table | None = None  # m rows
    edge_features: np.ndarray | None = None  # (m, E)
    graph: np.ndarray | None = None  # (n,) which of several graphs a node is of
    about: dict[str, list[Any]] = field(default_factory=dict)  # a value a graph


def ends_of(names: Sequence[str], source: str | None, target: str | None) -> tuple[str, str]:
    """The columns that hold an edge's two ends."""
    if source is not None and target is not None:
        for name in (source, target):
            if name not in names:
                raise DataError(f"no column {name}", f"There are {', '.join(names)}.")
        return source, target
    lower = {n.lower(): n for n in reversed(names)}
    for a, b in ENDS:
        if a in lower and b in lower:
            return lower[a], lower[b]
    if len(names) == 2:
        return names[0], names[1]
    do = "Name the columns of an edge's two ends: source='...', target='...'."
    raise DataError(f"which of the columns {', '.join(names)} are the ends of an edge?", do)


def of_edges(
    table: pa.Table,
    nodes: pa.Table | None,
    *,
    source: str | None = None,
    target: str | None = None,
    weight: str | None = None,
) -> Found:
    """A line an edge; `nodes` (a line each, `id` or the first column its name) may name more nodes."""
    a, b = ends_of(table.column_names, source, target)
    if weight is not None and weight not in table.column_names:
        raise DataError(f"no column {weight}", f"There are {', '.join(table.column_names)}.")
    heavy = weight or ("weight" if "weight" in table.column_names else None)
    weights = None if heavy is None else _numbers(table[heavy], heavy)
    both: Any = pa.chunked_array([*names_of(table[a]).chunks, *names_of(table[b]).chunks], pa.large_string())
    if nodes is None:
        met = both.combine_chunks().dictionary_encode()
        places = _filled(met.indices)
        return Found(met.dictionary.to_pylist(), places.reshape(2, -1).T, weights, edge_columns=table)
    called = "id" if "id" in nodes.column_names else nodes.column_names[0]
    ids = names_of(nodes[called])
    check_ids(ids)
    places = _filled(pc.index_in(both, value_set=ids.combine_chunks()))
    rest = nodes.drop_columns([called])
    names: Any = ids.to_pylist()
    kept = rest if rest.num_columns else None
    return Found(names, places.reshape(2, -1).T, weights, kept, edge_columns=table)


def of_pairs(pairs: Any, n: int, weights: Any = None) -> Found:
    """Places of nodes that have no names: they are called by their numbers."""
    ends = np.asarray(pairs)
    if ends.ndim != 2 or ends.shape[1] != 2 or (ends.size and ends.dtype.kind not in "iu"):
        what = f"edges of shape {ends.shape} and type {ends.dtype}"
        raise DataError(what, "Expected (m, 2) whole numbers: from, to.")
    n = max(n, int(ends.max(initial=-1)) + 1)
    heavy = None if weights is None else np.asarray(weights, np.float64)
    return Found([str(i) for i in range(n)], ends.astype(np.int64).clip(-1), heavy)


def names_of(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    """As text; none where it is empty."""
    text: Any = pc.cast(column, pa.large_string())
    none, nothing = pa.scalar(None, pa.large_string()), pa.scalar("", pa.large_string())
    named: pa.ChunkedArray[Any] = pc.if_else(pc.equal(text, nothing), none, text)
    return named


def check_ids(ids: pa.ChunkedArray[Any]) -> None:
    if ids.null_count:
        raise DataError(f"{ids.null_count:,} nodes have no name", "Give each line of the nodes an id.")
    counts: Any = pc.value_counts(ids)
    for one in counts.filter(pc.greater(counts.field(1), pa.scalar(1)))[:1].to_pylist():
        raise DataError(f"{one['counts']} nodes are called {one['values']!r}", "Give each an id of its own.")


def _numbers(column: pa.ChunkedArray[Any], name: str) -> np.ndarray:
    try:
        return pc.cast(column, pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        raise DataError(f"the weights in {name} are no numbers: {e}") from e


def _filled(places: Any) -> np.ndarray:
    found: np.ndarray = pc.fill_null(places, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found
