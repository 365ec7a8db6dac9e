"""The graph whose nodes a space holds, and odd nodes: those unlike the nodes that they are linked with.

Legend: n nodes, m edges, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array, diags_array, triu

from ..errors import DataError, OptionError
from ..source.graphs import Graph
from ._drawn import graphs as _drawn
from ._result import Picture, Result
from .again import again

if TYPE_CHECKING:
    from ..space import Space

LAYER = "linked"
LEAST = 3  # links of a node that can be called odd: fewer may well all lead elsewhere


@dataclass(frozen=True)
class Linked(Result):
    """How far from its neighbours each node is."""

    ids: Sequence[str]
    links: np.ndarray  # (n,) neighbours
    unlike: np.ndarray  # (n,) mean of 1 - cosine with them; NaN of a node with fewer than 3
    score: np.ndarray  # (n,) how far above the median, in standard deviations as the median tells them
    beyond: float

    @property
    def odd(self) -> np.ndarray:
        """Places of those beyond, the oddest first."""
        order = np.argsort(-np.nan_to_num(self.score, nan=-np.inf), kind="stable")
        return np.asarray(order[np.nan_to_num(self.score[order], nan=-np.inf) > self.beyond])

    def table(self, most: int | None = None) -> pa.Table:
        """One row a node, the oddest first."""
        top = np.argsort(-np.nan_to_num(self.score, nan=-np.inf), kind="stable")[:most]
        return pa.table(
            {
                "id": pa.array([self.ids[i] for i in top], pa.string()),
                "links": self.links[top],
                "unlike": pa.array(self.unlike[top], pa.float32(), from_pandas=True),
                "score": pa.array(self.score[top], pa.float32(), from_pandas=True),
            }
        )

    def sentence(self) -> str:
        asked = int(np.isfinite(self.score).sum())
        if not asked:
            return f"No node has {LEAST} links: none was asked."
        told = f"of {asked:,} nodes with {LEAST} links or more"
        if not len(self.odd):
            first = self.ids[int(np.nanargmax(self.score))]
            return f"None {told} stands out from those it is linked with; the most unlike is {first}."
        some = ", ".join(str(self.ids[i]) for i in self.odd[:3]) + (", ..." if len(self.odd) > 3 else "")
        return f"{len(self.odd):,} {told} are unlike those they are linked with: {some}."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_linked(self)


def strangers(space: Space, graph: Graph, *, beyond: float = 3.5) -> Linked:
    """Which nodes of a space stand elsewhere than their links say, kept as the layer "linked".

    beyond  from what score on a node is named: 0.6745 (x - median) / median distance from it (Iglewicz &
            Hoaglin 1993); among normal numbers one in 4,000 is above 3.5
    """
    if not beyond > 0:
        raise OptionError(f"beyond is {beyond}", "Give a number above 0, such as 3.5.")
    arcs = between(space.id_array(), graph)
    unlike = apart(space.vectors(), arcs)
    score = np.full(len(unlike), np.nan)
    asked = np.isfinite(unlike)
    if asked.any():
        off = unlike[asked] - np.median(unlike[asked])
        score[asked] = 0.6745 * off / max(float(np.median(np.abs(off))), 1e-6)
    found = Linked(space.ids(), np.diff(arcs.indptr), unlike, score, beyond)
    columns = {"unlike": pa.array(unlike, from_pandas=True), "linked": pa.array(score, from_pandas=True)}
    layer = pa.table({"id": pa.array(found.ids, pa.string()), **columns})
    space.write_layer(LAYER, layer, {"by": "strangers", "beyond": beyond, "says": found.sentence()})
    return found


def apart(vectors: np.ndarray, arcs: csr_array) -> np.ndarray:  # (n, D), (n, n) -> (n,)
    """Mean of 1 - cosine with each neighbour, by weight: what links kinds that differ is unlike either."""
    z = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    mean = diags_array(1 / np.maximum(arcs.sum(1), 1e-12)) @ (arcs @ z)
    found = 1 - (z * mean).sum(1)
    found[(np.diff(arcs.indptr) < LEAST) | ~z.any(1)] = np.nan
    return np.asarray(found)


def graph_of(space: Space, data: Any = None) -> Graph:
    """The graph again: `data`, or from where `ilk learn` found it. What is said of its nodes is not read."""
    links = {k: v for k, v in space.reading.items() if k not in ("features", "edge_features")}
    found = again(space, data, links) if links.get("reader") == "graphs" else None
    if not isinstance(found, Graph):
        raise DataError(f"{space.path} is no space of a graph's nodes", "Make one: ilk learn GRAPH")
    return found


def places(ids: pa.Array[Any], graph: Graph) -> np.ndarray:
    """Which of the rows with these `ids` each node is, -1: none. A row that is no node is in no edge."""
    found: Any = pc.index_in(pa.array(graph.ids, ids.type), value_set=ids)
    row: np.ndarray = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
    if len(row) and (row < 0).all():
        what = f"no row is a node of this graph (its first is {graph.ids[0]}, the space's {ids[0]})"
        raise DataError(what, "Give the graph that the space was filled with.")
    return row


def between(ids: pa.Array[Any], graph: Graph) -> csr_array:
    """(n, n) the arcs between the rows with these `ids`, either way."""
    row, arcs = places(ids, graph), graph.arcs.maximum(graph.arcs.T).tocoo()
    ends = np.stack([row[c] for c in arcs.coords])  # (2, m)
    known = (ends >= 0).all(0)
    return csr_array((arcs.data[known], tuple(ends[:, known])), (len(ids), len(ids)))


def edges(ids: pa.Array[Any], graph: Graph) -> np.ndarray:
    """(m, 2) which of the rows are linked, each pair once, whichever way the edge leads.

    The pairs come in random order: the first are an even choice of all.
    """
    pairs = np.stack(triu(between(ids, graph), 1).tocoo().coords, 1)
    return np.asarray(np.random.default_rng(0).permutation(pairs))
