"""What vectors of nodes and of graphs are worth: the package graph's sections, a club that split, blocks that
were planted, links that were hidden, families of graphs.

    python -m recipes.graphs [packages] [networks] [links] [karate] [blocks] [families] [--seeds 0,1,2]

Each row is printed and kept in recipes/graphs.csv (of links in recipes/links.csv), from which `python -m
recipes.results --render` makes docs/results.md. Vectors are learnt without a label; a line (logistic
regression) then learns from some labels and is asked for others. On one thread, for a seed, about 4
CPU-minutes for packages, half a minute for networks, one for links, seconds for the others.

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
from typing import Any

import numpy as np
import torch
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
from recipes.sections import keep

PACKAGES = Path(os.environ.get("ILK_DATA", "../shared/data")) / "package-graph.npz"
KNOWN, ASKED = 6_367, 10_000
ROOT = 54_155  # the package that benchmarks/graphs.py begins with too
BLOCKS, SIZE, WITHIN, BETWEEN = 5, 100, 0.1, 0.02


def one(data: Any, **options: Any) -> Graph:
    graph = ilk.graphs(data, **options)
    assert isinstance(graph, Graph)
    return graph


def told(data: str, seed: int, way: str, make: Callable[[], Any], score: Callable[[Any], float]) -> Any:
    """Makes, scores, prints and keeps; the seconds are those that the making takes."""
    start = time.process_time()
    made = make()
    took = time.process_time() - start
    row = {"data": data, "way": way, "seed": seed, "score": round(score(made), 4), "CPU-s": round(took, 1)}
    print(" | ".join(map(str, row.values())), flush=True)
    keep("graphs", row)
    return made


def vectors(graph: Graph, objective: ClosedForm, seed: int) -> np.ndarray:
    return embed(objective.solve(graph, seed=seed), graph)


def untaught(graph: Graph, seed: int) -> np.ndarray:
    torch.manual_seed(seed)
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


def dealt(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The section of each package, and which are known and asked."""
    y = np.array(one(PACKAGES).metadata()["label"].to_pylist())  # type: ignore[index]
    order = np.random.default_rng(seed).permutation(len(y))
    return y, order[:KNOWN], order[KNOWN : KNOWN + ASKED]


def packages(seed: int) -> None:
    graph = one(PACKAGES)
    y, known, asked = dealt(seed)
    hot = np.zeros((len(y), y.max() + 1), np.float32)
    hot[known, y[known]] = 1
    most = hot.sum(0, keepdims=True).repeat(len(y), 0)
    say = partial(told, "packages", seed)
    say("most frequent section", lambda: most, lambda f: float((f[asked].argmax(1) == y[asked]).mean()))
    spread = partial(propagated, graph, hot)
    say("label propagation", spread, lambda f: float((f[asked].argmax(1) == y[asked]).mean()))
    read = partial(line, y=y, known=known, asked=asked)
    say("features", partial(vectors, graph, NodeFeatures(), seed), read)
    say("random GCN", partial(untaught, graph, seed), read)
    walks = say("node2vec", partial(vectors, graph, Node2Vec(threads=1), seed), read)
    network = say("infomax", partial(vectors, graph, Infomax(), seed), read)
    say("node2vec and infomax side by side", lambda: np.hstack([walks, network]), read)


def networks(seed: int) -> None:
    graph = one(PACKAGES, neighbours=10)
    y, known, asked = dealt(seed)
    recipe = Recipe(steps=100, batch=256, learning_rate=5e-3, held_out=0, checks=1, seed=seed)
    ways: dict[str, Callable[[GCN], Objective]] = {
        "graph_contrast": GraphContrast,
        "graph_autoencoder": GraphAutoencoder,
        "graph_autoencoder, beta 0.1": partial(GraphAutoencoder, beta=0.1),
        "masked_features": MaskedFeatures,
    }

    def taught(way: Callable[[GCN], Objective]) -> np.ndarray:
        torch.manual_seed(seed)
        encoder = GCN(graph.traits["features"])
        with tempfile.TemporaryDirectory() as run:
            fit(way(encoder), graph, recipe, run=Path(run))
        rows = np.concatenate([known, asked])
        z = np.zeros((len(y), encoder.dim), np.float32)
        z[rows] = embed(encoder, graph, rows)
        return z

    for name, way in ways.items():
        told(
            "packages",
            seed,
            f"{name}, 100 steps",
            partial(taught, way),
            partial(line, y=y, known=known, asked=asked),
        )


def links_(seed: int) -> None:
    """The first 3,000 packages that a search from a random one meets."""
    whole = one(PACKAGES)
    reached = breadth_first_order(whole.arcs, ROOT, directed=False, return_predecessors=False)[:3000]
    arcs = whole.arcs[reached][:, reached].tocsr()
    graph = Graph(arcs, [whole.ids[i] for i in reached], features=whole.features[reached])
    ways: dict[str, dict[str, Any]] = {
        "node2vec": {"recipe": Recipe(seed=seed), "threads": 1},
        "infomax": {"recipe": Recipe(seed=seed)},
        "graph_autoencoder": {
            "recipe": Recipe(steps=100, batch=256, learning_rate=5e-3, checks=1, seed=seed)
        },
    }
    plain: list[Foretold] = []
    for name, how in ways.items():
        start = time.process_time()
        found = ilk.links(graph, name, missing=0, **how)
        scored(found.ways[0], seed, time.process_time() - start)
        plain = found.ways[1:]
    for way in plain:
        scored(way, seed, 0)


def scored(way: Foretold, seed: int, seconds: float) -> None:
    row = {"way": way.by, "seed": seed, "AUC": round(way.auc, 4)}
    row |= {f"hits@{k}": round(way.hits[k], 4) for k in (10, 100)} | {"CPU-s": round(seconds, 1)}
    print(" | ".join(map(str, row.values())), flush=True)
    keep("links", row)


def karate(seed: int) -> None:
    import networkx as nx

    graph = one(nx.karate_club_graph(), features=np.eye(34))
    side = np.array(graph.metadata()["club"].to_pylist()) == "Officer"  # type: ignore[index]
    say = partial(told, "karate", seed, score=partial(voted, kind=side.astype(int), near=3))
    say("who knows whom", graph.arcs.toarray)
    say("node2vec", partial(vectors, graph, Node2Vec(dim=16, walks=50, threads=1), seed))
    say("infomax", partial(vectors, graph, Infomax(dim=16, width=16), seed))


def voted(z: np.ndarray, kind: np.ndarray, near: int) -> float:
    """Right kinds, leave-one-out, by so many nearest (cosine)."""
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    alike = z @ z.T
    np.fill_diagonal(alike, -np.inf)
    votes = (kind[np.argsort(-alike, 1)[:, :near]][:, :, None] == np.unique(kind)).sum(1)
    return float((votes.argmax(1) == kind).mean())


def blocks(seed: int) -> None:
    import networkx as nx

    truth = np.repeat(np.arange(BLOCKS), SIZE)
    planted = nx.planted_partition_graph(BLOCKS, SIZE, WITHIN, BETWEEN, seed=seed)
    graph = one(planted)

    def walks() -> np.ndarray:
        means = KMeans(BLOCKS, n_init=10, random_state=0)
        return np.asarray(means.fit_predict(vectors(graph, Node2Vec(dim=32, threads=1), seed)))

    def spectral() -> np.ndarray:
        how = SpectralClustering(BLOCKS, affinity="precomputed", random_state=0)
        return np.asarray(how.fit_predict(graph.arcs.toarray()))

    def louvain() -> np.ndarray:
        found = np.zeros(BLOCKS * SIZE, int)
        for i, community in enumerate(nx.community.louvain_communities(planted, seed=seed)):
            found[list(community)] = i
        return found

    say = partial(told, "blocks", seed, score=lambda found: float(adjusted_rand_score(truth, found)))
    say("node2vec, k-means", walks)
    say("spectral clustering", spectral)
    say("Louvain communities, ilk communities", lambda: ilk.communities(graph, seed=seed).labels)
    say("Louvain communities, networkx", louvain)


def families(seed: int) -> None:
    source = drawn(seed)
    family = np.arange(len(source)) % 4

    def right(z: np.ndarray) -> float:
        return voted((z - z.mean(0)) / np.maximum(z.std(0), 1e-6), family, 5)

    def solved(way: ClosedForm) -> np.ndarray:
        return embed(way.solve(source, seed=seed), source)

    def taught(name: str, steps: int) -> np.ndarray:
        torch.manual_seed(seed)
        encoder = build(name, source.traits, dim=32, width=32)
        if not steps:
            return embed(encoder.eval(), source)
        with tempfile.TemporaryDirectory() as run:
            recipe = Recipe(steps=steps, batch=50, learning_rate=5e-3, held_out=0, checks=1, seed=seed)
            fit(GraphContrast(encoder), source, recipe, run=Path(run))
        return embed(encoder, source)

    say = partial(told, "families", seed, score=right)
    say("features: how many neighbours the nodes have", partial(solved, NodeFeatures()))
    say("wl", partial(solved, WL(dim=32)))
    for name in ("gcn", "mpnn", "fixed_point"):
        say(f"{name}, untaught", partial(taught, name, 0))
    for name in ("gcn", "mpnn"):
        say(f"{name}, graph_contrast for 60 steps", partial(taught, name, 60))


def drawn(seed: int) -> Graphs:
    """200 graphs, of the four families in turn."""
    import networkx as nx

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
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every: dict[str, Callable[[int], None]] = {
        **{"packages": packages, "networks": networks, "links": links_},
        **{"karate": karate, "blocks": blocks, "families": families},
    }
    parser.add_argument("what", nargs="*", choices=[*every, []])
    parser.add_argument("--seeds", type=lambda text: [*map(int, text.split(","))], default=[0, 1, 2])
    asked = parser.parse_args()
    for name in asked.what or every:
        for seed in asked.seeds:
            every[name](seed)


if __name__ == "__main__":
    main()
