"""Vectors of nodes against node2vec as it is usually run, and a network's epoch against PyG.

    python -m benchmarks.graphs walks --gensim PYTHON [--nodes 3000]
    python -m benchmarks.graphs epoch

PYTHON: the interpreter of an environment that has gensim 4.4 (not this one: it wants older libraries). Data:
package-graph.npz of ILK_DATA (63,666 Debian packages, 297,568 dependencies). All on one thread, in CPU
seconds of the process; figures of docs/graphs.md.

walks   `Node2Vec` against walks over a networkx graph by alias tables, in Python, as the authors' own code
        goes; gensim's Word2Vec reads that corpus from a file, its fastest way. On the first NODES packages
        that a search from a random one meets. The same p, q, walks, length, window, noise, dimension and
        rate; compiling is not timed. Beside it how many of the five nearest of a package are of its section.
epoch   a two-layer GCN of width 128 on the whole graph, forward and back, the least of three; beside PyG's
        GCNConv, if that is installed: by edge_index and by a sparse adjacency, normalisation cached, features
        dense, as its Linear wants them.
"""

import argparse
import importlib.util
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch

import ilk
from ilk.encoders import embed
from ilk.encoders.gcn import GCN
from ilk.objectives.node2vec import Node2Vec
from ilk.source.graphs import Graph

PACKAGES = Path(os.environ.get("ILK_DATA", "../shared/data")) / "package-graph.npz"
SAME: dict[str, Any] = {"dim": 128, "window": 5, "negative": 5, "rate": 0.025}
P, Q, WALKS, LENGTH = 0.5, 2.0, 10, 40

PEER = """
import json, sys, time
import numpy as np
from gensim.models import Word2Vec
way, corpus, out = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
model = Word2Vec(
    vector_size=way["dim"], window=way["window"], negative=way["negative"], alpha=way["rate"], sg=1, hs=0,
    min_count=1, sample=0, workers=1, epochs=1, seed=1,
)
start = time.process_time()
model.build_vocab(corpus_file=corpus)
model.train(
    corpus_file=corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=1
)
seconds = time.process_time() - start
np.savez(out, ids=np.array(model.wv.index_to_key), vectors=model.wv.vectors, seconds=seconds)
"""


def walks(python: str, nodes: int) -> None:
    graph, section = some(nodes)
    usual = nx.relabel_nodes(nx.from_scipy_sparse_array(graph.arcs), dict(enumerate(graph.ids)))
    print(f"{len(graph):,} nodes, {graph.edges:,} edges")
    Node2Vec(walks=1, length=3, threads=1).solve(graph)  # compiles
    start = time.process_time()
    encoder = Node2Vec(p=P, q=Q, walks=WALKS, length=LENGTH, threads=1, **SAME).solve(graph)
    ours = time.process_time() - start
    print(f"ilk               {ours:7.1f} CPU-s   alike {alike(embed(encoder, graph), section):.1%}")
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = f"{folder}/corpus", f"{folder}/out.npz"
        start = time.process_time()
        found = walked(usual)
        walking = time.process_time() - start
        Path(corpus).write_text("".join(" ".join(one) + "\n" for one in found))
        told = [python, "-c", PEER, json.dumps(SAME), corpus, out]
        subprocess.run(told, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        with np.load(out, allow_pickle=False) as made:
            place = {name: i for i, name in enumerate(made["ids"].tolist())}
            vectors, learning = made["vectors"][[place[i] for i in graph.ids]], float(made["seconds"])
    theirs = walking + learning
    print(f"networkx, gensim  {theirs:7.1f} CPU-s   alike {alike(vectors, section):.1%}", end="   ")
    print(f"(walks {walking:.1f}, vectors {learning:.1f})\nratio {theirs / ours:.1f}")


def packages() -> Graph:
    graph = ilk.graphs(PACKAGES)
    assert isinstance(graph, Graph)
    return graph


def some(nodes: int) -> tuple[Graph, np.ndarray]:
    whole = packages()
    near = nx.from_scipy_sparse_array(whole.arcs)
    root = int(np.random.default_rng(0).integers(len(whole)))
    order = [root, *(child for _, child in nx.bfs_edges(near, root))][:nodes]
    arcs = whole.arcs[order][:, order].tocsr()
    labels = np.array(whole.metadata()["label"].to_pylist())[order]  # type: ignore[index]
    return Graph(arcs, [whole.ids[i] for i in order]), labels


def alike(vectors: np.ndarray, section: np.ndarray) -> float:
    z = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    near = z @ z.T
    np.fill_diagonal(near, -np.inf)
    return float((section[np.argpartition(-near, 5, axis=1)[:, :5]] == section[:, None]).mean())


def walked(graph: nx.Graph) -> list[list[str]]:
    """As Grover & Leskovec's code: alias tables for each node and each edge in each direction, then steps."""
    first = {v: (list(graph[v]), *alias([1.0] * graph.degree(v))) for v in graph}
    then = {}
    for a, b in graph.edges:
        for t, v in ((a, b), (b, a)):
            pull = [1 / P if x == t else 1.0 if graph.has_edge(x, t) else 1 / Q for x in graph[v]]
            then[t, v] = (first[v][0], *alias(pull))
    random.seed(0)
    found, nodes = [], list(graph)
    for _ in range(WALKS):
        random.shuffle(nodes)
        for root in nodes:
            walk = [root]
            while len(walk) < LENGTH and first[walk[-1]][0]:
                near, accept, other = first[root] if len(walk) == 1 else then[walk[-2], walk[-1]]
                i = int(random.random() * len(near))
                walk.append(near[i] if random.random() < accept[i] else near[other[i]])
            found.append(walk)
    return found


def alias(weights: list[float]) -> tuple[list[float], list[int]]:
    total = sum(weights)
    share = [w * len(weights) / total for w in weights]
    other = [0] * len(weights)
    small = [i for i, s in enumerate(share) if s < 1]
    large = [i for i, s in enumerate(share) if s >= 1]
    while small and large:
        one, more = small.pop(), large.pop()
        other[one] = more
        share[more] -= 1 - share[one]
        (small if share[more] < 1 else large).append(more)
    return share, other


def epoch() -> None:
    graph = packages()
    torch.manual_seed(0)
    encoder, part = GCN(1000), graph.structure.whole(2)
    print(f"ilk                    {least(lambda: encoder.through(part)):.2f} CPU-s")
    if importlib.util.find_spec("torch_geometric") is None:
        print("PyG is not installed: not measured.")
        return
    from torch_geometric.nn import GCNConv

    x = torch.from_numpy(graph.features.toarray())
    ends = torch.from_numpy(np.stack(graph.arcs.tocoo().coords).astype(np.int64))
    arcs = torch.sparse_coo_tensor(ends, torch.ones(ends.shape[1]), (len(graph),) * 2).to_sparse_csr()
    for name, edges in {"edge_index": ends, "sparse": arcs}.items():
        one, two = GCNConv(1000, 128, cached=True), GCNConv(128, 128, cached=True)
        bend = torch.nn.PReLU(128)

        def through(one: Any = one, two: Any = two, bend: Any = bend, edges: Any = edges) -> Any:
            return bend(two(bend(one(x, edges)), edges))

        print(f"PyG, {name:16}  {least(through):.2f} CPU-s")


def least(through: Callable[[], Any]) -> float:
    took = []
    for _ in range(4):  # the first makes what is kept
        start = time.process_time()
        through().square().mean().backward()
        took.append(time.process_time() - start)
    return min(took[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["walks", "epoch"])
    parser.add_argument("--gensim", default="python")
    parser.add_argument("--nodes", type=int, default=3000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.what == "walks":
        walks(args.gensim, args.nodes)
    else:
        epoch()


if __name__ == "__main__":
    main()
