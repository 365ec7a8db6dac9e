"""Many graphs as samples, features of edges, PyG's form; what is seen of a graph that is not seen whole."""

import io
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import ilk
from ilk.encoders.gcn import GCN
from ilk.errors import DataError, OptionError, UnreadableSample
from ilk.source import read
from ilk.source._graph.arrays import of_pyg
from ilk.source._graph.picture import INKS, places
from ilk.source._graph.structure import Look
from ilk.source._kind import kind
from ilk.source.graphs import Graph, Graphs


def molecule(atoms: str, bonds: list[tuple[int, int, str]], *, toxic: bool) -> nx.Graph:
    G = nx.Graph(toxic=toxic)
    G.add_nodes_from((i, {"element": a, "mass": float(i)}) for i, a in enumerate(atoms))
    G.add_edges_from((a, b, {"bond": kind, "length": float(a + b)}) for a, b, kind in bonds)
    return G


MOLECULES = [
    molecule("CCO", [(0, 1, "single"), (1, 2, "single")], toxic=True),
    molecule("CC", [(0, 1, "double")], toxic=False),
    molecule("O", [], toxic=False),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("molecules")
    for name, one in zip("abc", MOLECULES):
        nx.write_graphml(one, at / f"{name}.graphml")
    return at


def test_a_folder_of_graphs(folder: Path) -> None:
    assert kind(folder) == kind(MOLECULES) == "graphs"
    found = ilk.graphs(folder, features=["element", "mass"], edge_features=["bond", "length"])
    assert isinstance(found, Graphs)
    assert (len(found), found.ids) == (3, ["a.graphml", "b.graphml", "c.graphml"])
    assert found.traits == {"features": 3, "edge_features": 3}
    assert found.metadata()["toxic"].to_pylist() == [True, False, False]
    first = found[0]
    assert first.features.toarray().tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 2]]  # C, O, mass
    ends = np.stack(first.arcs.tocoo().coords, 1).tolist()
    assert ends == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert first.structure.edges.tolist() == [
        [0, 1, 1],
        [0, 1, 1],
        [0, 1, 3],
        [0, 1, 3],
    ]  # double, single, length
    assert [len(one) for one in found] == [3, 2, 1]
    again = read(found.reading, folder / "b.graphml")  # as a query: the same numbers mean the same
    assert isinstance(again, Graphs)
    assert again[0].features.toarray().tolist() == found[1].features.toarray().tolist()
    assert again.structure.edges.tolist() == found[1].structure.edges.tolist() == [[1, 0, 1], [1, 0, 1]]
    in_memory = ilk.graphs(MOLECULES, features=["element", "mass"])
    assert (in_memory.structure.features != found.structure.features).nnz == 0
    assert in_memory.ids == ["0", "1", "2"]
    paths = [str(folder / "a.graphml"), str(folder / "c.graphml")]
    assert kind(paths) == "graphs"
    assert ilk.graphs(paths).ids == paths


def test_a_batch_is_its_graphs_side_by_side(folder: Path) -> None:
    found = ilk.graphs(folder, features=["mass"], edge_features=["length"])
    batch = found.batch(np.array([1, 0, 1]))
    assert batch.owner().tolist() == [0, 0, 1, 1, 1, 2, 2]
    part = batch.around(1)
    alone = [found[i].structure.steps.toarray() for i in (1, 0, 1)]
    mixed = torch.sparse.mm(part.steps[0], part.features.to_dense()).ravel()
    assert mixed.numpy() == pytest.approx(np.concatenate([a @ np.arange(len(a)) for a in alone]))
    hop = batch.messages(1).hops[0]
    assert hop.edges.tolist() == [[1, 1]] * 2 + [[1, 1], [1, 1], [1, 3], [1, 3]] + [[1, 1]] * 2


def test_a_table_of_graphs_and_what_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    table = pa.table({"id": ["c.graphml", "a.graphml"], "solubility": [0.5, 0.25]})
    found = ilk.graphs(folder, about=table)
    assert found.metadata()["solubility"].to_pylist() == [0.25, None, 0.5]
    assert found.metadata()["toxic"].to_pylist() == [True, False, False]
    with pytest.raises(DataError, match=r"none of the 3 graphs \(the first is a.graphml\) is in the table"):
        ilk.graphs(folder, about=table.set_column(0, "id", pa.array(["x", "y"])))
    (tmp_path / "cut.graphml").write_text("<graphml><graph>")
    nx.write_graphml(nx.Graph(), tmp_path / "empty.graphml")
    nx.write_graphml(nx.path_graph(2), tmp_path / "good.graphml")
    part = ilk.graphs(tmp_path)
    assert part.ids == ["good.graphml"]
    assert [s.id for s in part.skipped] == ["cut.graphml", "empty.graphml"]
    with pytest.raises(UnreadableSample, match=r"cut.graphml: .* is damaged"):
        ilk.graphs(tmp_path, strict=True)
    with pytest.raises(DataError, match=r"no graph in .*none"):
        ilk.graphs(tmp_path / "none*")
    with pytest.raises(DataError, match="none of 1 graphs can be read: 0 is a graph without nodes"):
        ilk.graphs([nx.Graph()])
    with pytest.raises(DataError, match="some of these graphs are directed, others are not"):
        ilk.graphs([nx.path_graph(2), nx.DiGraph([(0, 1)])])
    assert len(ilk.graphs([nx.path_graph(2), nx.DiGraph([(0, 1)])], directed=False)) == 2
    with pytest.raises(DataError, match="0 has 2 features, 1 has 0"):
        ilk.graphs([{"edges": [[0, 1]], "features": np.eye(2)}, {"edges": [[0, 1]]}])
    with pytest.raises(OptionError, match="no column charge"):
        ilk.graphs(MOLECULES, features=["charge"])
    with pytest.raises(OptionError, match="neighbours is 0"):
        ilk.graphs(folder, neighbours=0)


def test_graphs_in_one_npz_by_their_number(tmp_path: Path) -> None:
    edges = np.array([[0, 2], [3, 1]])
    np.savez(tmp_path / "m.npz", edges=edges, graph=[7, 8, 7, 8], labels=["x", "y"], edge_features=[5.0, 6.0])
    found = ilk.graphs(tmp_path / "m.npz")
    assert isinstance(found, Graphs)
    assert (found.ids, found.metadata()["label"].to_pylist()) == (["7", "8"], ["x", "y"])
    assert [one.arcs.toarray().tolist() for one in found] == [[[0, 1], [1, 0]]] * 2
    assert [one.structure.edges.tolist() for one in found] == [[[5], [5]], [[6], [6]]]
    with pytest.raises(DataError, match="an edge leads from one graph to another"):
        ilk.graphs({"edges": np.array([[0, 1]]), "graph": [0, 1]})
    with pytest.raises(DataError, match="3 values of label for 2 graphs"):
        ilk.graphs({"edges": edges, "graph": [0, 1, 0, 1], "labels": [1, 2, 3]})


class Data(SimpleNamespace):
    """What is read of PyG's Data, which is too large to have here; `docs/graphs.md` has the real one."""

    def to_dict(self) -> dict[str, object]:
        return {k: v for k, v in vars(self).items() if k != "num_nodes"}


def test_what_pyg_holds() -> None:
    both = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    attr = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    found = of_pyg(Data(edge_index=both, x=torch.eye(4), edge_attr=attr, y=torch.tensor([3]), num_nodes=4))
    assert (found.directed, found.twice, len(found.ids)) == (False, True, 4)
    assert found.about == {"label": [3]}
    graph = ilk.graphs(
        {"edge_index": both.numpy(), "x": np.eye(4), "edge_attr": attr.numpy(), "y": [0, 1, 0, 1]}
    )
    assert isinstance(graph, Graph)
    assert (graph.edges, graph.metadata()["label"].to_pylist()) == (2, [0, 1, 0, 1])
    assert graph.structure.edges.ravel().tolist() == [1, 2, 3, 4]  # each direction has its own
    one_way = of_pyg(Data(edge_index=both[:, :1], x=None, num_nodes=3))
    assert (one_way.directed, len(one_way.ids)) == (True, 3)
    with pytest.raises(DataError, match=r"an edge_index of shape \(4, 2\)"):
        ilk.graphs({"edge_index": both.numpy().T})
    with pytest.raises(DataError, match="2 rows of features for 4 edges"):
        ilk.graphs({"edge_index": both.numpy(), "edge_attr": attr.numpy()[:2]})


def test_of_an_edge_given_twice_the_first_features_count() -> None:
    table = pa.table({"source": ["b", "a", "a"], "target": ["a", "b", "c"], "w": [1.0, 2.0, 3.0]})
    found = ilk.graphs(table, edge_features=["w"])
    at = {
        (found.ids[i], found.ids[j]): w
        for i, j, w in zip(*found.arcs.tocoo().coords, found.structure.edges[:, 0])
    }
    assert at == {("b", "a"): 1, ("a", "b"): 1, ("a", "c"): 3, ("c", "a"): 3}
    assert ilk.graphs(table, edge_features=np.array([7.0, 8.0, 9.0])).structure.edges.sum() == 2 * (7 + 9)
    with pytest.raises(DataError, match="features of 2 rows for 3 edges"):
        ilk.graphs(table, edge_features=np.ones(2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_sampled_neighbours_are_neighbours_each_once(seed: int, most: int) -> None:
    graph = ilk.graphs(nx.gnm_random_graph(30, 150, seed=seed))
    rows = np.random.default_rng(seed).integers(30, size=10)
    hop = graph.structure.messages(rows, 1, Look(most=most, seed=seed)).hops[0]
    for i, row in enumerate(rows):
        came = hop.target.numpy() == i
        near = graph.arcs[[row]].indices
        assert came.sum() == min(most, len(near))
        assert hop.share.numpy()[came] == pytest.approx(len(near) / max(min(most, len(near)), 1))
    wide = graph.structure.messages(rows, 2, Look(most=150))
    full = graph.structure.messages(rows, 2, Look())
    for one, other in zip(wide.hops, full.hops):
        assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values()))


def test_every_neighbour_is_drawn_as_often() -> None:
    """A hub of 40: each of its neighbours comes into 10 with chance 1/4."""
    hub = ilk.graphs(nx.star_graph(40), features=np.eye(41)).structure
    met = np.zeros(41)
    for seed in range(300):
        part = hub.around(np.array([0]), 1, Look(most=10, seed=seed))
        names = part.features.to_dense().argmax(1)  # a node's feature is to be itself
        met[names] += 1
    assert met[0] == 300
    assert met[1:] / 300 == pytest.approx(0.25, abs=4.5 * np.sqrt(0.25 * 0.75 / 300))


def test_an_edge_is_dropped_from_both_its_ends_and_as_often_as_asked() -> None:
    look = Look(drop=0.3, seed=5)
    a, b = np.random.default_rng(0).integers(10**6, size=(2, 20_000))
    kept = look.keeps(a, b)
    assert np.array_equal(kept, look.keeps(b, a))
    assert kept.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 20_000))
    assert Look(hide=1.0).shows(5).sum() == 1
    blind = np.array([True, False, False])
    path = ilk.graphs(nx.path_graph(3), features=np.ones((3, 2)))
    seen = path.batch(np.arange(3)).seen(blind=blind).around(0).features.to_dense()
    assert seen.tolist() == [[0, 0], [1, 1], [1, 1]]


def test_with_all_neighbours_a_batch_is_as_the_whole_graph() -> None:
    """The layers of a mini-batch give what the whole graph gives; with fewer neighbours, on the mean."""
    torch.manual_seed(0)
    club = nx.karate_club_graph()
    encoder = GCN(34, dim=4, depth=1)
    whole = ilk.graphs(club, features=np.eye(34))
    few = ilk.graphs(club, features=np.eye(34), neighbours=17)
    exact = encoder.through(whole.structure.whole(1))
    rows = np.array([33, 0, 5])
    torch.testing.assert_close(encoder(few.batch(rows)), exact[rows])
    steps = [few.batch(rows).seen(most=4, seed=s).around(1) for s in range(300)]
    drawn = torch.stack([torch.sparse.mm(p.steps[0], p.features.to_dense()).sum(1) for p in steps]).mean(0)
    assert drawn.numpy() == pytest.approx(whole.structure.steps.sum(1)[rows], rel=0.12)
    assert torch.equal(encoder(few.batch(rows)), encoder(few.batch(rows)))


def test_a_graph_has_a_face(folder: Path) -> None:
    """Linked nodes come to lie nearer to each other than others; kinds of nodes have colours of their own."""
    ring = ilk.graphs(nx.cycle_graph(8)).arcs
    at = places(ring)
    far = np.linalg.norm(at[:, None] - at[None], axis=2)
    assert far[ring.toarray() > 0].max() < far[ring.toarray() == 0][far[ring.toarray() == 0] > 0].min()
    many = ilk.graphs(folder, features=["element"])
    with Image.open(io.BytesIO(many.picture(0))) as face:
        pixels = np.asarray(face.convert("RGB")).reshape(-1, 3)
    assert len(pixels) == 64 * 64
    for ink in INKS[:2]:  # of carbon and oxygen
        assert np.abs(pixels - np.array(ink)).sum(1).min() < 30
    assert np.abs(pixels - np.array(INKS[2])).sum(1).min() > 30
    assert ilk.graphs([nx.path_graph(151)]).picture(0) is None


def test_pygs_own_data_where_it_is_installed() -> None:
    data = pytest.importorskip("torch_geometric.data")
    one = data.Data(edge_index=torch.tensor([[0, 1], [1, 0]]), x=torch.eye(3), y=torch.tensor([5]))
    assert kind(one) == kind([one]) == "graphs"
    batch = ilk.graphs(data.Batch.from_data_list([one, one]))
    assert isinstance(batch, Graphs)
    assert (len(batch), batch.metadata()["label"].to_pylist()) == (2, [5, 5])
