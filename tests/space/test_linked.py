"""The walk in a graph's links, beside FAISS's own in the same graph."""

import faiss
import numpy as np
import pytest

from ilk.space.index import _codes
from ilk.space.index.hnsw import Hnsw, Linked


def cloud(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim), dtype=np.float32)


def shared(found: np.ndarray, others: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, others)]))


@pytest.fixture(scope="module", params=[8, 70])  # less than a line of memory, and more than one
def linked(request):
    x = cloud(3000, request.param)
    made = Hnsw().make(request.param, 3000)
    made.train(x)
    for part in np.array_split(x, 3):  # what it sees moves in memory
        made.add(part)
    return made, x


def test_squares_of_codes():
    codes = np.array([[0, 255], [3, 4]], np.uint8)
    step = np.array([1, 2], np.float32)
    assert _codes.squares(codes, step).tolist() == [260100, 73]


def test_it_finds_what_faiss_finds(linked):
    made, x = linked
    asked = cloud(200, x.shape[1], 1)
    exact = faiss.knn(asked, x, 10)[1]
    for effort in (16, 48):
        theirs = made.faiss.search(asked, 10, params=faiss.SearchParametersHNSW(efSearch=effort))[1]
        ours = made.search(asked, 10, effort)
        recalls = [
            np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact)]) for found in (ours, theirs)
        ]
        assert recalls[0] >= recalls[1] - 0.01
        assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ours, theirs)]) > 0.95


def test_the_nearest_come_first_and_each_once(linked):
    made, x = linked
    found = made.search(x[:50], 20, 40)
    assert (found[:, 0] == np.arange(50)).all()
    assert all(len(set(row)) == 20 for row in found.tolist())
    far = ((x[found] - x[:50, None]) ** 2).sum(-1)
    assert np.median(np.diff(far, axis=1)) > 0  # of codes: now and then two change places
    assert (far[:, 0] <= far[:, -1]).all()


def test_only_the_living_are_found(linked):
    made, x = linked
    alive = np.zeros(2000, bool)  # later slots are not alive either
    alive[::3] = True
    asked = cloud(100, x.shape[1], 2)
    found = made.search(asked, 10, 120, alive)
    assert alive[found].all()
    exact = np.flatnonzero(alive)[faiss.knn(asked, x[:2000][alive], 10)[1]]
    assert shared(found, exact) > 0.95


def test_fewer_than_asked_for(linked):
    made, x = linked
    alive = np.zeros(3000, bool)
    alive[[5, 7]] = True
    found = made.search(x[:3], 10, 3000, alive)
    assert np.sort(found, axis=1)[:, -2:].tolist() == [[5, 7]] * 3
    assert (np.sort(found, axis=1)[:, :-2] == -1).all()


def test_one_vector_and_none():
    made = Hnsw().make(4, 1)
    made.train(cloud(300, 4))
    assert made.search(cloud(2, 4), 3, 16).tolist() == [[-1] * 3] * 2
    made.add(np.ones((1, 4), np.float32))
    assert made.search(cloud(2, 4), 3, 16).tolist() == [[0, -1, -1]] * 2


def test_vectors_that_are_all_the_same():
    made = Hnsw().make(4, 1)
    x = np.ones((100, 4), np.float32)
    made.train(x)
    made.add(x)
    assert len(set(made.search(x[:1], 10, 16)[0].tolist())) == 10


def test_many_questions_are_shared_out(linked):
    made, x = linked
    whole = made.search(x[:100], 5, 32)
    one = np.concatenate([made.search(x[i : i + 1], 5, 32) for i in range(100)])
    assert (whole == one).all()


@pytest.mark.parametrize("link", [3000, -2, 2**31 - 1])
def test_a_graph_that_leads_out_of_itself_is_not_walked_in(linked, link, tmp_path):
    made, _ = linked
    Hnsw().save(made, tmp_path)
    assert Hnsw().load(tmp_path).ntotal == 3000
    damaged = faiss.read_index(str(tmp_path / "index.faiss"))
    faiss.rev_swig_ptr(damaged.hnsw.neighbors.data(), damaged.hnsw.neighbors.size())[17] = link
    with pytest.raises(ValueError, match="leads out of itself"):
        Linked(damaged)
