"""Encoding by Ray's workers: what is stored is what this process alone would have stored, in one step."""

import os
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from ilk.cluster import join
from ilk.encoders.convnet import ConvNet
from ilk.errors import MissingExtra, SpaceError
from ilk.source.images import Images
from ilk.space import Space
from ilk.space._ray import Workers

N = 70


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two workers, on this machine."""
    if find_spec("ray") is None:
        pytest.skip("needs ray, of the extra scale")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        import ray

        join(ray, num_cpus=2)
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def workers(ray) -> Workers:
    return Workers(ray)


@pytest.fixture(autouse=True)
def at_hand(request, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same workers are used: to start others would take seconds for each test. Small pieces."""
    monkeypatch.setattr("ilk.space._chunks.BATCH", 8)
    monkeypatch.setattr("ilk.space._chunks.ROWS", 16)
    monkeypatch.setattr("ilk.space._chunks.SECONDS", 1000.0)
    if "without_ray" not in request.node.name:
        workers = request.getfixturevalue("workers")
        monkeypatch.setattr("ilk.space._ray.Workers", lambda ray: workers)


@pytest.fixture(scope="module")
def encoder() -> ConvNet:
    torch.manual_seed(0)
    return ConvNet(channels=1, size=16, dim=16, width=4).eval()


class Faces(Images):
    """Leaves a mark for each batch that a worker reads. The first who reads row 40 dies, or cannot."""

    def __init__(
        self, marks: Path | None = None, *, kills: bool = False, fails: bool = False, n: int = N
    ) -> None:
        pixels = np.random.default_rng(0).integers(0, 255, (N, 1, 16, 16), dtype=np.uint8)[:n]
        super().__init__(pixels, [f"thing-{i}" for i in range(n)], columns=pa.table({"n": range(n)}))
        self.marks, self.kills, self.fails = marks, kills, fails

    def picture(self, i: int) -> bytes:
        return f"PNG{i}".encode()

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        if self.marks is not None:
            first = not (self.marks / f"{rows[0]}").exists()
            with open(self.marks / f"{rows[0]}", "a") as mark:
                mark.write(f"{os.getpid()}\n")
            if first and rows[0] == 40 and self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            if first and rows[0] == 40 and self.fails:
                return torch.zeros(len(rows), 3, 16, 16)
        return super().batch(rows)


def create(path: Path, encoder: ConvNet) -> Space:
    return Space.create(path, encoder, reading=Faces().reading)


def assert_same(one: Space, other: Space) -> None:
    assert one.ids() == other.ids()
    assert one.metadata().equals(other.metadata())
    assert one.pictures(one.ids()) == other.pictures(one.ids())
    np.testing.assert_allclose(one.vectors(), other.vectors(), rtol=0, atol=1e-6)
    if torch.get_num_threads() == 1:  # as the workers
        np.testing.assert_array_equal(one.vectors(), other.vectors())


def test_a_worker_is_killed_and_the_space_is_that_of_one_process(tmp_path, encoder):
    alone, together = create(tmp_path / "a.space", encoder), create(tmp_path / "b.space", encoder)
    done = alone.upsert(Faces())
    before = together.versions().num_rows
    (tmp_path / "marks").mkdir()
    assert together.upsert(Faces(tmp_path / "marks", kills=True), ray="auto") == done
    lives = (tmp_path / "marks" / "40").read_text().split()
    assert len(set(lives)) == 2, "one died, another took over"
    assert_same(together, alone)
    assert_same(Space.open(together.path), alone)
    columns = 1  # a version for the new column, one for the rows
    assert together.versions().num_rows == before + columns + 1
    assert together.search("thing-3", 5).ids.tolist() == alone.search("thing-3", 5).ids.tolist()
    assert not (together.path / "adding").exists()


def test_cut_short_no_row_has_changed_and_the_rest_is_done_by_the_same_call(tmp_path, encoder):
    alone, space = create(tmp_path / "a.space", encoder), create(tmp_path / "s.space", encoder)
    for one in (alone, space):
        one.upsert(Faces(n=20))  # some ids are known, of other things
    marks = tmp_path / "marks"
    marks.mkdir()
    with pytest.raises(SpaceError, match=r"Ray could not encode: .*should contain 3"):
        space.upsert(Faces(marks, fails=True), ray="auto")
    assert Space.open(space.path).ids() == [f"thing-{i}" for i in range(20)]
    noted = {int(path.stem) for path in (space.path / "adding").rglob("*.json")}
    assert noted  # pieces of sixteen rows
    assert 2 not in noted  # that of row 40
    for path in marks.iterdir():
        if path.name != "40":
            path.unlink()
    done = space.upsert(Faces(marks, fails=True), ray="auto")
    assert (done.added, done.replaced) == (N - 20, 20)
    assert not {int(path.name) // 16 for path in marks.iterdir()} & noted  # none was done again
    alone.upsert(Faces())
    assert sorted(space.ids()) == sorted(alone.ids())
    order = [space.ids().index(name) for name in alone.ids()]
    np.testing.assert_allclose(space.vectors()[order], alone.vectors(), atol=1e-6)
    assert space.pictures(["thing-3"]) == [b"PNG3"]


def test_of_an_id_that_comes_twice_the_last_is_kept(tmp_path, encoder, capsys):
    twice = Faces()
    twice.ids = [*twice.ids[:60], *twice.ids[:10]]
    space = create(tmp_path / "s.space", encoder)
    assert space.upsert(twice, ray="auto").added == 60
    assert "10 ids came twice" in capsys.readouterr().err
    assert space.metadata()["n"].to_pylist() == list(range(10, 70))
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_without_ray_the_extra_is_named(monkeypatch, tmp_path, encoder):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"ilk\[scale\]"):
        create(tmp_path / "s.space", encoder).upsert(Faces(), ray="auto")
