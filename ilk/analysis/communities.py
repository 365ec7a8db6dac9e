"""Communities: nodes that are linked with each other more than chance would link them.

Legend: n nodes, c communities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

from ..errors import OptionError
from ..source.graphs import Graph
from ._drawn import graphs as _drawn
from ._louvain import louvain
from ._result import Picture, Result
from .linked import places

if TYPE_CHECKING:
    from ..space import Space

LAYER, GROUPS = "community", "cluster"


@dataclass(frozen=True)
class Communities(Result):
    ids: Sequence[str]
    labels: np.ndarray  # (n,) 0 is the largest
    modularity: float  # share of the edges within communities, less what chance would put there
    agrees: float | None  # adjusted Rand index with the space's groups; None: it has none

    def table(self) -> pa.Table:
        """One row a community: its number, size and a few of its nodes."""
        rows = [
            {"community": c, "nodes": int((self.labels == c).sum()), "some": [self.ids[i] for i in first]}
            for c, first in ((c, np.flatnonzero(self.labels == c)[:5]) for c in range(self.labels.max() + 1))
        ]
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        told = f"{self.labels.max() + 1} communities of {len(self.labels):,} nodes"
        told += f", modularity {self.modularity:.3f}"
        if self.agrees is None:
            return f"{told}."
        return f"{told}; agreement with the space's groups {self.agrees:.2f} (1: the same, 0: as by chance)."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_communities(self)


def communities(
    graph: Graph, space: Space | None = None, *, resolution: float = 1.0, seed: int = 0
) -> Communities:
    """Louvain's way to much modularity; of a space of the nodes, kept as the layer "community".

    resolution  above 1: more and smaller communities

    Weights count; directions do not. With a space they are compared with its groups (the layer "cluster").
    """
    if not resolution > 0:
        raise OptionError(f"resolution is {resolution}", "Give a number above 0.")
    arcs = graph.arcs if not graph.directed else (graph.arcs + graph.arcs.T).tocsr()
    labels = louvain(arcs, resolution, seed)
    found = Communities(graph.ids, labels, modularity(arcs, labels, resolution), None)
    if space is None:
        return found
    row = places(space.id_array(), graph)
    own = np.full(len(space), -1)
    own[row[row >= 0]] = labels[row >= 0]
    agrees = None
    if GROUPS in space.layers():
        groups = space.layer(GROUPS)["cluster"].to_numpy()
        agrees = float(adjusted_rand_score(groups[own >= 0], own[own >= 0]))
    found = Communities(found.ids, labels, found.modularity, agrees)
    numbers = pa.array(own, mask=own < 0)  # a row that is no node is in none
    layer = pa.table({"id": space.id_array(), "community": numbers})
    made = {"by": "louvain", "resolution": resolution, "seed": seed, "says": found.sentence()}
    space.write_layer(LAYER, layer, made)
    return found


def modularity(arcs: csr_array, labels: np.ndarray, resolution: float = 1.0) -> float:
    """Newman & Girvan 2004: sum over communities of w_in / 2m - resolution (d / 2m)^2."""
    n, whole = len(labels), float(arcs.sum())
    if not whole:
        return 0.0
    member = csr_array((np.ones(n), (np.arange(n), labels)))
    within = (member.T @ arcs @ member).diagonal()
    degree = np.bincount(labels, arcs.sum(1))
    return float((within / whole - resolution * (degree / whole) ** 2).sum())
