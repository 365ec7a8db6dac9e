"""Are links foretold? Some edges are hidden, vectors learnt from the rest, and asked which pairs are linked.

Beside them what needs no learning: common neighbours, those that are seldom linked counting more (Adamic &
Adar 2003), and the product of degrees.

Legend: n nodes, k pairs, D dimensions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array, diags_array, triu
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from ..analysis._drawn import graphs as _drawn
from ..analysis._neighbours import nearest
from ..analysis._result import Picture, Result
from ..analysis.linked import places
from ..errors import DataError, OptionError
from ..source.graphs import Graph, Graphs, graphs
from ..training.recipe import Recipe
from .learn import learn

HITS = (10, 50, 100)
TAUGHT = 20_000  # pairs of each kind that the line on vectors learns from, at most
NEAR = 10  # rows that a row is asked whether it should be linked with

_TWO_MINUTES = Recipe()


@dataclass(frozen=True)
class Foretold:
    by: str
    auc: float  # chance that a hidden edge is put above a pair without one
    hits: dict[int, float]  # share of hidden edges that are above all but k - 1 of as many pairs without one


@dataclass(frozen=True)
class Links(Result):
    hidden: int
    edges: int
    ways: list[Foretold]  # the learnt one first
    missing: pa.Table  # one, other, chance: pairs without an edge that most look like one

    def table(self) -> pa.Table:
        rows = [{"by": w.by, "AUC": w.auc} | {f"hits@{k}": v for k, v in w.hits.items()} for w in self.ways]
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        first, best = self.ways[0], max(self.ways[1:], key=lambda w: w.auc)
        return (
            f"{self.hidden:,} of {self.edges:,} edges were hidden: {first.by} puts them above pairs without "
            f"one with AUC {first.auc:.3f}, {best.by} with {best.auc:.3f}."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_links(self.ways)


def links(
    data: Any,
    objective: str = "node2vec",
    *,
    share: float = 0.1,
    encoder: str | None = None,
    dim: int | None = None,
    recipe: Recipe = _TWO_MINUTES,
    missing: int = 20,
    **options: Any,
) -> Links:
    """How well the vectors of an objective foretell edges that they were not learnt from.

    share    of the edges that are hidden; as many pairs without one are drawn
    missing  so many pairs without an edge are named that most look like one, among each node's nearest
    options  of the objective and the encoder, as of `learn`
    """
    graph = data if isinstance(data, Graph | Graphs) else graphs(data, many=False)
    if not isinstance(graph, Graph):
        raise DataError("links are foretold in one graph", "Give one, not many.")
    if not 0 < share < 1:
        raise OptionError(f"share is {share}", "Give a number between 0 and 1.")
    rng = np.random.default_rng(recipe.seed)
    whole: csr_array[Any] = graph.arcs.maximum(graph.arcs.T).tocsr()
    ends = np.stack(triu(whole, 1).tocoo().coords, 1).astype(np.int64)  # (k, 2)
    order = rng.permutation(len(ends))
    cut = round(share * len(ends))
    if not 1 <= cut < len(ends):
        raise DataError(f"{cut} of {len(ends)} edges to be hidden", "Give a graph with more edges.")
    hidden, rest = ends[order[:cut]], ends[order[cut:]]
    part = _without(graph, hidden)
    asked = np.concatenate([hidden, strangers(whole, cut, rng)])
    truth = np.repeat([True, False], [cut, len(asked) - cut])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "links"
        space = learn(part, objective, out=out, encoder=encoder, dim=dim, recipe=recipe, **options)
        z = np.array(space.vectors())[places(space.id_array(), graph)]  # in the graph's order
    told = _line(z, rest[:TAUGHT], strangers(whole, min(len(rest), TAUGHT), rng))
    known: csr_array[Any] = part.arcs.maximum(part.arcs.T).tocsr()
    ways = {objective: told, **plain(known)}
    found = [foretold(name, way(asked), truth) for name, way in ways.items()]
    return Links(cut, len(ends), found, _missing(graph, whole, z, told, missing))


def foretold(by: str, score: np.ndarray, truth: np.ndarray) -> Foretold:
    others = np.sort(score[~truth])[::-1]
    hits = {k: float((score[truth] > others[k - 1]).mean()) for k in HITS if k <= len(others)}
    return Foretold(by, float(roc_auc_score(truth, score)), hits)


def plain(arcs: csr_array) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Scores of pairs (k, 2) by the edges alone."""
    links = csr_array((np.ones(arcs.nnz), arcs.indices, arcs.indptr), arcs.shape)
    degree = np.diff(arcs.indptr).astype(float)
    rare = diags_array(1 / np.log(np.maximum(degree, 2)))

    def shared(matrix: csr_array, pairs: np.ndarray) -> np.ndarray:
        return np.asarray((matrix[pairs[:, 0]] * links[pairs[:, 1]]).sum(1))

    return {
        "common neighbours": lambda pairs: shared(links, pairs),
        "Adamic and Adar": lambda pairs: shared((links @ rare).tocsr(), pairs),
        "degrees": lambda pairs: degree[pairs].prod(1),
    }


def strangers(arcs: csr_array, k: int, rng: np.random.Generator) -> np.ndarray:
    """(k, 2) pairs of nodes that no edge links, each drawn alike; fewer where the graph is nearly full."""
    n = arcs.shape[0]
    found = np.zeros((0, 2), np.int64)
    row = np.repeat(np.arange(n), np.diff(arcs.indptr))
    linked = row * n + arcs.indices
    for _ in range(20):
        pairs = np.sort(rng.integers(n, size=(2 * k, 2)), axis=1)
        good = (pairs[:, 0] != pairs[:, 1]) & ~np.isin(pairs @ [n, 1], linked)
        found = np.unique(np.concatenate([found, pairs[good]]), axis=0)
        if len(found) >= k:
            break
    return rng.permutation(found)[:k]


def _without(graph: Graph, hidden: np.ndarray) -> Graph:
    arcs = graph.arcs.tocoo()
    row, column = (c.astype(np.int64) for c in arcs.coords)
    n = arcs.shape[0]
    keys = np.minimum(row, column) * n + np.maximum(row, column)
    kept = ~np.isin(keys, hidden @ [n, 1])
    return Graph(
        csr_array((arcs.data[kept], (row[kept], column[kept])), arcs.shape),
        graph.ids,
        features=graph.features,
        edges=graph.structure.edges[kept],
        columns=graph.columns,
        directed=graph.directed,
        neighbours=graph.neighbours,
    )


def _line(z: np.ndarray, linked: np.ndarray, others: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The chance of an edge by the products of two vectors' numbers: for each dimension what it is worth."""

    def product(pairs: np.ndarray) -> np.ndarray:  # (k, 2) -> (k, D)
        return np.asarray(z[pairs[:, 0]] * z[pairs[:, 1]])

    x = product(np.concatenate([linked, others]))
    scaled = StandardScaler().fit(x)
    truth = np.repeat([1, 0], [len(linked), len(others)])
    line = LogisticRegression(C=0.1, max_iter=200).fit(scaled.transform(x), truth)
    return lambda pairs: np.asarray(line.predict_proba(scaled.transform(product(pairs)))[:, 1])


def _missing(
    graph: Graph, arcs: csr_array, z: np.ndarray, told: Callable[[np.ndarray], np.ndarray], most: int
) -> pa.Table:
    """Among each node's nearest that it is not linked with; a zero vector is near to nothing."""
    some = np.flatnonzero(z.any(1))
    unit = (z[some] / np.linalg.norm(z[some], axis=1, keepdims=True)).astype(np.float32)
    near = some[nearest(unit, min(NEAR, len(some) - 1))[0]]
    pairs = np.stack([np.repeat(some, near.shape[1]), near.ravel()], 1)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    n = arcs.shape[0]
    linked = np.repeat(np.arange(n), np.diff(arcs.indptr)) * n + arcs.indices
    pairs = pairs[~np.isin(pairs @ [n, 1], linked)]
    chance = told(pairs) if len(pairs) else np.zeros(0)
    top = np.argsort(-chance, kind="stable")[:most]
    one, other = ([graph.ids[i] for i in pairs[top, side]] for side in (0, 1))
    return pa.table({"one": one, "other": other, "chance": chance[top]})
