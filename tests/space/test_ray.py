"""Encoding by Ray's workers: what is stored is what this process alone would have stored."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from ilk.encoders.convnet import ConvNet
from ilk.errors import MissingExtra, SpaceError
from ilk.source.images import Images
from ilk.space import Space
from ilk.space._ray import Workers, _join, everywhere

N = 70


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two workers, on this machine."""
    if find_spec("ray") is None:
        pytest.skip("needs ray, of the extra scale")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        import ray

        _join(ray, num_cpus=2)
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def workers(ray, encoder) -> Workers:
    return Workers(ray, encoder)


@pytest.fixture
def at_hand(workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those workers are used: to start others would take seconds for each test."""
    monkeypatch.setattr("ilk.space._ray.Workers", lambda ray, encoder: workers)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilk.space._chunks.BATCH", 8)
    monkeypatch.setattr("ilk.space._chunks.ROWS", 20)
    monkeypatch.setattr("ilk.space._chunks.SECONDS", float("inf"))  # however long workers take to start


@pytest.fixture(scope="module")
def encoder() -> ConvNet:
    torch.manual_seed(0)
    return ConvNet(channels=1, size=16, dim=16, width=4).eval()


class Faces(Images):
    def picture(self, i: int) -> bytes:
        return f"PNG{i}".encode()


def source() -> Faces:
    pixels = np.random.default_rng(0).integers(0, 255, (N, 1, 16, 16), dtype=np.uint8)
    return Faces(pixels, [f"thing-{i}" for i in range(N)], columns=pa.table({"n": range(N)}))


def create(path: Path, encoder: ConvNet) -> Space:
    return Space.create(path, encoder, reading=source().reading)


def test_two_workers_store_what_one_process_stores(at_hand, tmp_path, encoder):
    alone, together = create(tmp_path / "a.space", encoder), create(tmp_path / "b.space", encoder)
    done = alone.upsert(source())
    assert together.upsert(source(), ray=True) == done
    assert together.ids() == alone.ids()
    assert together.metadata().equals(alone.metadata())
    assert together.pictures(alone.ids()) == alone.pictures(alone.ids())
    assert together.info()["version"] == alone.info()["version"]  # in the same steps
    np.testing.assert_allclose(together.vectors(), alone.vectors(), rtol=0, atol=1e-6)
    if torch.get_num_threads() == 1:  # as the workers
        np.testing.assert_array_equal(together.vectors(), alone.vectors())


def test_few_batches_are_read_ahead_and_nothing_phones_home(at_hand, encoder):
    read = []

    def batches() -> Iterator[torch.Tensor]:
        for i in range(40):
            read.append(i)
            yield torch.zeros(1, 1, 16, 16)

    with everywhere(encoder) as encoded:
        found = encoded(batches())
        next(found)
        assert len(read) <= 6
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_what_a_worker_cannot_do_is_told_and_what_was_stored_stays(at_hand, tmp_path, encoder):
    class Odd(Faces):
        def batch(self, rows: np.ndarray) -> torch.Tensor:
            return super().batch(rows) if rows[0] < 50 else torch.zeros(len(rows), 3, 16, 16)

    space = create(tmp_path / "s.space", encoder)
    with pytest.raises(SpaceError, match=r"Ray could not encode: .*should contain 3"):
        space.upsert(Odd(source().pixels, source().ids), ray=True)
    assert space.ids() == [f"thing-{i}" for i in range(48)]
    assert space.upsert(source()).added == N - 48


def test_without_ray_the_extra_is_named(monkeypatch, encoder):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"ilk\[scale\]"), everywhere(encoder):
        pass


def test_a_lost_worker_changes_nothing(ray, workers, encoder):
    batches = [torch.full((1, 1, 16, 16), i / 30) for i in range(30)]
    assert len(workers.all) == 2
    found = workers.encoded(iter(batches))
    parts = [next(found)]
    ray.kill(workers.all[1], no_restart=False)
    parts += found
    expected = torch.cat([encoder(b).detach() for b in batches])
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-6)
