"""Near-duplicates and the neighbour graph of a real space, against what its search answers."""

from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from ilk.analysis import pairs
from ilk.analysis.pairs import duplicates, neighbour_graph
from ilk.errors import DataError, OptionError
from ilk.space.index import METRICS

D = 16


def cloud(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D))


# Near-duplicates


def test_planted_twins_are_found_and_nothing_else(made):
    x = cloud(600)
    rng = np.random.default_rng(1)
    x[500:520] = x[:20] + 0.01 * rng.standard_normal((20, D))
    x[520:525] = x[30]  # five copies of one
    space = made(x)
    found = duplicates(space)
    ids = np.array(space.ids())
    copies = frozenset(ids[[30, *range(520, 525)]])
    expected = {frozenset((ids[i], ids[500 + i])) for i in range(20)} | {copies}
    table = found.table().to_pydict()
    groups = {g: frozenset(i for i, h in zip(table["id"], table["group"]) if h == g) for g in table["group"]}
    assert set(groups.values()) == expected
    assert sorted(groups) == list(range(21))
    assert groups[0] == copies  # the closest group first
    assert table["distance"] == sorted(table["distance"])
    assert 0.5 < found.within < found.usual / 2
    assert found.sentence().startswith(
        "46 of 600 rows have a near-duplicate, in 21 groups: distance up to 1."
    )


@pytest.mark.parametrize("metric", METRICS)
def test_the_index_names_the_same_twins(made, metric, monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK", 128)
    x = cloud(600)
    x[500:520] = x[:20] + 0.01 * cloud(20, 1)
    x[520:525] = x[30]
    space = made(x, metric)
    exact, quick = duplicates(space), duplicates(space, exact=False)
    assert len(exact.rows) == 46
    told = ["group", "id", "distance"]  # of equal copies either is the nearest
    assert quick.table().select(told) == exact.table().select(told)


@pytest.mark.parametrize("metric", METRICS)
def test_a_cloud_has_no_twins_by_default(made, metric):
    for seed in range(5):
        assert len(duplicates(made(cloud(400, seed), metric)).rows) == 0


def test_digits_have_few(made):
    x = load_digits().data.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, D)  # (n, 8, 8) -> (n, 4, 4)
    found = duplicates(made(x))
    assert len(found.rows) < 0.02 * len(x)


def test_without_the_spare_rows_there_are_no_twins(made):
    x = np.repeat(cloud(50), 4, axis=0)
    x += 1e-4 * cloud(200, 2)
    space = made(x)
    found = duplicates(space, within=0.01)
    assert len(found.spare) == 150
    assert space.delete(found.spare) == 150
    assert len(duplicates(space, within=0.01).rows) == 0
    assert duplicates(space, within=0.01).sentence() == (
        "0 of 50 rows have a near-duplicate, in 0 groups (distance up to 0.01)."
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.integers(0, 999), st.floats(0.5, 3.0), st.integers(1, 400))
def test_groups_are_the_connected_parts_of_the_pairs(n, seed, within, held):
    x = np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "HELD", held)
        rows, groups, nearest, far = pairs._grouped(pairs.close(x, within), n)
    d = np.sqrt(((x[:, None].astype(float) - x[None]) ** 2).sum(-1))
    np.fill_diagonal(d, np.inf)
    parts = nx.connected_components(nx.from_numpy_array((d <= within).astype(int)))
    expected = {frozenset(p) for p in parts if len(p) > 1}
    assert {frozenset(rows[groups == g].tolist()) for g in np.unique(groups)} == expected
    # Where two are as near in single precision, either is the nearest.
    np.testing.assert_allclose(d[rows, nearest], d[rows].min(1), rtol=1e-6)
    np.testing.assert_allclose(far, d[rows].min(1), rtol=1e-6)
    least = [far[groups == g].min() for g in range(len(expected))]
    assert least == sorted(least)


def test_copies_only(made):
    space = made(np.ones((5, D)))
    found = duplicates(space)
    assert (found.within, len(found.rows), len(found.spare)) == (0, 5, 4)


@pytest.mark.parametrize("within", [-1.0, float("nan"), float("inf")])
def test_a_threshold_that_makes_no_sense(made, within):
    with pytest.raises(OptionError, match="near-duplicates within"):
        duplicates(made(cloud(5)), within)


def test_two_rows_do_not_tell_what_is_usual(made):
    with pytest.raises(DataError, match="2 rows do not tell"):
        duplicates(made(cloud(2)))
    assert len(duplicates(made(cloud(2)), within=100).rows) == 2


# The graph


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("exact", [True, False])
def test_the_graph_is_what_a_search_for_each_row_answers(made, tmp_path, metric, exact):
    x = cloud(300)
    x[100:110] = x[0]  # equally near rows
    space = made(x, metric)
    graph = neighbour_graph(space, 6, tmp_path / "graph.parquet", exact=exact)
    assert (graph.rows, graph.neighbours, graph.exact) == (300, 6, exact)
    table = pq.read_table(graph.path)
    assert table.schema.equals(pairs.GRAPH)
    found = table.to_pydict()
    assert found["id"][::6] == space.ids()
    assert found["rank"] == [1, 2, 3, 4, 5, 6] * 300
    for at, name in enumerate(space.ids()):
        one = slice(6 * at, 6 * at + 6)
        alike = space.search(name, 6)
        np.testing.assert_allclose(found["distance"][one], alike.distances[0], rtol=1e-6, atol=1e-9)
        if exact:
            assert found["neighbour"][one] == alike.ids[0].tolist()
        else:
            assert name not in found["neighbour"][one]


@pytest.mark.parametrize("exact", [True, False])
def test_the_graph_is_written_block_by_block(made, tmp_path, monkeypatch, exact):
    space = made(cloud(1000))
    whole = neighbour_graph(space, 3, tmp_path / "whole.parquet", exact=exact)
    monkeypatch.setattr(pairs, "BLOCK", 64)
    parted = neighbour_graph(space, 3, tmp_path / "parted.parquet", exact=exact)
    groups = pq.ParquetFile(parted.path).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [192] * 15 + [120]
    assert pq.read_table(parted.path).equals(pq.read_table(whole.path))


def test_few_rows(made, tmp_path):
    assert neighbour_graph(made(cloud(3)), 10, tmp_path / "three.parquet").neighbours == 2
    assert pq.read_table(tmp_path / "three.parquet").num_rows == 6
    assert neighbour_graph(made(cloud(1)), 10, tmp_path / "one.parquet").neighbours == 0
    assert pq.read_table(tmp_path / "one.parquet").num_rows == 0


@pytest.mark.parametrize(
    ("k", "to", "error", "says"),
    [
        (0, "graph.parquet", OptionError, "k=0"),
        (3, "graph.csv", OptionError, "not the name of a parquet file"),
        (3, "nowhere/graph.parquet", DataError, "cannot write the file"),
    ],
)
def test_what_makes_no_sense_leaves_nothing_behind(made, tmp_path, k, to, error, says):
    space = made(cloud(4))
    with pytest.raises(error, match=says):
        neighbour_graph(space, k, tmp_path / to)
    assert [p.suffix for p in Path(tmp_path).iterdir()] == [".space"]
