"""Graphs as users have them, in every form that is read, and in every way that they are odd."""

import os
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from scipy import sparse

import ilk
from ilk.errors import DataError, OptionError, UnreadableSample
from ilk.source import read
from ilk.source._graph.structure import normalised
from ilk.source._kind import kind
from ilk.source.graphs import Graph

PACKAGES = Path(os.environ.get("ILK_DATA", "../shared/data")) / "package-graph.npz"


def edges(graph: Graph) -> dict[tuple[str, str], float]:
    found = graph.arcs.tocoo()
    return {(graph.ids[i], graph.ids[j]): float(w) for i, j, w in zip(*found.coords, found.data)}


CSV = "source,target,weight,note\n007,7,2,x\n7,b c,1,y\n"
THERE = {("007", "7"): 2.0, ("7", "007"): 2.0, ("7", "b c"): 1.0, ("b c", "7"): 1.0}


@pytest.mark.parametrize("name", ["e.csv", "e.tsv", "e.parquet", "e.graphml"])
def test_every_form_gives_the_same_graph(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "e.parquet":
        pa.parquet.write_table(pa.table({"from": ["007", "7"], "to": ["7", "b c"], "weight": [2, 1]}), path)
    elif name == "e.graphml":
        nx.write_graphml(nx.Graph([("007", "7", {"weight": 2.0}), ("7", "b c", {"weight": 1.0})]), path)
    else:
        path.write_text(CSV.replace(",", "\t") if name == "e.tsv" else CSV)
    assert kind(path) == "graphs"
    found = ilk.graphs(path)
    assert found.ids == ["007", "7", "b c"]
    assert edges(found) == THERE
    assert found.edges == 2
    again = read(found.reading, path)
    assert isinstance(again, Graph)
    assert edges(again) == THERE


def test_objects_and_lists(tmp_path: Path) -> None:
    karate = nx.karate_club_graph()
    assert kind(karate) == kind(nx.to_scipy_sparse_array(karate)) == "graphs"
    found = ilk.graphs(karate)
    assert (len(found), found.edges, found.directed) == (34, 78, False)
    assert found.metadata()["club"].to_pylist()[:2] == ["Mr. Hi", "Mr. Hi"]
    matrix = nx.to_scipy_sparse_array(karate)
    assert edges(ilk.graphs(matrix)) == edges(found)
    sparse.save_npz(tmp_path / "m.npz", sparse.coo_matrix(matrix))
    assert edges(ilk.graphs(tmp_path / "m.npz")) == edges(found)
    (tmp_path / "k.edges").write_text("# a club\n" + "".join(f"{a} {b}\n" for a, b in karate.edges))
    listed = ilk.graphs(tmp_path / "k.edges")
    plain = ilk.graphs([(str(a), str(b)) for a, b in karate.edges])
    assert edges(listed) == edges(plain) == dict.fromkeys(edges(found), 1.0)


def test_directions() -> None:
    one_way = nx.DiGraph([(0, 1)])
    assert edges(ilk.graphs(one_way)) == {("0", "1"): 1}
    assert edges(ilk.graphs(one_way, directed=False)) == {("0", "1"): 1, ("1", "0"): 1}
    matrix = sparse.csr_array(np.array([[0, 1.0], [0, 0]]))
    assert ilk.graphs(matrix).directed
    assert edges(ilk.graphs([("a", "b")], directed=True)) == {("a", "b"): 1}


def test_duplicates_loops_and_nodes_in_no_edge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = pa.table({"id": ["a", "b", "c", "d"], "size": [1.0, 2.0, 3.0, 4.0]})
    twice = [("a", "b"), ("b", "a"), ("a", "b"), ("c", "c"), ("a", "z")]
    found = ilk.graphs(twice, nodes=nodes, features=["size"])
    assert edges(found) == {("a", "b"): 1, ("b", "a"): 1}
    assert found.ids == ["a", "b", "c", "d"]
    assert found.metadata() == nodes.select(["size"])
    assert found.features.toarray().ravel().tolist() == [1, 2, 3, 4]
    assert [(s.id, s.why) for s in found.skipped] == [("edge 4", "an end of it is no node")]
    said = capsys.readouterr().err
    assert "left out 1 edges: edge 4" in said
    assert "1 edges lead from a node to itself: left out." in said
    with pytest.raises(UnreadableSample, match="edge 4: an end of it is no node"):
        ilk.graphs(twice, nodes=nodes, strict=True)
    weighted = pa.table({"source": ["a", "b"], "target": ["b", "a"], "weight": [2.0, 3.0]})
    assert edges(ilk.graphs(weighted)) == {("a", "b"): 5, ("b", "a"): 5}


def test_what_is_no_graph_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("source,target\n")
    with pytest.raises(DataError, match="a graph without nodes"):
        ilk.graphs(tmp_path / "empty.csv")
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n")
    with pytest.raises(DataError, match="which of the columns a, b, c are the ends of an edge"):
        ilk.graphs(tmp_path / "three.csv")
    with pytest.raises(DataError, match="no column x"):
        ilk.graphs(tmp_path / "three.csv", source="a", target="x")
    (tmp_path / "cut.graphml").write_text("<graphml><graph>")
    with pytest.raises(DataError, match=r"is damaged, or no \.graphml"):
        ilk.graphs(tmp_path / "cut.graphml")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"is damaged, or no \.npz"):
        ilk.graphs(tmp_path / "cut.npz")
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 2)))
    with pytest.raises(DataError, match="no edges in"):
        ilk.graphs(tmp_path / "other.npz")
    np.savez(tmp_path / "short.npz", edges=np.array([[0, 5]]), labels=np.arange(3))
    with pytest.raises(DataError, match=r"6 nodes in .* other numbers of labels"):
        ilk.graphs(tmp_path / "short.npz")
    with pytest.raises(DataError, match="2 nodes are called 'a'"):
        ilk.graphs([("a", "a")], nodes=pa.table({"id": ["a", "a"]}))
    with pytest.raises(DataError, match="matrix of shape"):
        ilk.graphs(sparse.csr_array((2, 3)))
    with pytest.raises(OptionError, match="no column far"):
        ilk.graphs(nx.karate_club_graph(), features=["far"])
    with pytest.raises(DataError, match="features of 2 rows for 34 nodes"):
        ilk.graphs(nx.karate_club_graph(), features=np.ones((2, 3)))
    with pytest.raises(DataError, match="a int cannot be read as a graph"):
        ilk.graphs(3)
    (tmp_path / "holes.csv").write_text("source,target\na,\na,NA\n")
    holes = ilk.graphs(tmp_path / "holes.csv")
    assert holes.ids == ["a", "NA"]
    assert [s.id for s in holes.skipped] == ["edge 0"]
    (tmp_path / "key.graphml").write_text(
        '<graphml><graph edgedefault="directed"><node id="a"><data key="k">1</data></node></graph></graphml>'
    )
    with pytest.raises(DataError, match=r"is damaged, or no \.graphml: 'k'"):
        ilk.graphs(tmp_path / "key.graphml")
    np.savez(tmp_path / "twins.npz", edges=np.array([[0, 1]]), ids=np.array(["a", "a"]))
    with pytest.raises(DataError, match="2 nodes are called 'a'"):
        ilk.graphs(tmp_path / "twins.npz")
    bad = pa.table({"source": ["a", "a"], "target": ["b", "c"], "weight": [float("nan"), -1.0]})
    assert [s.why for s in ilk.graphs(bad).skipped] == [
        f"its weight is {w}; expected above 0" for w in ("nan", "-1")
    ]


def test_neighbourhoods_are_counted_where_nothing_is_said_of_nodes() -> None:
    star = ilk.graphs(nx.star_graph(3))  # three neighbours, or one
    assert star.traits == {"features": 16, "edge_features": 0}
    assert star.features.toarray().argmax(1).tolist() == [2, 1, 1, 1]


def test_normalised_by_hand() -> None:
    """A path of three and a node alone: degrees 2, 3, 2, 1 with each node its own neighbour."""
    graph = nx.path_graph(3)
    graph.add_node(3)
    found = normalised(ilk.graphs(graph).arcs).toarray()
    r = 1 / np.sqrt(6)
    assert found == pytest.approx(
        np.array([[1 / 2, r, 0, 0], [r, 1 / 3, r, 0], [0, r, 1 / 2, 0], [0, 0, 0, 1]])
    )


def test_a_part_knows_all_that_so_many_steps_reach() -> None:
    """Two steps from a few nodes, cut out, give the numbers of the whole graph."""
    graph = ilk.graphs(nx.watts_strogatz_graph(200, 4, 0.1, seed=0))
    rows = np.array([17, 3, 17])
    part = graph.batch(rows).around(2)
    assert [s.shape[0] for s in part.steps][-1] == 3
    assert len(part.features) < 60
    few, all_ = part.features.to_dense(), graph.features.toarray()
    for step in part.steps:
        few, all_ = torch.sparse.mm(step, few), graph.structure.steps @ all_
    assert few.numpy() == pytest.approx(all_[rows], abs=1e-6)


@pytest.mark.skipif(not PACKAGES.exists(), reason="needs package-graph.npz")
def test_the_package_graph() -> None:
    assert kind(PACKAGES) == "graphs"
    found = ilk.graphs(PACKAGES)
    assert (len(found), found.traits["features"]) == (63_666, 1000)
    assert found.edges == 297_568
    assert len(set(found.metadata()["label"].to_pylist())) == 58
