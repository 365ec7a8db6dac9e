"""Graphs from arrays: of an npz file, of PyG's Data, of a matrix of scipy. Legend: n nodes, m edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse
from scipy.sparse import csr_array

from ...errors import DataError
from .found import EDGES, Found, check_ids, of_pairs

ALSO = {  # PyG's names of what has another here
    **{"x": "features", "y": "labels", "edge_attr": "edge_features", "edge_weight": "weights"},
    "batch": "graph",
}


def of_arrays(given: Mapping[str, Any], where: str) -> Found:
    """`edges` (m, 2) or `edge_index` (2, m); see docs/graphs.md for the others. `where`: named in errors."""
    held = {ALSO.get(k, k): v for k, v in given.items()}
    if not held.keys() & EDGES:
        met = ", ".join(map(str, given)) or "nothing"
        raise DataError(f"no edges in {where}", f"Expected the array edges (m, 2); met {met}.")
    ends = np.asarray(held["edges"] if "edges" in held else _turned(held["edge_index"]))
    features, labels, graph = _features(held), held.get("labels"), held.get("graph")
    told = None if labels is None else np.asarray(labels)
    of_nodes = told is not None and (graph is None or len(told) == len(graph)) and told.size != 1
    known = [len(v) for v in (held.get("ids"), graph, told if of_nodes else None) if v is not None]
    n = max([*known, int(held.get("num_nodes", 0)), 0 if features is None else features.shape[0]])
    found = of_pairs(ends, n, held.get("weights"))
    if "ids" in held:
        found.ids = [str(i) for i in held["ids"]]
        check_ids(pa.chunked_array([found.ids], pa.large_string()))
    sizes = [*known, *([] if features is None else [features.shape[0]])]
    if any(k != len(found.ids) for k in sizes):
        do = "Expected as many labels, ids and rows of features as there are nodes."
        raise DataError(f"{len(found.ids):,} nodes in {where}, and other numbers of labels or features", do)
    found.features, found.edge_features = features, _of_edges(held, len(ends), where)
    found.graph = None if graph is None else np.asarray(graph)
    if "edges" not in held and _both_ways(ends):
        found.directed, found.twice = False, True
    if told is not None and of_nodes:
        found.columns = pa.table({"label": told.reshape(len(told), -1)[:, 0]})
    elif told is not None:
        found.about = {"label": told.ravel().tolist()}
    return found


def _turned(edge_index: Any) -> np.ndarray:
    ends = np.asarray(edge_index)
    if ends.ndim != 2 or ends.shape[0] != 2:
        raise DataError(f"an edge_index of shape {ends.shape}", "Expected (2, m): from, to.")
    return ends.T


def _features(held: Mapping[str, Any]) -> csr_array | None:
    if held.get("features") is not None:
        found = np.asarray(held["features"])
        return csr_array(found.reshape(len(found), -1).astype(np.float32))
    if "features_indptr" not in held:
        return None
    parts = (held["features_data"].astype(np.float32), held["features_indices"], held["features_indptr"])
    return csr_array(parts)


def _of_edges(held: Mapping[str, Any], m: int, where: str) -> np.ndarray | None:
    if held.get("edge_features") is None:
        return None
    found = np.asarray(held["edge_features"], np.float32)
    if len(found) != m:
        do = "Give a row for each edge, in the order of the edges."
        raise DataError(f"{len(found):,} rows of features for {m:,} edges in {where}", do)
    return found.reshape(m, -1)


def _both_ways(ends: np.ndarray) -> bool:
    """Whether each edge is there from either end, as PyG writes an undirected one."""
    if not len(ends) or ends.dtype.kind not in "iu":
        return False
    n = int(ends.max()) + 1
    return np.array_equal(np.unique(ends @ [n, 1]), np.unique(ends @ [1, n]))


def of_pyg(data: Any) -> Found:
    """A Data or Batch of PyG: where not every edge is there both ways, edges are directed."""
    held = {k: v.numpy(force=True) if _is_tensor(v) else v for k, v in data.to_dict().items()}
    for nothing in [k for k, v in held.items() if v is None]:
        del held[nothing]
    held.setdefault("num_nodes", data.num_nodes or 0)
    found = of_arrays(held, "this Data")
    found.directed = not found.twice and len(found.ends) > 0
    return found


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch"


def of_matrix(matrix: Any) -> Found:
    """A square matrix of scipy: entry (i, j) is the weight of the edge from i to j."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise DataError(
            f"a matrix of shape {matrix.shape}", "Expected a square one: a row and a column a node."
        )
    plain = sparse.coo_array(matrix)
    plain.eliminate_zeros()
    ends = np.stack(plain.coords, 1)
    found = of_pairs(ends, matrix.shape[0], plain.data)
    found.directed = bool((abs(matrix - matrix.T) > 0).sum())
    found.twice = not found.directed
    return found
