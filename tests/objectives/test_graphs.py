"""Objectives of graphs: walks by their law, losses by hand, blocks of a made graph found again."""

from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from torch import nn

import ilk
from ilk.encoders import embed
from ilk.encoders.gcn import GCN
from ilk.errors import DataError, OptionError
from ilk.objectives._walks import roads, walk
from ilk.objectives.infomax import Infomax, surprise
from ilk.objectives.node2vec import Node2Vec
from ilk.source.graphs import Graph

BLOCKS, SIZE = 4, 25


def walks(graph: Graph, roots: int, length: int, p: float, q: float) -> list[list[int]]:
    start = np.random.default_rng(0).integers(len(graph), size=roots).astype(np.int32)
    out = np.empty(roots * (length + 1), np.int32)
    n = walk(roads(graph.arcs), start, length, p, q, 1, out)
    return [part.tolist() for part in np.split(out[:n], np.flatnonzero(out[:n] == -1) + 1)[:-1]]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "q"), [(0.5, 2.0), (4.0, 0.25), (1.0, 1.0)])
def test_walks_obey_the_law(p: float, q: float, weighted: bool) -> None:
    """A square with a diagonal and a tail: from (t, v) to x as weight times 1/p, 1 or 1/q."""
    G = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (2, 4)])
    if weighted:
        nx.set_edge_attributes(G, {e: 1.0 + i for i, e in enumerate(G.edges)}, "weight")
    graph = ilk.graphs(G)
    node = [int(i) for i in graph.ids]
    met: Counter[tuple[int, int, int]] = Counter()
    for one in walks(graph, 4000, 10, p, q):
        assert one[-1] == -1
        named = [node[i] for i in one[:-1]]
        assert len(named) == 10
        met.update(zip(named, named[1:], named[2:]))
    for t, v in [(0, 2), (1, 2), (4, 2), (2, 0)]:
        pull = {
            x: G[v][x].get("weight", 1.0) * (1 / p if x == t else 1.0 if G.has_edge(t, x) else 1 / q)
            for x in G[v]
        }
        total = sum(met[t, v, x] for x in pull)
        assert total > 500
        for x, weight in pull.items():
            share = weight / sum(pull.values())
            assert met[t, v, x] / total == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / total))


def test_walks_follow_directions_and_end_where_none_leads_on() -> None:
    line = ilk.graphs([("a", "b"), ("b", "c")], directed=True)
    assert {tuple(one) for one in walks(line, 20, 5, 1, 1)} == {(0, 1, 2, -1), (1, 2, -1), (2, -1)}


@pytest.fixture(scope="module")
def planted() -> tuple[Graph, np.ndarray]:
    """Blocks known, features that tell them badly, and a node that is in no edge."""
    G = nx.planted_partition_graph(BLOCKS, SIZE, 0.4, 0.03, seed=1)
    truth = np.repeat(np.arange(BLOCKS), SIZE)
    G.add_node("alone")
    rng = np.random.default_rng(0)
    seen = np.vstack([np.eye(BLOCKS)[truth], np.zeros(BLOCKS)]) + rng.normal(size=(BLOCKS * SIZE + 1, BLOCKS))
    return ilk.graphs(G, features=seen), truth


def recovered(vectors: np.ndarray, truth: np.ndarray) -> float:
    found = KMeans(BLOCKS, n_init=5, random_state=0).fit_predict(vectors[: len(truth)])
    return float(adjusted_rand_score(truth, found))


def test_node2vec_finds_blocks(planted: tuple[Graph, np.ndarray]) -> None:
    graph, truth = planted
    encoder = Node2Vec(dim=16, threads=1).solve(graph)
    vectors = embed(encoder, graph)
    assert recovered(vectors, truth) > 0.95
    assert not vectors[-1].any()  # in no edge
    stranger = ilk.graphs([("0", "somebody")])
    assert embed(encoder, stranger) == pytest.approx(np.stack([vectors[0], np.zeros(16)]))


def test_infomax_finds_blocks_that_features_do_not(planted: tuple[Graph, np.ndarray]) -> None:
    graph, truth = planted
    assert recovered(graph.features.toarray(), truth) < 0.3
    vectors = embed(Infomax(dim=16, width=16, epochs=100).solve(graph), graph)
    assert recovered(vectors, truth) > 0.7
    assert np.isfinite(vectors).all()


def test_the_surprise_is_torchs_cross_entropy_and_log_two_of_nothing() -> None:
    torch.manual_seed(0)
    told, (true, false) = nn.Linear(5, 5, bias=False), torch.randn(2, 7, 5)
    scores = torch.cat([true, false]) @ told.weight @ true.mean(0).sigmoid()
    truth = torch.tensor([1.0] * 7 + [0.0] * 7)
    assert surprise(true, false, told).item() == pytest.approx(
        F.binary_cross_entropy_with_logits(scores, truth).item()
    )
    assert surprise(0 * true, 0 * false, told).item() == pytest.approx(np.log(2))


def test_gcn_by_its_formula(planted: tuple[Graph, np.ndarray]) -> None:
    graph = planted[0]
    torch.manual_seed(0)
    encoder = GCN(BLOCKS, dim=6, width=5)
    A = graph.arcs.toarray() + np.eye(len(graph))
    root = np.diag(1 / np.sqrt(A.sum(1)))
    z = graph.features.toarray()
    for line in encoder.lines:
        z = root @ A @ root @ z @ line.weight.detach().numpy().T + line.bias.detach().numpy()
        z = np.where(z > 0, z, 0.25 * z)  # PReLU as it begins
    assert embed(encoder, graph, batch=7) == pytest.approx(z, abs=1e-5)
    order = torch.randperm(len(graph))
    other = ilk.graphs(graph.arcs, features=graph.features[order.numpy()])
    dealt = encoder.through(graph.structure.whole(2), order)
    torch.testing.assert_close(dealt, encoder.through(other.structure.whole(2)))


def test_a_space_of_nodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = "".join(f"{a},{b}\n" for a, b in nx.karate_club_graph().edges)
    (tmp_path / "club.csv").write_text("source,target\n" + pairs)
    space = ilk.learn(tmp_path / "club.csv", "node2vec", out=tmp_path / "club", dim=8, threads=1)
    assert len(space) == 34
    assert space.search(ilk.Id("33"), 1).ids[0, 0] == "32"  # the two the whole club hangs on
    found = ilk.learn(tmp_path / "club.csv", "infomax", out=tmp_path / "max", dim=8, width=8, epochs=3)
    assert found.info()["encoder"] == "gcn"
    ilk.learn(tmp_path / "club.csv", out=tmp_path / "auto")
    assert "nothing tells whether infomax is better: node2vec is kept" in capsys.readouterr().err
    with pytest.raises(OptionError, match="node2vec is for graphs, and the data are text"):
        ilk.learn(["some text"], "node2vec", out=tmp_path / "no")
    with pytest.raises(OptionError, match="pca is for images, and the data are graphs"):
        ilk.learn(tmp_path / "club.csv", "pca", out=tmp_path / "no")


def test_what_cannot_be_says_so() -> None:
    with pytest.raises(DataError, match="3 nodes without an edge"):
        Node2Vec().solve(ilk.graphs(nx.empty_graph(3)))
    with pytest.raises(OptionError, match=r"p is 0, q 1\.0"):
        Node2Vec(p=0)
    with pytest.raises(OptionError, match=r"walks is 0"):
        Node2Vec(walks=0)
    with pytest.raises(OptionError, match=r"depth is 0"):
        Infomax(depth=0)
    with pytest.raises(DataError, match="infomax learns from a graph; this is a Text"):
        Infomax().solve(ilk.text(["a b"]))
