"""Kills writers of a space at random moments, over and over, and looks at what is left.

`python -m tests.space.faults --kills 500` is the long run of `make faults`; test_faults.py takes fewer. One
process has everything loaded and forks all others from itself, before anything in it has started a thread: a
writer, perhaps a reader beside it, and, when the writer is dead, one that checks. The writer goes through an
endless story, each of whose steps is known, and tells the number of each step that was acknowledged.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from ilk import console
from ilk.encoders.pixels import Pixels
from ilk.errors import IlkError, SpaceBusy
from ilk.space import Space, current, keeping, making, plan, snapshot
from ilk.space.index import kernels  # noqa: F401  (compiled or loaded before the forks)
from ilk.space.index.metric import METRICS
from ilk.space.index.tuning import KINDS

READING = {"reader": "images", "size": 4, "channels": 1, "dtype": "uint8"}
DIM = 16
CYCLE = 12  # steps of the story with one kind of index
Rows = dict[str, tuple[list[float], int]]  # vector, and the step that wrote it


def hurry() -> None:
    """A few dozen rows are many: the background thread, new bases, tidying, conditions through the index."""
    making._SMALL = 0
    making._LATE = 16
    keeping.LATE = 16
    keeping.UNKEPT = (24, 0.0)
    snapshot._FEW = 0
    current.TIDY_EVERY = 5
    current.MANY = 6


@dataclass
class State:
    """What the space holds after some steps of the story."""

    rows: Rows
    kind: str = "flat"
    gone: tuple[list[float], ...] = ()  # vectors that were replaced or deleted last

    def after(self, n: int) -> State:
        """With step n: of twelve, seven upsert, three delete, one chooses the index, one compacts."""
        what, ids, vectors = step(n)
        old = tuple(self.rows[i][0] for i in ids if i in self.rows)
        if what == "index":
            return State(self.rows, ids[0], self.gone)
        if what == "delete":
            return State({i: row for i, row in self.rows.items() if i not in set(ids)}, self.kind, old)
        if what == "upsert":
            new = {i: (v, n) for i, v in zip(ids, vectors.tolist())}
            return State(self.rows | new, self.kind, old)
        return self


def step(n: int) -> tuple[str, list[str], np.ndarray]:
    rng, nothing = np.random.default_rng(n), np.zeros((0, DIM), np.float32)
    if n % CYCLE == 1:
        return "index", [KINDS[n // CYCLE % len(KINDS)]], nothing
    if n % CYCLE == 7:
        return "compact", [], nothing
    if n % 4 == 3:
        return "delete", [f"row-{i}" for i in rng.choice(160, 30, replace=False)], nothing
    ids = [f"row-{(20 * n + i) % 160}" for i in range(40)]
    return "upsert", ids, rng.standard_normal((40, DIM)).astype(np.float32)


def take(at: Space, n: int) -> None:
    what, ids, vectors = step(n)
    if what == "upsert":
        at.upsert_vectors(ids, vectors, pa.table({"step": np.full(len(ids), n)}))
    elif what == "delete":
        at.delete(ids)
    elif what == "index":
        at.index(ids[0], recall=0.9)
    else:
        at.compact()


# What the forked processes do


def create(path: Path, metric: str) -> None:
    at = Space.create(path, Pixels(1, 4), reading=READING, metric=metric)
    at.upsert_vectors(["first"], np.full((1, DIM), 5.0), pa.table({"step": [-1]}))


def write(path: Path, first: int, tell: Callable[[str], None]) -> None:
    at = Space.open(path)
    for n in range(first, 10**9):
        take(at, n)
        tell(f"{n}\n")
        if n % 3 == 0:
            at.search(np.ones(DIM), 3)  # so that what was written is read, and new bases are picked up


def read(path: Path) -> None:
    """A reader sees one version: what it finds is what a plain loop over its own rows finds."""
    rng = np.random.default_rng(os.getpid())
    while True:
        at = Space.open(path)
        agree(at, rng.standard_normal((3, DIM)).astype(np.float32))


def agree(at: Space, queries: np.ndarray) -> None:
    found, ids, vectors = at.search(queries, 5), at.ids(), at.vectors()
    assert len(set(ids)) == len(ids) == len(vectors)
    place = {name: i for i, name in enumerate(ids)}
    far = distances(at.metric, queries, vectors)
    for q, (names, near) in enumerate(zip(found.ids.tolist(), found.distances)):
        assert len(set(names)) == min(5, len(ids)), names
        np.testing.assert_allclose(near, far[q, [place[i] for i in names]], rtol=1e-4, atol=1e-6)
        if at._at.base.near is None:
            np.testing.assert_allclose(near, np.sort(far[q])[: len(names)], rtol=1e-4, atol=1e-6)


def distances(
    metric: str, queries: np.ndarray, vectors: np.ndarray
) -> np.ndarray:  # (q, D), (n, D) -> (q, n)
    q, x = queries.astype(np.float64), vectors.astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(q, axis=1)[:, None] * np.linalg.norm(x, axis=1)
        return np.asarray(1 - q @ x.T / lengths)
    spread = x.std(0) if metric == "whitened" else np.ones(DIM)
    weights = np.divide(1, spread, out=np.zeros(DIM), where=spread > 0)  # of one row: nothing counts
    return np.asarray(np.linalg.norm((q[:, None] - x) * weights, axis=2))


def check(path: Path, states: list[State]) -> int:
    """Which of the states the space is in; all it says and finds must belong to that one."""
    told: list[str] = []
    console.say = told.append  # type: ignore[assignment]
    at = Space.open(path)
    steps = at.metadata()["step"].to_pylist()
    rows = {i: (v, n) for i, v, n in zip(at.ids(), at.vectors().tolist(), steps)}
    kind = plan.read(path).kind
    fits = [i for i, s in enumerate(states) if (s.rows, s.kind) == (rows, kind)]
    assert fits, differences(rows, kind, states)
    state = states[fits[0]]
    assert len(at.ids()) == len(rows)
    assert at._at.base.kind == kind, f"the index is {at._at.base.kind}, not {kind}"
    agree(at, np.random.default_rng(len(rows)).standard_normal((2, DIM)).astype(np.float32))
    for name in random.sample(sorted(rows), min(8, len(rows))):
        found = at.search(np.array(rows[name][0]), 1)
        assert found.ids.tolist() == [[name]], (name, found)
        assert found.distances[0, 0] < 1e-5
    for vector in state.gone[:4]:  # nobody is there any more
        assert at.search(np.array(vector), 1).distances[0, 0] > 1e-5
    assert not [line for line in told if "damaged" in line or "could not" in line], told
    return fits[0]


def differences(rows: Rows, kind: str, states: list[State]) -> str:
    lines = [f"index {kind}, {len(rows)} rows fit none of what it should be:"]
    for s in states:
        odd = [i for i in rows.keys() | s.rows.keys() if rows.get(i) != s.rows.get(i)]
        lines.append(f"  index {s.kind}, {len(s.rows)} rows; {len(odd)} rows differ: {sorted(odd)[:5]}")
    return "\n".join(lines)


# The process that forks them


class Forked:
    """A child that runs `do(tell)`; what it tells comes through a pipe, as does the story of its failure."""

    def __init__(self, do: Callable[[Callable[[str], None]], object]) -> None:
        out, in_ = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(out)
            _child(do, in_)
        os.close(in_)
        self._out = out
        self.said = b""

    def wait(self, seconds: float) -> bool:
        """Until it says something; whether it did."""
        ready = bool(select.select([self._out], [], [], seconds)[0])
        if ready:
            self.said += os.read(self._out, 65_536)
        return ready

    def kill(self) -> list[str]:
        os.kill(self.pid, signal.SIGKILL)
        return self.end()

    def end(self) -> list[str]:
        """What it said; a line that was cut short was not told."""
        while part := os.read(self._out, 65_536):
            self.said += part
        os.close(self._out)
        os.waitpid(self.pid, 0)
        text = self.said.decode()
        if "Traceback" in text:
            raise AssertionError(text)
        return text.split("\n")[:-1]


def _child(do: Callable[[Callable[[str], None]], object], pipe: int) -> None:
    try:
        hurry()
        console.say = lambda text: None  # type: ignore[assignment]
        do(lambda text: os.write(pipe, text.encode()) and None)
    except BaseException:
        os.write(pipe, traceback.format_exc().encode())
    finally:
        os._exit(0)  # nothing of the parent's is ended twice


def finished(do: Callable[[], object]) -> str:
    """What came of it, run in a child."""
    (line,) = Forked(lambda tell: tell(f"{do()}\n")).end()
    return line


def kill_writers(folder: Path, kind: str, kills: int, seed: int) -> Counter[str]:
    """How many kills met which kind of index, this one first; AssertionError where something was lost."""
    chance, path, met = random.Random(seed), folder / f"{kind}.space", Counter[str]()
    turn = KINDS.index(kind)
    finished(lambda: create(path, METRICS[turn % len(METRICS)]))
    state, n = State({"first": ([5.0] * DIM, -1)}), CYCLE * turn
    for kill in range(kills):
        writer = Forked(lambda tell, n=n: write(path, n, tell))
        reader = Forked(lambda tell: read(path)) if kill % 4 == 0 else None
        if chance.random() < 0.9:  # else perhaps before it has opened the space
            writer.wait(60)
        time.sleep(chance.random() ** 2 * 0.5)
        lines = writer.kill()
        if reader is not None:
            reader.kill()
        for line in lines:
            assert int(line) == n
            state, n = state.after(n), n + 1
        # The step that was being taken may have come through whole, but never in part.
        possible = [state, state.after(n)]
        came = int(finished(partial(check, path, possible)))
        state, n = possible[came], n + came
        met[state.kind] += 1
    return met


def full_disks(folder: Path, metric: str, steps: int, seed: int) -> Counter[str]:
    """A story on a disk that is full now and then: steps that fail leave everything as it was."""
    path = folder / f"full-{metric}.space"
    finished(lambda: create(path, metric))
    lines = Forked(lambda tell: _cramped(path, steps, seed, tell)).end()
    state, n = State({"first": ([5.0] * DIM, -1)}), 0
    for line in lines[:-1]:
        assert int(line) == n
        state, n = state.after(n), n + 1
    finished(lambda: check(path, [state]))
    return Counter(done=n, failed=int(lines[-1]))


def _cramped(path: Path, steps: int, seed: int, tell: Callable[[str], None]) -> None:
    import resource

    chance, at, failed = random.Random(seed), Space.open(path), 0
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for n in range(steps):
        while True:
            before = (at.ids(), at.vectors().tolist(), plan.read(path))
            limit = chance.choice([300, 1500, 4000, 9000, 20_000, 10**8])  # bytes a file
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
            try:
                take(at, n)
                break
            except IlkError as e:
                told = str(e)
                assert "no room" in told or "could not be written" in told, told
                failed += 1
                assert (at.ids(), at.vectors().tolist(), plan.read(path)) == before
                agree(at, np.ones((1, DIM), np.float32))
                at = Space.open(path)
                assert (at.ids(), at.vectors().tolist()) == before[:2]
            finally:
                at._now.keeper.wait()  # under the same limit
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        tell(f"{n}\n")
    tell(f"{failed}\n")


def two_writers(folder: Path, steps: int) -> int:
    """Each writes its own rows and tries again while the other has the lock; how often it had."""
    path = folder / "two.space"
    finished(lambda: create(path, "cosine"))
    both = [Forked(lambda tell, name=name: _stubborn(path, name, steps, tell)) for name in "ab"]
    busy = sum(int(writer.end()[-1]) for writer in both)
    rows = {f"{name}-{i % 7}-{j}": i for name in "ab" for i in range(steps) for j in range(10)}
    finished(lambda: _holds(path, rows | {"first": -1}))
    return busy


def _stubborn(path: Path, name: str, steps: int, tell: Callable[[str], None]) -> None:
    at, busy = Space.open(path), 0
    for i in range(steps):
        ids = [f"{name}-{i % 7}-{j}" for j in range(10)]
        while True:
            try:
                vectors = np.random.default_rng(i).standard_normal((10, DIM))
                at.upsert_vectors(ids, vectors, pa.table({"step": [i] * 10}))
                if i == steps // 2 and name == "a":
                    at.index("hnsw")
                break
            except SpaceBusy as e:
                told = str(e)
                assert f"{path} is being written by process " in told
                assert "try again" in told
                busy += 1
                time.sleep(0.005)
        assert at.search(vectors[3], 1).distances[0, 0] < 1e-5
    tell(f"{busy}\n")


def _holds(path: Path, rows: dict[str, int]) -> None:
    at = Space.open(path)
    assert dict(zip(at.ids(), at.metadata()["step"].to_pylist())) == rows
    assert len(at) == len(rows)
    assert plan.read(path).kind == at._at.base.kind == "hnsw"
    agree(at, np.ones((1, DIM), np.float32))


def main() -> None:
    warnings.filterwarnings("ignore", "lance is not fork-safe")  # nothing of it runs yet where we fork
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=500)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    met, each = Counter[str](), -(-given.kills // len(KINDS))
    with tempfile.TemporaryDirectory() as folder:
        for i, kind in enumerate(KINDS):
            met += kill_writers(Path(folder), kind, each, given.seed + i)
        full = full_disks(Path(folder), "whitened", max(24, given.kills // 4), given.seed)
        busy = two_writers(Path(folder), max(20, given.kills // 10))
    print(f"{sum(met.values())} kills, nothing lost:", ", ".join(f"{n} {kind}" for kind, n in met.items()))
    print(f"{full['failed']} writes without room for {full['done']} that came through")
    print(f"two writers, {busy} times told that the other is writing")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
