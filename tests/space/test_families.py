"""Each kind of index: what it finds, how it takes upserts, and how it is chosen and tuned."""

import numpy as np
import pytest

from ilk.errors import OptionError, SpaceError, UnknownName
from ilk.space import Space, keeping, snapshot
from ilk.space.index import tuning
from ilk.space.index.family import Among, Approximate
from ilk.space.index.metric import METRICS

from .conftest import READING, names, numbers

KINDS = list(tuning.FAMILIES)


def groups(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    """Vectors in twenty groups, as those of real data lie."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((20, d))
    return (centres[rng.integers(20, size=n)] + 0.3 * rng.standard_normal((n, d))).astype(np.float32)


def true(space: Space, query: np.ndarray, k: int, keep: np.ndarray | None = None) -> set[str]:
    """The ids of the nearest, by a plain loop over all vectors."""
    x = space.vectors().astype(np.float64)
    if space.metric == "cosine":
        x, query = x / np.linalg.norm(x, axis=1, keepdims=True), query / np.linalg.norm(query)
    scale = x.std(0) if space.metric == "whitened" else 1.0
    distances = np.linalg.norm((x - query) / scale, axis=1)
    distances[~keep if keep is not None else []] = np.inf
    return {space.ids()[i] for i in np.argsort(distances)[:k]}


def recall(space: Space, queries: np.ndarray, k: int = 10, where: str | None = None) -> float:
    keep = None if where is None else np.isin(np.arange(len(space)), space.matching(where))
    found = space.search(queries, k, where=where).ids
    return float(np.mean([len(true(space, q, k, keep) & set(f)) / k for q, f in zip(queries, found)]))


@pytest.fixture
def quick(monkeypatch):
    """The background thread has work after a few rows."""
    monkeypatch.setattr(keeping, "LATE", 20)
    monkeypatch.setattr(keeping, "UNKEPT", (60, 0.05))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_what_was_wished_and_says_how_much(tmp_path, encoder, kind, metric):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, metric=metric)
    space.upsert_vectors(names(3000), groups(3000) * np.arange(1, 17, dtype=np.float32))
    planned = space.index(kind, recall=0.95)
    assert planned.kind == kind
    assert planned.recall >= 0.95
    assert planned.per_second > 0
    assert 0 < planned.bytes < 4 * 16 * 8
    asked = groups(50, seed=7) * np.arange(1, 17, dtype=np.float32)
    assert recall(space, asked) >= 0.9  # of other questions than it was tuned on
    assert Space.open(space.path).search(asked[0]).ids.tolist() == space.search(asked[0]).ids.tolist()
    assert space.info()["index"]["recall"] == planned.recall


@pytest.mark.parametrize("kind", ["flat", *KINDS])
def test_upserts_and_deletions_are_seen_by_the_next_search(space, kind):
    space.upsert_vectors(names(600), groups(600))
    space.index(kind)
    far = np.full((1, 16), 9.0, np.float32)
    space.upsert_vectors(["new", "thing-0007"], np.concatenate([far, -far]))
    assert space.search(far[0], 1).ids.tolist() == [["new"]]
    assert space.search(-far[0], 1).ids.tolist() == [["thing-0007"]]
    assert "thing-0007" not in space.search(groups(600)[7], 50).ids  # its old vector is gone
    space.delete(["new"])
    assert space.search(far[0], 1).ids.tolist() != [["new"]]
    assert len(space.search(far[0], 1000).ids[0]) == 600  # more than there are: all of them


@pytest.mark.parametrize("kind", KINDS)
def test_a_condition_goes_through_the_index(space, kind, monkeypatch):
    import pyarrow as pa

    monkeypatch.setattr(snapshot, "_FEW", 0)
    space.upsert_vectors(names(2000), groups(2000), pa.table({"n": range(2000)}))
    space.index(kind)
    asked = groups(20, seed=5)
    for where in ("n % 2 = 0", "n < 100", "n >= 1990 or n = 3"):
        found = space.search(asked, 10, where=where).ids
        allowed = set(np.array(space.ids())[space.matching(where)])
        assert {i for row in found for i in row} <= allowed
        assert recall(space, asked, 10, where) >= 0.9
    assert space.search(asked[0], 10, where="n < 0").ids.shape == (1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_late_rows_are_taken_in_and_kept(space, kind, quick):
    space.upsert_vectors(names(500), groups(500))
    space.index(kind)
    first = next((space.path / "index").iterdir())
    for i in range(4):
        space.upsert_vectors(names(30, 500 + 30 * i), groups(30, seed=i + 1))
        space._now.keeper.wait()
    assert space._at.base.near.covered >= 600
    assert not first.exists()  # another base has taken its place
    again = Space.open(space.path)
    assert len(again._at.base.slots) > 560
    for one in (space, again):
        assert recall(one, groups(20, seed=3)) >= 0.9
        assert one.search(groups(30, seed=4)[0], 1).ids.tolist() == [["thing-0590"]]


def test_tombstones_are_compacted_when_they_are_many(space, quick, capsys):
    space.upsert_vectors(names(400), groups(400))
    space.index("hnsw")
    for i in range(5):
        space.upsert_vectors(names(40), groups(40, seed=i + 1))
        space._now.keeper.wait()
    space.upsert_vectors(["one more"], groups(1, seed=77))
    space.search(groups(1)[0])
    assert "anew" in capsys.readouterr().err
    assert len(space._at.slots) < 600  # of the 600 slots that all those rows took, the dead are gone
    assert recall(space, groups(20, seed=3)) >= 0.9


def test_rows_unlike_those_it_was_trained_on_are_noticed(space, quick, capsys, monkeypatch):
    monkeypatch.setattr(keeping, "GROWN", 1e9)
    space.upsert_vectors(names(800), groups(800))
    before = space.index("pq", recall=0.9)
    rng = np.random.default_rng(3)
    other = (40 + rng.standard_normal((300, 16)) * np.linspace(0.01, 3, 16)).astype(np.float32)
    space.upsert_vectors(names(300, 2000), other)
    space._now.keeper.wait()
    told = capsys.readouterr().err
    assert "recall has fallen" in told
    space.upsert_vectors(["one more"], other[:1] + 0.001)
    assert recall(space, other[:30] + np.float32(0.01)) >= 0.8
    assert Space.open(space.path).info()["index"]["recall"] >= min(0.85, before.recall)


def test_auto_is_exact_while_that_is_fast_and_keeps_to_the_memory(monkeypatch):
    assert tuning.choose("auto", 1000, 128, None, 0.001) == "flat"
    slow = 0.1
    million = {"n": 1_000_000, "dim": 128, "seconds": slow}
    assert tuning.choose("auto", **million, memory=None) == "ivf"
    assert tuning.choose("auto", **million, memory=200e6) == "ivf"
    assert tuning.choose("auto", **million, memory=60e6) == "ivf-pq"
    with pytest.raises(OptionError, match=r"1,000,000 vectors do not fit into 1,000,000 bytes"):
        tuning.choose("auto", **million, memory=1e6)
    with pytest.raises(
        OptionError, match=r"hnsw of 1,000,000 vectors takes 272,000,000 bytes, of 60,000,000"
    ):
        tuning.choose("hnsw", **million, memory=60e6)
    with pytest.raises(UnknownName, match="auto, flat, hnsw, ivf, ivf-pq, pq"):
        tuning.choose("lsh", **million, memory=None)


def test_auto_on_a_space(space, monkeypatch):
    space.upsert_vectors(names(500), groups(500))
    assert space.index().kind == "flat"
    monkeypatch.setattr(tuning, "_FAST", 0.0)
    assert space.index().kind == "ivf"
    assert space.info()["index"]["asked"] == "auto"


def test_wishes_that_cannot_be(space):
    for kind in KINDS:
        with pytest.raises(SpaceError, match="is empty"):
            space.index(kind)
    space.index("flat")
    space.upsert_vectors(names(5), numbers(5))
    with pytest.raises(OptionError, match="recall=2"):
        space.index("hnsw", recall=2)
    with pytest.raises(SpaceError, match="old version 1"):
        Space.open(space.path, version=1).index("hnsw")


@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_are_enough_for_every_kind(space, kind):
    for n in (1, 2, 7):
        space.upsert_vectors(names(n), groups(n))
        space.index(kind)
        assert space.search(groups(n)[n - 1], 1).ids.tolist() == [[names(n)[-1]]]
        assert space.search(groups(1)[0], 10).ids.shape == (1, n)


def test_only_what_is_alive_is_a_candidate():
    """FAISS's bit map, worked by hand: of ten vectors, those of even number."""
    family = tuning.FAMILIES["ivf"]
    vectors = np.arange(10, dtype=np.float32)[:, None] @ np.ones((1, 4), np.float32)
    near = tuning.build(family, lambda at: vectors[at], 10, 4, 0, lambda n: None)
    near.look(effort=16, wider=2)
    even = np.arange(10) % 2 == 0
    found = near.candidates(vectors[:1], 5, Among(even))
    assert sorted(found[0][found[0] >= 0]) == [0, 2, 4, 6, 8]
    assert isinstance(near, Approximate)


def test_a_search_and_the_thread_that_takes_rows_in_go_on_side_by_side(space, quick):
    space.upsert_vectors(names(500), groups(500))
    space.index("hnsw")
    for i in range(10):
        space.upsert_vectors(names(25, 500 + 25 * i), groups(25, seed=i + 1))
        for _ in range(20):
            newest = space.search(groups(25, seed=i + 1)[3], 1)
            assert newest.ids.tolist() == [[f"thing-{500 + 25 * i + 3:04d}"]]
    space._now.keeper.wait()


def test_making_says_nothing_and_keeps_nothing_for_few_rows(space):
    space.upsert_vectors(names(9), numbers(9))
    space.search(numbers(1)[0])
    assert not (space.path / "index").exists()
