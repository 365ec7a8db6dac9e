"""Colour refinement by hand, against networkx's own hashes, and where it is known to fail."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ilk
from ilk.analysis.isomorphism import colours, kernel, told_apart
from ilk.errors import DataError, OptionError, UnknownName
from ilk.source.graphs import Graph


def graph(found: nx.Graph) -> Graph:
    return ilk.graphs(found)


def test_a_path_by_hand() -> None:
    """Ends, their neighbours, the middle: the second round parts the last two."""
    path = graph(nx.path_graph(5))
    (none,), (one,), (two,) = (colours([path], rounds=r) for r in (0, 1, 2))
    assert len(set(none)) == 1
    assert (one[[0, 1, 2]] == one[[4, 3, 1]]).all()
    assert one[0] != one[1]
    assert (two[[0, 1]] == two[[4, 3]]).all()
    assert len({two[0], two[1], two[2]}) == 3
    assert np.array_equal(colours([path])[0], two)


def test_told_apart_in_the_round_that_tells() -> None:
    path, star = graph(nx.path_graph(4)), graph(nx.star_graph(3))
    assert told_apart(path, graph(nx.path_graph(5))) == 0
    assert told_apart(path, star) == 1
    spider = nx.Graph([(0, 1), (0, 2), (0, 3), (1, 4), (4, 5)])
    other = nx.Graph([(0, 1), (0, 2), (0, 3), (1, 4), (2, 5)])
    assert told_apart(graph(spider), graph(other)) == 2


def molecules() -> tuple[nx.Graph, nx.Graph]:
    """Decalin: two rings of six that share an edge. Bicyclopentyl: two of five, an edge between them."""
    decalin = nx.cycle_graph(10)
    decalin.add_edge(0, 5)
    bicyclopentyl = nx.disjoint_union(nx.cycle_graph(5), nx.cycle_graph(5))
    bicyclopentyl.add_edge(0, 5)
    return decalin, bicyclopentyl


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (nx.cycle_graph(6), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))),
        molecules(),
        (nx.circular_ladder_graph(3), nx.complete_bipartite_graph(3, 3)),
    ],
)
def test_pairs_that_it_is_known_not_to_tell_apart(a: nx.Graph, b: nx.Graph) -> None:
    assert not nx.is_isomorphic(a, b)
    assert told_apart(graph(a), graph(b)) is None
    assert kernel([graph(a), graph(b)])[0, 1] == pytest.approx(1)


def test_a_column_to_begin_with_tells_more() -> None:
    ring, two = nx.cycle_graph(6), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
    for one in (ring, two):
        nx.set_node_attributes(one, {i: "odd" if i % 2 else "even" for i in one}, "kind")
    assert told_apart(graph(ring), graph(two), by="kind") == 1
    with pytest.raises(UnknownName, match="no metadata column called 'kin'"):
        told_apart(graph(ring), graph(two), by="kin")


def test_directions_count() -> None:
    into, out_of = nx.DiGraph([(1, 0), (2, 0)]), nx.DiGraph([(0, 1), (0, 2)])
    assert told_apart(graph(into), graph(out_of)) == 1
    assert told_apart(ilk.graphs(into, directed=False), ilk.graphs(out_of, directed=False)) is None
    with pytest.raises(DataError, match="one graph is directed"):
        told_apart(graph(into), graph(nx.path_graph(3)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_names_do_not_matter_and_networkx_agrees(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (nx.gnm_random_graph(n, 2 * n, seed=int(rng.integers(2**31))) for _ in range(2))
    names = dict(zip(one, rng.permutation(n).tolist()))
    again = graph(nx.relabel_nodes(one, names))
    assert told_apart(graph(one), again) is None
    mine, theirs = colours([graph(one), again])
    place = {name: i for i, name in enumerate(again.ids)}
    assert [theirs[place[str(names[v])]] for v in one] == mine.tolist()
    for g in (one, other):
        nx.set_node_attributes(g, "", "none")  # without any, networkx warns that its hashes have changed
    differ = (
        len({nx.weisfeiler_lehman_graph_hash(g, node_attr="none", iterations=n) for g in (one, other)}) == 2
    )
    assert (told_apart(graph(one), graph(other)) is not None) == differ


def test_the_kernel_by_hand() -> None:
    """A path of three and a triangle share the three nodes of round 0, and in round 1 the colour "two
    neighbours": 9 + 1 * 3; alone, the path has 9 + (2^2 + 1), the triangle 9 + 9.
    """
    found = kernel([graph(nx.path_graph(3)), graph(nx.complete_graph(3))], rounds=1)
    assert found == pytest.approx(np.array([[1, 12 / np.sqrt(14 * 18)], [12 / np.sqrt(14 * 18), 1]]))


def test_a_stable_colour_counts_in_the_rounds_to_come() -> None:
    ring, path = graph(nx.cycle_graph(4)), graph(nx.path_graph(2))
    assert kernel([ring, path], rounds=4)[0, 1] == pytest.approx(8 / np.sqrt(5 * 16 * 5 * 4))


def test_nodes_without_edges_and_bad_questions() -> None:
    alone = graph(nx.empty_graph(3))
    assert told_apart(alone, graph(nx.empty_graph(3))) is None
    assert told_apart(alone, graph(nx.path_graph(3))) == 1
    with pytest.raises(DataError, match="no graphs"):
        colours([])
    with pytest.raises(OptionError, match="rounds is -1"):
        colours([alone], rounds=-1)
