"""Communities against networkx, odd nodes planted, hidden links foretold; values by hand."""

from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import adjusted_rand_score

import ilk
from ilk.analysis._louvain import louvain
from ilk.analysis.communities import communities, modularity
from ilk.analysis.linked import apart, strangers
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError
from ilk.learning.linking import foretold, links, plain
from ilk.learning.linking import strangers as unlinked
from ilk.source.graphs import Graph
from ilk.space import Space

BLOCKS, SIZE = 4, 25


@pytest.fixture(scope="module")
def planted() -> Graph:
    """Blocks, and a node that is linked with eight others of all of them."""
    G = nx.planted_partition_graph(BLOCKS, SIZE, 0.5, 0.02, seed=1)
    G.add_edges_from(("guest", v) for v in range(0, 100, 12))
    found = ilk.graphs(G)
    assert isinstance(found, Graph)
    return found


@pytest.fixture(scope="module")
def space(planted: Graph, tmp_path_factory: pytest.TempPathFactory) -> Space:
    return ilk.learn(planted, "node2vec", out=tmp_path_factory.mktemp("s") / "s", dim=16, threads=1)


def test_modularity_by_hand_and_as_networkx(planted: Graph) -> None:
    """Two triangles and an edge between: 7 edges, 6 within, degrees 7 and 7: 6/7 - 2 (1/2)^2."""
    barbell = nx.barbell_graph(3, 0)
    arcs = nx.to_scipy_sparse_array(barbell)
    assert modularity(arcs, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(6 / 7 - 1 / 2)
    assert louvain(arcs, 1.0, 0).tolist() in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])
    rng = np.random.default_rng(0)
    G = nx.Graph()
    G.add_weighted_edges_from(
        (int(a), int(b), float(w)) for a, b, w in zip(*rng.integers(30, size=(2, 90)), rng.random(90))
    )
    G.remove_edges_from(list(nx.selfloop_edges(G)))
    arcs, labels = nx.to_scipy_sparse_array(G), rng.integers(4, size=len(G))
    groups = [{v for v, c in zip(G, labels) if c == k} for k in range(4)]
    for resolution in (1.0, 0.5):
        theirs = nx.community.modularity(G, groups, resolution=resolution)
        assert modularity(arcs, labels, resolution) == pytest.approx(theirs)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_much_modularity_as_networkx(seed: int) -> None:
    G = nx.powerlaw_cluster_graph(200, 3, 0.5, seed=seed)
    arcs = nx.to_scipy_sparse_array(G, dtype=float)
    theirs = nx.community.modularity(G, nx.community.louvain_communities(G, seed=seed))
    assert modularity(arcs, louvain(arcs, 1.0, seed)) > theirs - 0.02
    many = louvain(arcs, 4.0, seed)
    assert many.max() > louvain(arcs, 1.0, seed).max()
    assert np.bincount(many).tolist() == sorted(np.bincount(many), reverse=True)


def test_communities_of_a_space(planted: Graph, space: Space) -> None:
    found = communities(planted, space)
    truth = np.repeat(np.arange(BLOCKS), SIZE)
    assert adjusted_rand_score(truth, found.labels[:100]) > 0.95
    assert "modularity" in found.sentence()
    layer = space.layer("community")["community"].to_pylist()
    assert [layer[space.ids().index(i)] for i in ("0", "99")] == [found.labels[0], found.labels[99]]
    ilk.clusters(space, 4)
    agrees = communities(planted, space).agrees
    groups, labels = space.layer("cluster")["cluster"].to_pylist(), space.layer("community")["community"]
    assert agrees == pytest.approx(adjusted_rand_score(groups, labels.to_pylist()))
    assert agrees > 0.5
    assert communities(ilk.graphs(nx.empty_graph(3))).labels.tolist() == [0, 1, 2]
    with pytest.raises(OptionError, match="resolution is 0"):
        communities(planted, resolution=0)
    communities(ilk.graphs(nx.path_graph(100)), space)  # which does not know the guest
    layer = dict(zip(*space.layer("community").to_pydict().values()))
    assert layer["guest"] is None
    assert all(layer[str(v)] is not None for v in range(100))
    assert np.isnan(strangers(space, ilk.graphs(nx.complete_graph(100))).score).tolist() == [
        i == "guest" for i in space.ids()
    ]
    with pytest.raises(DataError, match="no row is a node of this graph"):
        communities(ilk.graphs([("x", "y")]), space)


def test_a_guest_of_all_blocks_is_unlike_those_it_is_linked_with(planted: Graph, space: Space) -> None:
    found = strangers(space, planted)
    assert found.table(1)["id"].to_pylist() == ["guest"]
    middle = np.median(found.unlike)
    by_hand = 0.6745 * (found.unlike.max() - middle) / np.median(np.abs(found.unlike - middle))
    assert found.score.max() == pytest.approx(by_hand)
    assert found.odd[0] == space.ids().index("guest")


def test_vectors_of_noise_make_nobody_a_stranger(planted: Graph, tmp_path: Path) -> None:
    """Among normal numbers one in 4,000 is above 3.5."""
    named, asked = 0, 0
    for seed in range(10):
        noise = Space.create(tmp_path / f"{seed}.space", Pixels(8, 1), reading={"reader": "graphs"})
        noise.upsert_vectors(
            list(planted.ids), np.random.default_rng(seed).normal(size=(101, 8)).astype("f4")
        )
        found = strangers(noise, planted)
        named, asked = named + len(found.odd), asked + int(np.isfinite(found.score).sum())
    assert asked > 900
    assert named <= 3


def test_whose_features_are_those_of_another_block_are_named(planted: Graph, tmp_path: Path) -> None:
    told = np.eye(BLOCKS)[np.append(np.repeat(np.arange(BLOCKS), SIZE), 0)]
    told += np.random.default_rng(0).normal(scale=0.1, size=told.shape)
    told[[30, 60]] = told[[60, 30]]
    graph = Graph(planted.arcs, planted.ids, features=csr_array(told.astype(np.float32)))
    space = ilk.learn(graph, "features", out=tmp_path / "f")
    found = strangers(space, graph)
    assert {space.ids()[i] for i in found.odd} == {"30", "60", "guest"}
    assert found.sentence().startswith(f"{len(found.odd)} of 101 nodes with 3 links or more are unlike")
    layer = space.layer("linked")
    assert (layer["linked"].to_numpy() > 3.5).sum() == 3
    with pytest.raises(OptionError, match="beyond is 0"):
        strangers(space, graph, beyond=0)


def test_apart_by_hand() -> None:
    """A hub's neighbours point to the right, twice as weighty upwards: its own way is up."""
    z = np.array([[0, 3.0], [2, 0], [5, 0], [0, 1], [0, 0]])
    arcs = csr_array(np.array([[0, 1, 1, 4, 0]] + [[0, 0, 0, 0, 0]] * 4, float))
    both = csr_array(arcs + arcs.T)
    assert apart(z, both)[0] == pytest.approx((1 + 1 + 4 * 0) / 6)
    assert np.isnan(apart(z, both)[1:]).all()  # one link each


def test_scores_of_links_by_hand() -> None:
    """A square with a diagonal 0-2: the other pair 1-3 shares 0 and 2, of three links each."""
    arcs = nx.to_scipy_sparse_array(
        nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]), nodelist=range(4)
    ).tocsr()
    found = {name: way(np.array([[1, 3], [0, 1]])).tolist() for name, way in plain(arcs).items()}
    assert found["common neighbours"] == [2, 1]
    assert found["Adamic and Adar"] == pytest.approx([2 / np.log(3), 1 / np.log(3)])
    assert found["degrees"] == [4, 6]
    truth = np.repeat([True, False], [4, 60])
    score = np.concatenate([[9.0, 9, 0.5, -1], np.linspace(0, 1, 60)])
    told = foretold("x", score, truth)
    assert told.hits == {10: 0.5, 50: 0.75}  # the 10th best of those without is 51/59, the 50th 10/59
    assert told.auc == pytest.approx((60 + 60 + 30 + 0) / 240)


def test_strangers_are_not_linked_and_each_as_likely() -> None:
    arcs = nx.to_scipy_sparse_array(nx.complete_bipartite_graph(3, 3)).tocsr()
    rng, met = np.random.default_rng(0), np.zeros((6, 6))
    for _ in range(300):
        a, b = unlinked(arcs, 1, rng)[0]
        met[a, b] += 1
    assert np.flatnonzero(met.ravel()).tolist() == [1, 2, 8, 22, 23, 29]  # within either side
    assert met[met > 0] == pytest.approx(50, abs=4 * np.sqrt(50))
    assert len(unlinked(arcs, 100, rng)) == 6


def test_hidden_links_are_foretold(planted: Graph, tmp_path: Path) -> None:
    found = links(planted, "node2vec", dim=16, threads=1)
    first, *others = found.ways
    assert first.by == "node2vec"
    assert 0.75 < first.auc < 1
    assert {w.by for w in others} == {"common neighbours", "Adamic and Adar", "degrees"}
    assert found.hidden == round(planted.edges * 0.1)
    assert found.missing.num_rows == 20
    names = {(a, b) for a, b in zip(found.missing["one"].to_pylist(), found.missing["other"].to_pylist())}
    place = {name: i for i, name in enumerate(planted.ids)}
    assert not any(planted.arcs[place[a], place[b]] for a, b in names)
    table = pa.table({"source": ["a", "b"], "target": ["b", "c"]})
    with pytest.raises(DataError, match="0 of 2 edges to be hidden"):
        links(table)
    with pytest.raises(OptionError, match="share is 1"):
        links(planted, share=1)
    with pytest.raises(DataError, match="links are foretold in one graph"):
        links(ilk.graphs([nx.path_graph(3)]))
