"""What changed between two versions, on rows that were planted."""

from pathlib import Path

import numpy as np
import pytest

from ilk.analysis.drift import alike, drift
from ilk.encoders.pixels import Pixels
from ilk.errors import EncoderMismatch
from ilk.space import Space

D = 5


def named(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


@pytest.fixture
def space(tmp_path: Path) -> Space:
    space = Space.create(tmp_path / "s.space", Pixels(D, 1), reading={"reader": "images"}, metric="l2")
    space.upsert_vectors(named("old", 300), cloud(300, 0))
    return space


def cloud(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def test_rows_of_the_same_kind(space: Space) -> None:
    before = Space.open(space.path)
    version = space.info()["version"]
    space.upsert_vectors(named("new", 100), cloud(100, 1))
    space.upsert_vectors(["old3"], cloud(1, 2))
    space.delete(named("old", 2))
    found = drift(Space.open(space.path, version=version), space)
    assert (found.before, found.after) == (300, 398)
    assert (found.added, found.gone, found.changed) == (100, 2, 1)
    assert not found.unlike
    assert found.own is not None
    assert abs(found.own - 0.5) < 0.1
    assert "look like those there were" in found.sentence()
    assert drift(before, before).sentence().endswith("whether they are of another kind.")


def test_a_planted_shift_is_seen_where_it_is(space: Space) -> None:
    before = Space.open(space.path)
    new = cloud(100, 1)
    new[:, 2] += 3
    space.upsert_vectors(named("new", 100), new)
    found = drift(before, space)
    assert found.unlike
    assert found.chance == pytest.approx(0.001)
    table = found.table().to_pydict()
    assert table["dimension"][0] == 2
    assert table["moved"][0] == pytest.approx(3, abs=0.4)
    assert all(abs(m) < 0.5 for m in table["moved"][1:])
    assert "are unlike those there were" in found.sentence()


def test_noise_is_rarely_called_drift() -> None:
    """Of forty draws alike, p below .05 comes about twice."""
    low = sum(alike(cloud(40, 2 * i), cloud(40, 2 * i + 1))[1] < 0.05 for i in range(40))
    assert low <= 7  # more has a chance of 1 in 1,000


def test_spread_alone_is_seen_too() -> None:
    assert alike(cloud(200, 0), 2 * cloud(200, 1))[1] < 0.01


def test_another_encoder(space: Space, tmp_path: Path) -> None:
    other = Space.create(tmp_path / "o.space", Pixels(D + 1, 1), reading={"reader": "images"})
    with pytest.raises(EncoderMismatch, match="`ilk align` compares those of two"):
        drift(space, other)
