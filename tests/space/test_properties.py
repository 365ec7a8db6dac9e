"""Random programs against a dictionary: every kind of index, every metric, every path through them.

The thresholds are so small that a few dozen rows make the background thread take rows in, write bases and
build anew, and send conditions through the index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilk.encoders.pixels import Pixels
from ilk.errors import SpaceError
from ilk.space import Space, keeping, making, plan, snapshot
from ilk.space.index.metric import METRICS
from ilk.space.index.tuning import KINDS

from .conftest import READING
from .test_index import plain

DIM = 4
PROGRAMS = int(os.environ.get("ILK_PROGRAMS", "3"))  # for each kind and metric; `make faults` takes more
CONDITIONS = (None, "n < 5", "n = 3 OR id > 'r060'", "n > 99")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(making, "_SMALL", 0)
    monkeypatch.setattr(making, "_LATE", 8)
    monkeypatch.setattr(keeping, "LATE", 8)
    monkeypatch.setattr(keeping, "UNKEPT", (12, 0.0))
    monkeypatch.setattr(snapshot, "_FEW", 0)
    monkeypatch.setattr("ilk.space.current.TIDY_EVERY", 5)


def allowed(name: str, n: int, condition: str | None) -> bool:
    return {None: True, CONDITIONS[1]: n < 5, CONDITIONS[2]: n == 3 or name > "r060"}.get(condition, False)


class Run:
    """One space and what it should hold; each step changes both, `check` compares."""

    def __init__(self, folder: Path, metric: str, kind: str) -> None:
        self.space = Space.create(folder / "s.space", Pixels(1, 2), reading=READING, metric=metric)
        self.planned, self.kind = "flat", kind
        self.rows: dict[str, tuple[np.ndarray, int]] = {}
        self.history = {self.version: self.rows}
        self.reader, self.seen = Space.open(self.space.path), self.rows
        self.found: list[float] = []

    @property
    def version(self) -> int:
        return self.space._at.rows.version

    def take(self, step: tuple[str, int, int]) -> None:
        what, *numbers = step
        getattr(self, what)(*numbers)
        self.history[self.version] = dict(self.rows)
        assert len(self.space) == len(self.rows)

    def upsert(self, start: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        ids = [f"r{i:03d}" for i in range(start, start + 1 + seed % 40)]
        vectors = rng.standard_normal((len(ids), DIM)).astype(np.float32) * [1, 1, 3, 9]
        some = rng.random(len(ids)) < 0.3
        vectors[some] = rng.integers(-1, 2, (some.sum(), DIM))  # equal ones, equally far ones, and zero
        vectors = vectors.astype(np.float32)
        n = rng.integers(0, 10, len(ids))
        done = self.space.upsert_vectors(ids, vectors, pa.table({"n": n}))
        assert done.replaced == len(self.rows.keys() & set(ids))
        self.rows = self.rows | {i: (v, int(m)) for i, v, m in zip(ids, vectors, n)}

    def delete(self, start: int, seed: int) -> None:
        gone = {f"r{i:03d}" for i in range(start, start + seed % 60)}
        assert self.space.delete(gone) == len(gone & self.rows.keys())
        self.rows = {i: row for i, row in self.rows.items() if i not in gone}

    def index(self, start: int, seed: int) -> None:
        kind = self.kind if seed % 4 else KINDS[start % len(KINDS)]
        if not self.rows and kind != "flat":
            with pytest.raises(SpaceError, match="is empty"):
                self.space.index(kind)
        else:
            self.planned = self.space.index(kind, recall=0.99).kind

    def reopen(self, start: int, seed: int) -> None:
        if seed % 2:  # else the thread of the one that is left goes on beside the new one
            self.space._now.keeper.wait()
        self.space = Space.open(self.space.path)
        if len(self.rows):
            assert self.space._at.base.kind == self.planned

    def restore(self, start: int, seed: int) -> None:
        versions = sorted(self.history.keys() & set(self.space.versions()["version"].to_pylist()))
        chosen = versions[seed % len(versions)]
        self.space.restore(chosen)
        self.rows = self.history[chosen]

    def compact(self, start: int, seed: int) -> None:
        self.space.compact()

    def wait(self, start: int, seed: int) -> None:
        self.space._now.keeper.wait()

    def look(self, start: int, seed: int) -> None:
        """Somebody else looks at the version that was there when they last looked."""
        check(self.reader, self.seen, seed, self.found)
        self.reader, self.seen = Space.open(self.space.path), self.rows

    def search(self, start: int, seed: int) -> None:
        check(self.space, self.rows, seed, self.found)

    def end(self) -> None:
        self.space._now.keeper.wait()
        for space in (self.space, Space.open(self.space.path)):
            check(space, self.rows, 0, self.found)
            assert space.ids() == [i for i in space.ids() if i in self.rows]
            for i, vector, n in zip(space.ids(), space.vectors(), numbers(space)):
                assert (vector.tolist(), n) == (self.rows[i][0].tolist(), self.rows[i][1])
        assert plan.read(self.space.path).kind == self.planned


def numbers(space: Space) -> list[int]:
    table = space.metadata()
    return table["n"].to_pylist() if table.num_columns else []


def check(space: Space, rows: dict[str, tuple[np.ndarray, int]], seed: int, found: list[float]) -> None:
    """A search finds what a plain loop finds, or most of it where the index may leave some out."""
    rng = np.random.default_rng(seed)
    k, condition = int(rng.choice([1, 3, 10, 200])), CONDITIONS[rng.integers(len(CONDITIONS))]
    queries = rng.standard_normal((int(rng.choice([1, 3, 25])), DIM)).astype(np.float32)
    if rows:  # some ask where a row is
        queries[0] = rows[sorted(rows)[seed % len(rows)]][0]
    condition = condition if "n" in space.metadata().column_names else None
    ids = [i for i in sorted(rows) if allowed(i, rows[i][1], condition)]
    near = space._at.base.near
    if near is not None:
        near.look(effort=near.family.efforts[-1], wider=near.family.wider[-1])
    answer = space.search(queries, k, where=condition)
    k = min(k, len(ids))
    assert answer.ids.shape == answer.distances.shape == (len(queries), k)
    for query, names, distances in zip(queries, answer.ids.tolist(), answer.distances.tolist()):
        expected = by_hand(query, ids, rows, space.metric)
        far = {name: d for d, name in expected}
        assert set(names) <= set(ids)
        np.testing.assert_allclose(distances, [far[i] for i in names], rtol=1e-5, atol=1e-9)
        if near is None:
            assert names == [i for _, i in expected[:k]]
        elif k:
            assert sorted(zip(distances, names)) == list(zip(distances, names))
            assert len(set(names)) == k
            found += [far[i] <= expected[k - 1][0] * (1 + 1e-6) + 1e-9 for i in names]


def by_hand(
    query: np.ndarray, ids: list[str], rows: dict[str, tuple[np.ndarray, int]], metric: str
) -> list[tuple[np.float32, str]]:
    vectors = np.array([rows[i][0] for i in ids], np.float32).reshape(-1, DIM)
    if metric != "whitened" or not ids:
        return plain(query, vectors, ids, metric)
    spread = np.array([v for v, _ in rows.values()], np.float64).reshape(-1, DIM).std(0)
    weights = np.divide(1, spread, out=np.zeros(DIM), where=spread > 1e-6 * spread.max(initial=0))
    far = np.linalg.norm((vectors.astype(np.float64) - query) * weights, axis=1)
    return sorted(zip(far.astype(np.float32), ids))


WHAT = ("upsert", "upsert", "upsert", "delete", "search", "search", "reopen", "restore", "compact")
WHAT = (*WHAT, "index", "wait", "look")
STEPS = st.tuples(st.sampled_from(WHAT), st.integers(0, 99), st.integers(0, 9999))


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    return (tmp_path / str(i) for i in range(10**6))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_program_gives_what_a_dictionary_gives(folders, kind, metric, capsys):
    found: list[float] = []

    @settings(max_examples=PROGRAMS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, min_size=6, max_size=20))
    def run(steps: list[tuple[str, int, int]]) -> None:
        folder = next(folders)
        folder.mkdir()
        one = Run(folder, metric, kind)
        for step in (("upsert", 0, 39), ("index", 0, 1), *steps):
            one.take(step)
        one.end()
        found.extend(one.found)
        told = capsys.readouterr().err
        assert "could not" not in told
        assert "damaged" not in told

    run()
    assert not found or np.mean(found) > 0.8
