"""Graphs as sources: the nodes of one are the samples, or each of many whole.

Legend: n nodes, m arcs (an undirected edge is two), g graphs, F features, E features of edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.sparse import csr_array

from .._base import Json, Skipped, Source, Views
from .nodes import Nodes, Wholes
from .picture import picture
from .structure import Look, Structure

SIZES = 16  # of neighbourhoods, by powers of two: what a node is where nothing is said of it
DROP, HIDE = 0.2, 0.2  # of edges and features, in a view of a whole graph


class Graph(Source):
    """Nodes with their ids. `arcs` (n, n): the weights of the edges from i to j, both ways if undirected."""

    def __init__(
        self,
        arcs: csr_array,
        ids: Sequence[str],
        *,
        features: csr_array | None = None,  # (n, F); None: how many neighbours a node has
        edges: np.ndarray | None = None,  # (m, E) features, in the order of the arcs
        columns: pa.Table | None = None,
        directed: bool = False,
        neighbours: int | None = None,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
        found_at: str | None = None,
    ) -> None:
        self.arcs, self.ids, self.columns, self.directed = arcs, ids, columns, directed
        self.features = sizes(arcs) if features is None else features
        self.neighbours = neighbours  # of a node that one layer looks at, at most
        self.skipped, self.found_at = skipped, found_at
        self.structure = Structure(arcs, self.features, edges)
        self._reading = dict(reading or {})

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "graphs", **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        return _traits(self.structure)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> str:
        return self.ids[i]

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> Nodes:
        return Nodes(self.structure, rows, [self.ids[i] for i in rows], Look(most=self.neighbours))

    def metadata(self) -> pa.Table | None:
        return self.columns

    @property
    def edges(self) -> int:
        """How many there are."""
        return int(self.arcs.nnz) if self.directed else int(self.arcs.nnz) // 2


class Graphs(Source):
    """Many graphs, each a sample: parts of one `structure`, from one of the `starts` (g + 1,) to the next."""

    def __init__(
        self,
        structure: Structure,
        starts: np.ndarray,
        ids: Sequence[str],
        *,
        columns: pa.Table | None = None,
        nodes: pa.Table | None = None,  # n rows: what is said of each node
        directed: bool = False,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
        found_at: str | None = None,
    ) -> None:
        self.structure, self.starts, self.ids, self.columns = structure, starts, ids, columns
        self.nodes, self.directed = nodes, directed
        self.skipped, self.found_at = skipped, found_at
        self._reading = dict(reading or {})

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "graphs", "many": True, **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        return _traits(self.structure)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, i: int) -> Graph:
        rows = slice(self.starts[i], self.starts[i + 1])
        arcs = self.structure.arcs
        return Graph(
            arcs[rows, rows],
            [str(k) for k in range(rows.stop - rows.start)],
            features=self.structure.features[rows],
            edges=self.structure.edges[arcs.indptr[rows.start] : arcs.indptr[rows.stop]],
            columns=None if self.nodes is None else self.nodes.slice(rows.start, rows.stop - rows.start),
            directed=self.directed,
        )

    def __iter__(self) -> Iterator[Graph]:
        return (self[i] for i in range(len(self)))

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> Wholes:
        return Wholes(self.structure, self.starts, rows)

    def metadata(self) -> pa.Table | None:
        return self.columns

    def picture(self, i: int) -> bytes | None:
        """Nodes of the same colour have the same largest feature."""
        one = self[i]
        return picture(one.arcs, one.features.toarray().argmax(1))

    def views(self) -> Views:
        return lambda batch: changed(batch, DROP, HIDE)


def changed(batch: Any, drop: float, hide: float) -> tuple[Any, Any]:
    """Two looks at a batch, in each of which other edges and features are not seen."""
    seeds = torch.randint(2**31, (2,)).tolist()
    one, other = (batch.seen(drop=drop, hide=hide, seed=seed) for seed in seeds)
    return one, other


def _traits(structure: Structure) -> dict[str, Any]:
    return {"features": int(structure.features.shape[1]), "edge_features": int(structure.edges.shape[1])}


def sizes(arcs: csr_array) -> csr_array:
    """(n, SIZES): a one where log2 of 1 + the number of neighbours is."""
    both = arcs.maximum(arcs.T).tocsr()
    size = np.log2(1 + np.diff(both.indptr)).astype(int).clip(max=SIZES - 1)
    n = len(size)
    return csr_array((np.ones(n, np.float32), size, np.arange(n + 1)), (n, SIZES))
