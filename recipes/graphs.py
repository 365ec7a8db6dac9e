"""What vectors of nodes and of graphs are worth: the package graph's sections, a club that split, blocks that
were planted, links that were hidden, families of graphs.

    python -m recipes.graphs [packages] [networks] [links] [karate] [blocks] [families]

Prints the tables of docs/graphs.md and docs/results.md. Vectors are learnt without a label; a line (logistic
regression) then learns from some labels and is asked for others. Seed 0 for packages, networks and links,
seeds 0 to 4 for the rest. On one thread about 5 CPU-minutes for packages, one for each of links and families,
seconds for the others.

packages  63,666 Debian packages and what they depend on (package-graph.npz of ILK_DATA): the section, one of
          58, of 10,000 packages by a line on 6,367 others. Beside them label propagation (Zhou et al. 2004),
          which sees the same labels and all edges, and the most frequent section.
networks  The same of what trains a network on mini-batches of 256 nodes for 100 steps, 10 neighbours of a
          node for each of two layers.
links     A tenth of the edges of 3,000 packages hidden: `ilk.links`.
karate    Zachary's club (comes with networkx): which side a member took, leave-one-out by the 3 nearest.
blocks    500 nodes in 5 blocks, edges within by chance .1, between .02: adjusted Rand index of k-means, of
          spectral clustering, and of Louvain communities.
families  200 graphs of 30 to 60 nodes and as many edges each, drawn at random, small worlds, by preferential
          attachment or in two blocks: which of the four, leave-one-out by the 5 nearest.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

import ilk
from ilk import Recipe
from ilk.encoders import build, embed
from ilk.encoders.gcn import GCN
from ilk.learning.linking import Foretold
from ilk.objectives import ClosedForm, Objective
from ilk.objectives.features import NodeFeatures
from ilk.objectives.graph_autoencoder import GraphAutoencoder
from ilk.objectives.graph_contrast import GraphContrast
from ilk.objectives.infomax import Infomax
from ilk.objectives.masked_features import MaskedFeatures
from ilk.objectives.node2vec import Node2Vec
from ilk.objectives.wl import WL
from ilk.source.graphs import Graph, Graphs
from ilk.training.fit import fit

PACKAGES = Path(os.environ.get("ILK_DATA", "../shared/data")) / "package-graph.npz"
KNOWN, ASKED = 6_367, 10_000
SEEDS = 5
ROOT = 54_155  # the package that benchmarks/graphs.py begins with too
BLOCKS, SIZE, WITHIN, BETWEEN = 5, 100, 0.1, 0.02


def one(data: Any, **options: Any) -> Graph:
    graph = ilk.graphs(data, **options)
    assert isinstance(graph, Graph)
    return graph


def vectors(graph: Graph, objective: ClosedForm, seed: int) -> np.ndarray:
    return embed(objective.solve(graph, seed=seed), graph)


def untaught(graph: Graph) -> np.ndarray:
    torch.manual_seed(0)
    return embed(build("gcn", graph.traits).eval(), graph)


def propagated(graph: Graph, hot: np.ndarray, share: float = 0.9, times: int = 30) -> np.ndarray:
    """Labels (n, c) of some nodes, spread over the edges: F <- share S F + (1 - share) Y."""
    steps = graph.structure.steps  # (n, n), normalised
    found = hot
    for _ in range(times):
        found = share * (steps @ found) + (1 - share) * hot
    return found


def line(x: np.ndarray, y: np.ndarray, known: np.ndarray, asked: np.ndarray) -> float:
    scaled = StandardScaler().fit(x[known])
    found = LogisticRegression(C=0.01, max_iter=200).fit(scaled.transform(x[known]), y[known])
    return float(found.score(scaled.transform(x[asked]), y[asked]))


def dealt() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The section of each package, and which are known and asked."""
    y = np.array(one(PACKAGES).metadata()["label"].to_pylist())  # type: ignore[index]
    order = np.random.default_rng(0).permutation(len(y))
    return y, order[:KNOWN], order[KNOWN : KNOWN + ASKED]


def packages() -> None:
    graph = one(PACKAGES)
    y, known, asked = dealt()
    hot = np.zeros((len(y), y.max() + 1), np.float32)
    hot[known, y[known]] = 1
    most = np.bincount(y[known]).argmax()
    told("most frequent section", float((y[asked] == most).mean()), 0)
    start = time.process_time()
    spread = propagated(graph, hot)[asked]
    told("label propagation", float((spread.argmax(1) == y[asked]).mean()), time.process_time() - start)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "features": partial(vectors, graph, NodeFeatures(), 0),
        "random GCN": partial(untaught, graph),
        "node2vec": partial(vectors, graph, Node2Vec(threads=1), 0),
        "infomax": partial(vectors, graph, Infomax(), 0),
    }
    made: dict[str, np.ndarray] = {}
    for name, way in ways.items():
        start = time.process_time()
        made[name] = way()
        took = time.process_time() - start
        told(f"{name}, line", line(made[name], y, known, asked), took)
    together = np.hstack([made["node2vec"], made["infomax"]])
    told("node2vec and infomax, line", line(together, y, known, asked), 0)


def networks() -> None:
    graph = one(PACKAGES, neighbours=10)
    y, known, asked = dealt()
    recipe = Recipe(steps=100, batch=256, learning_rate=5e-3, held_out=0, checks=1)
    ways: dict[str, Callable[[GCN], Objective]] = {
        "graph_contrast": GraphContrast,
        "graph_autoencoder": GraphAutoencoder,
        "graph_autoencoder, beta 0.1": partial(GraphAutoencoder, beta=0.1),
        "masked_features": MaskedFeatures,
    }
    for name, way in ways.items():
        start = time.process_time()
        torch.manual_seed(0)
        encoder = GCN(graph.traits["features"])
        with tempfile.TemporaryDirectory() as run:
            fit(way(encoder), graph, recipe, run=Path(run))
        rows = np.concatenate([known, asked])
        z = np.zeros((len(y), encoder.dim), np.float32)
        z[rows] = embed(encoder, graph, rows)
        took = time.process_time() - start
        told(f"{name}, line", line(z, y, known, asked), took)


def links_() -> None:
    """The first 3,000 packages that a search from a random one meets."""
    whole = one(PACKAGES)
    reached = breadth_first_order(whole.arcs, ROOT, directed=False, return_predecessors=False)[:3000]
    arcs = whole.arcs[reached][:, reached].tocsr()
    graph = Graph(arcs, [whole.ids[i] for i in reached], features=whole.features[reached])
    ways: dict[str, dict[str, Any]] = {
        "node2vec": {"threads": 1},
        "infomax": {},
        "graph_autoencoder": {"recipe": Recipe(steps=100, batch=256, learning_rate=5e-3, checks=1)},
    }
    print("| Way | AUC | hits@10 | hits@100 | CPU-s |\n|---|---|---|---|---|")
    plain = {}
    for name, how in ways.items():
        start = time.process_time()
        found = ilk.links(graph, name, missing=0, **how)
        took = time.process_time() - start
        scored(found.ways[0], took)
        plain = {w.by: w for w in found.ways[1:]}
    for way in plain.values():
        scored(way, 0)


def scored(way: Foretold, seconds: float) -> None:
    print(
        f"| {way.by} | {way.auc:.3f} | {way.hits[10]:.1%} | {way.hits[100]:.1%} | {seconds:.0f} |", flush=True
    )


def told(name: str, share: float, seconds: float) -> None:
    print(f"| {name} | {share:.1%} | {seconds:.0f} |", flush=True)


def karate() -> None:
    import networkx as nx

    graph = one(nx.karate_club_graph(), features=np.eye(34))
    side = np.array(graph.metadata()["club"].to_pylist()) == "Officer"  # type: ignore[index]

    def right(way: ClosedForm, seed: int) -> float:
        z = vectors(graph, way, seed)
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        alike = z @ z.T
        np.fill_diagonal(alike, -np.inf)
        return float(((side[np.argsort(-alike, 1)[:, :3]].mean(1) > 0.5) == side).mean())

    several("node2vec", partial(right, Node2Vec(dim=16, walks=50, threads=1)))
    several("infomax", partial(right, Infomax(dim=16, width=16)))


def blocks() -> None:
    import networkx as nx

    truth = np.repeat(np.arange(BLOCKS), SIZE)

    def planted(seed: int) -> Any:
        return nx.planted_partition_graph(BLOCKS, SIZE, WITHIN, BETWEEN, seed=seed)

    def ours(way: ClosedForm, seed: int) -> float:
        z = vectors(one(planted(seed)), way, seed)
        return score(KMeans(BLOCKS, n_init=10, random_state=0).fit_predict(z))

    def spectral(seed: int) -> float:
        arcs: csr_array[Any] = one(planted(seed)).arcs
        how = SpectralClustering(BLOCKS, affinity="precomputed", random_state=0)
        return score(how.fit_predict(arcs.toarray()))

    def louvain(seed: int) -> float:
        found = np.zeros(BLOCKS * SIZE, int)
        for i, community in enumerate(nx.community.louvain_communities(planted(seed), seed=seed)):
            found[list(community)] = i
        return score(found)

    def score(found: np.ndarray) -> float:
        return float(adjusted_rand_score(truth, found))

    several("node2vec, k-means", partial(ours, Node2Vec(dim=32, threads=1)))
    several("spectral clustering", spectral)

    def ours_too(seed: int) -> float:
        return score(ilk.communities(one(planted(seed)), seed=seed).labels)

    several("Louvain (ilk communities)", ours_too)
    several("Louvain (networkx)", louvain)


def families() -> None:
    import networkx as nx

    def drawn(seed: int) -> tuple[Graphs, np.ndarray]:
        rng, made = np.random.default_rng(seed), []
        for i in range(200):
            n, own = int(rng.integers(15, 31)) * 2, int(rng.integers(2**31))
            made.append(
                (
                    nx.gnm_random_graph(n, 3 * n, seed=own),
                    nx.watts_strogatz_graph(n, 6, 0.2, seed=own),
                    nx.barabasi_albert_graph(n, 3, seed=own),
                    nx.planted_partition_graph(2, n // 2, 10.2 / n, 1.8 / n, seed=own),
                )[i % 4]
            )
        found = ilk.graphs(made)
        assert isinstance(found, Graphs)
        return found, np.arange(200) % 4

    def right(vectors: Callable[[Graphs, int], np.ndarray], seed: int) -> float:
        source, family = drawn(seed)
        z = vectors(source, seed)
        z = (z - z.mean(0)) / np.maximum(z.std(0), 1e-6)
        z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
        alike = z @ z.T
        np.fill_diagonal(alike, -np.inf)
        near = family[np.argsort(-alike, 1)[:, :5]]
        votes = (near[:, :, None] == np.arange(4)).sum(1)
        return float((votes.argmax(1) == family).mean())

    def solved(way: ClosedForm, source: Graphs, seed: int) -> np.ndarray:
        return embed(way.solve(source, seed=seed), source)

    def taught(name: str, steps: int, source: Graphs, seed: int) -> np.ndarray:
        torch.manual_seed(seed)
        encoder = build(name, source.traits, dim=32, width=32)
        if not steps:
            return embed(encoder.eval(), source)
        with tempfile.TemporaryDirectory() as run:
            recipe = Recipe(steps=steps, batch=50, learning_rate=5e-3, held_out=0, checks=1, seed=seed)
            fit(GraphContrast(encoder), source, recipe, run=Path(run))
        return embed(encoder, source)

    several("features: degrees", partial(right, partial(solved, NodeFeatures())))
    several("wl", partial(right, partial(solved, WL(dim=32))))
    for name in ("gcn", "mpnn", "fixed_point"):
        several(f"{name}, untaught", partial(right, partial(taught, name, 0)))
    for name in ("gcn", "mpnn"):
        several(f"{name}, graph_contrast", partial(right, partial(taught, name, 60)))


def several(name: str, way: Callable[[int], float]) -> None:
    found = [way(seed) for seed in range(SEEDS)]
    print(f"| {name} | {mean(found):.3f} ± {stdev(found):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = {
        **{"packages": packages, "networks": networks, "links": links_},
        **{"karate": karate, "blocks": blocks, "families": families},
    }
    parser.add_argument("what", nargs="*", choices=[*every, []])
    for name in parser.parse_args().what or every:
        print(f"\n{name}")
        every[name]()


if __name__ == "__main__":
    main()
