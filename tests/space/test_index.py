"""Exact search against a plain loop, where FAISS is used (many rows) and where it is not."""

import faiss
import numpy as np
import pyarrow as pa
import pytest

from ilk.space.index import exact
from ilk.space.index.metric import METRICS, Metric, unit, whitened
from ilk.space.slots import Slots


def plain(
    query: np.ndarray, vectors: np.ndarray, ids: list[str], metric: str
) -> list[tuple[np.float32, str]]:
    found = []
    for name, v in zip(ids, vectors.astype(np.float64)):
        q = query.astype(np.float64)
        if metric == "l2":
            d = np.sqrt(((q - v) ** 2).sum())
        else:
            product = np.linalg.norm(q) * np.linalg.norm(v)
            d = round(1 - min(1.0, max(-1.0, (q @ v) / product)), 12) if product else 1.0
        found.append((np.float32(d), name))
    return sorted(found)


def flat(vectors: np.ndarray, ids: list[str]) -> Slots:
    names = pa.array(ids, pa.string())
    return Slots((names, names[:0]), (vectors, vectors[:0]), np.arange(len(ids), dtype=np.uint64))


def same_as_plain(vectors, queries, metric, k, among=None):
    ids = [f"n{i * 7919 % 10007:05d}" for i in range(len(vectors))]  # not in the order of the rows
    alive = np.ones(len(ids), bool) if among is None else np.isin(np.arange(len(ids)), among)
    how = whitened(vectors.astype(np.float64).std(0)) if metric == "whitened" else Metric(metric)
    parts = [(0, how.ready(vectors[:9]), None), (9, vectors[9:], how)]
    places, distances = exact.search(flat(vectors, ids), parts, alive, how, queries, k)
    if metric == "whitened":
        vectors, queries, metric = vectors * how.weights, queries * how.weights, "l2"
    allowed = np.arange(len(vectors)) if among is None else among
    for row, query in enumerate(queries):
        expected = plain(query, vectors[allowed], [ids[i] for i in allowed], metric)[:k]
        assert [ids[i] for i in places[row]] == [name for _, name in expected]
        np.testing.assert_allclose(distances[row], [d for d, _ in expected], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("q", [1, 30])  # FAISS has another path from 20 queries on
def test_equals_a_plain_loop(metric, q):
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((400, 24)).astype(np.float32)
    same_as_plain(vectors, rng.standard_normal((q, 24)).astype(np.float32), metric, 5)


@pytest.mark.parametrize("metric", METRICS)
def test_equal_distances_are_ordered_by_id(metric):
    rng = np.random.default_rng(2)
    vectors = np.repeat(rng.integers(-2, 3, (4, 6)), 150, axis=0).astype(np.float32)  # 150 rows each the same
    vectors = np.concatenate([vectors, np.zeros((5, 6), np.float32)])
    same_as_plain(vectors, vectors[[0, 200, 450, 604]], metric, 7)


def test_small_distances_far_from_the_origin_keep_their_order():
    rng = np.random.default_rng(3)
    vectors = (1000 + 0.01 * rng.standard_normal((500, 8))).astype(np.float32)
    same_as_plain(vectors, vectors[:25], "l2", 4)
    same_as_plain(vectors, vectors[:3], "cosine", 4)  # all cosines differ by about 1e-10 only


@pytest.mark.parametrize("metric", METRICS)
def test_only_among_the_places_given(metric):
    rng = np.random.default_rng(4)
    vectors = rng.standard_normal((600, 5)).astype(np.float32)
    same_as_plain(vectors, vectors[:2], metric, 6, among=np.flatnonzero(rng.random(600) < 0.5))
    same_as_plain(vectors, vectors[:2], metric, 6, among=np.array([3, 77]))


def test_no_vectors_and_no_places():
    for n in (0, 9):
        vectors, dead = np.ones((n, 3), np.float32), np.zeros(n, bool)
        parts = [(0, vectors, None)]
        found = exact.search(flat(vectors, list("abcdefghi")[:n]), parts, dead, Metric("l2"), vectors[:2], 4)
        assert found[0].shape == (len(vectors[:2]), 0)


def test_unit_of_zero_and_of_extreme_lengths():
    given = np.array([[0, 0], [3e30, 4e30], [3e-30, 4e-30]], np.float32)
    np.testing.assert_allclose(unit(given), [[0, 0], [0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_a_search_leaves_the_number_of_threads_as_it_was():
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        vectors = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
        shelf = flat(vectors, [f"{i:03d}" for i in range(200)])
        found = exact.search(shelf, [(0, vectors, None)], np.ones(200, bool), Metric("l2"), vectors[7:8], 2)
        assert found[0][0, 0] == 7
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)
