"""Oddities: none in noise, those that were planted, and how many of those named are none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ilk.analysis.anomalies import WORDS
from ilk.analysis.oddities import ALONE, GROUP, Oddities, by_tail, conformal, oddities, sparse
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError
from ilk.space import Space
from tests.analysis.test_anomalies import Flat
from tests.analysis.test_anomalies import planted as digits_and_noise

N, D = 300, 5


def named(p: np.ndarray, level: float = 0.1) -> np.ndarray:
    """Benjamini and Hochberg's rule, as it is written: the largest k with p_(k) <= level k / n."""
    ranked = np.sort(p)
    below = np.flatnonzero(ranked <= level * np.arange(1, len(p) + 1) / len(p))
    return np.flatnonzero(p <= ranked[below[-1]]) if len(below) else np.zeros(0, int)


def test_values_by_hand() -> None:
    usual = np.array([1.0, 2, 3, 4])
    np.testing.assert_allclose(conformal(usual, np.array([0, 2.5, 4, 9])), [1, 3 / 5, 2 / 5, 1 / 5])
    # 0 to 19 in the logarithm: the edge is at 15, 16 to 19 lie above it, and all but the last are kept up
    # to 19 itself: the total of their excesses is 1 + 2 + 3 + 4
    p = by_tail(np.exp(np.arange(20.0)))
    np.testing.assert_allclose(p[16:], 4 / 20 * (1 + np.arange(1, 5) / 10) ** -4.0, rtol=1e-5)
    np.testing.assert_allclose(p[:3], [1, 19 / 20, 18 / 20])
    np.testing.assert_array_equal(by_tail(np.ones(100)), 1)


@pytest.mark.parametrize("kind", ["gauss", "even", "heavy"])
def test_noise_has_no_oddities(kind: str) -> None:
    """At a level of .1, noise names any row in one of ten sets: of 20, more than 6 have chance .002."""
    rng = np.random.default_rng(0)
    made = {
        "gauss": lambda: rng.standard_normal((N, D)),
        "even": lambda: rng.uniform(size=(N, D)),
        "heavy": lambda: rng.standard_normal((N, D)) / np.sqrt(rng.chisquare(4, (N, 1)) / 4),
    }
    sets = [np.asarray(made[kind](), np.float32) for _ in range(20)]
    assert sum(bool(len(named(sparse(x, 20)))) for x in sets) <= 6
    halves = [sparse(x, 20, np.arange(N // 2), seed=1)[N // 2 :] for x in sets]
    assert sum(bool(len(named(p))) for p in halves) <= 6
    # Conformal p are even whatever the cloud: their mean over 3,000, that hang together a little, is 1/2
    assert np.concatenate(halves).mean() == pytest.approx(0.5, abs=0.03)


def test_false_discoveries_are_as_few_as_was_asked() -> None:
    """100 of 400 asked rows are of a wider cloud: of those named, a tenth at most, on average, are usual."""
    rng, shares, caught = np.random.default_rng(1), [], []
    for _ in range(20):
        x = rng.standard_normal((800, 3)).astype(np.float32)
        x[700:] *= 5
        rows = named(sparse(x, 10, np.arange(400))[400:]) + 400
        shares.append((rows < 700).mean() if len(rows) else 0)
        caught.append((rows >= 700).sum() / 100)
    assert np.mean(shares) < 0.13
    assert np.mean(caught) > 0.7


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """290 usual rows, 4 alone, 6 together: all far out."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((N, 4))
    x[290:294] = 15 * np.eye(4)
    x[294:] = -9 + 0.1 * rng.standard_normal((6, 4))
    path = tmp_path_factory.mktemp("odd") / "s.space"
    space = Space.create(path, Pixels(4, 1), reading={"reader": "images"}, metric="l2")
    night = pa.table({"night": [1 if i < 150 else 2 for i in range(N)]})
    space.upsert_vectors([f"{i:03d}" for i in range(N)], x.astype(np.float32), night)
    return space


@pytest.mark.parametrize("trusted", [None, "night = 1"])
def test_planted_ones_are_found_and_their_kind_is_told(space: Space, trusted: str | None) -> None:
    found = oddities(space, trusted=trusted, level=0.2 if trusted else 0.05)
    kinds = {found.ids[i]: found.kinds[i] for i in found.odd}
    assert [kinds[f"{i}"] for i in range(290, 300)] == [ALONE] * 4 + [GROUP] * 6
    assert len(kinds) <= 15  # with some that are so by chance
    assert len({found.groups[i] for i in range(294, 300)}) == 1
    assert f"{len(kinds)} of {150 if trusted else 300} rows are odd" in found.sentence()
    assert found.table()["id"].to_pylist()[:10] == sorted(kinds, key=lambda i: found.p[int(i)])[:10]
    layer = space.layer("oddity")
    assert sum(k != "" for k in layer["oddity"].to_pylist()) == len(kinds)


def test_badly_rebuilt(tmp_path: Path) -> None:
    """A decoder that knows the grey of a picture only."""
    space, source = digits_and_noise(tmp_path, Flat(64))
    found = oddities(space, source=source)
    assert {k for k in found.kinds if k} <= {WORDS["rebuilt"], ALONE, GROUP}
    alone = oddities(space)
    np.testing.assert_array_less(found.p, 2 * alone.p + 1e-9)  # the least of two costs a factor of two


def test_bad_input(space: Space, made: Callable[[np.ndarray], Space]) -> None:
    with pytest.raises(OptionError, match="level is 2"):
        oddities(space, level=2)
    with pytest.raises(DataError, match="0 rows are trusted by night = 3"):
        oddities(space, trusted="night = 3")
    with pytest.raises(DataError, match="20 rows"):
        oddities(made(np.random.default_rng(0).standard_normal((20, 16))))
    few = Oddities(["a"], np.array([1.0]), np.array([1.0]), [""], np.array([-1]), 0.1, 10)
    assert "p is at least 0.17: trust more rows" in few.sentence()
