"""What vectors of nodes are worth: the package graph's sections, a club that split, blocks that were planted.

    python -m recipes.graphs [packages] [karate] [blocks]

Prints the tables of docs/graphs.md. Vectors are learnt without a label; a line (logistic regression) then
learns from some labels and is asked for others. Seed 0 for packages, seeds 0 to 4 for the rest. On one thread
about 5 CPU-minutes for packages, seconds for the others.

packages  63,666 Debian packages and what they depend on (package-graph.npz of ILK_DATA): the section, one of
          58, of 10,000 packages by a line on 6,367 others. Beside them label propagation (Zhou et al. 2004),
          which sees the same labels and all edges, and the most frequent section.
karate    Zachary's club (comes with networkx): which side a member took, leave-one-out by the 3 nearest.
blocks    500 nodes in 5 blocks, edges within by chance .1, between .02: adjusted Rand index of k-means, of
          spectral clustering, and of Louvain communities.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

import ilk
from ilk.encoders import build, embed
from ilk.objectives import ClosedForm
from ilk.objectives.features import NodeFeatures
from ilk.objectives.infomax import Infomax
from ilk.objectives.node2vec import Node2Vec
from ilk.source.graphs import Graph

PACKAGES = Path(os.environ.get("ILK_DATA", "../shared/data")) / "package-graph.npz"
KNOWN, ASKED = 6_367, 10_000
SEEDS = 5
BLOCKS, SIZE, WITHIN, BETWEEN = 5, 100, 0.1, 0.02


def one(data: Any, **options: Any) -> Graph:
    graph = ilk.graphs(data, **options)
    assert isinstance(graph, Graph)
    return graph


def vectors(graph: Graph, objective: ClosedForm, seed: int) -> np.ndarray:
    return embed(objective.solve(graph, seed=seed), graph)


def untaught(graph: Graph) -> np.ndarray:
    import torch

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


def packages() -> None:
    graph = one(PACKAGES)
    y = np.array(graph.metadata()["label"].to_pylist())  # type: ignore[index]
    order = np.random.default_rng(0).permutation(len(y))
    known, asked = order[:KNOWN], order[KNOWN : KNOWN + ASKED]
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


def told(name: str, share: float, seconds: float) -> None:
    print(f"{name:28} {share:6.1%} {seconds:6.0f} CPU-s", flush=True)


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
    several("Louvain", louvain)


def several(name: str, way: Callable[[int], float]) -> None:
    found = [way(seed) for seed in range(SEEDS)]
    print(f"{name:28} {mean(found):.3f} +- {stdev(found):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = {"packages": packages, "karate": karate, "blocks": blocks}
    parser.add_argument("what", nargs="*", choices=[*every, []])
    for name in parser.parse_args().what or every:
        print(f"\n{name}")
        every[name]()


if __name__ == "__main__":
    main()
