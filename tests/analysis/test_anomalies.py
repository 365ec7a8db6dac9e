"""Anomalies: none in noise, those that were planted, and how many of those named are none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits
from torch import Tensor

from ilk.analysis._odd import ALONE, GROUP, by_tail, conformal, density
from ilk.analysis.anomalies import REBUILT, Anomalies, _measured, anomalies
from ilk.analysis.clusters import clusters
from ilk.decoders import Decoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError, SpaceError
from ilk.source.images import Images
from ilk.space import Space

N, D = 300, 5
NOBODY = np.zeros(0, int)


class Flat(Decoder):
    """Knows the grey of a picture and nothing else."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return z.mean(1).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)


def named(parts: dict[str, np.ndarray], level: float = 0.1) -> np.ndarray:
    """Benjamini and Hochberg's rule, as it is written: the largest k with p_(k) <= level k / n."""
    p = np.minimum(1, len(parts) * np.fmin.reduce(list(parts.values())))
    rows = np.flatnonzero(np.isfinite(p))
    ranked = np.sort(p[rows])
    below = np.flatnonzero(ranked <= level * np.arange(1, len(rows) + 1) / len(rows))
    return rows[p[rows] <= ranked[below[-1]]] if len(below) else rows[:0]


def measured(
    x: np.ndarray, trusted: np.ndarray = NOBODY, seed: int = 0, k: int = 20
) -> dict[str, np.ndarray]:
    return _measured(x, np.zeros(len(x), int), trusted, k, None, seed)[1]


def test_values_by_hand() -> None:
    usual = np.array([1.0, 2, 3, 4])
    np.testing.assert_allclose(conformal(usual, np.array([0, 2.5, 4, 9])), [1, 3 / 5, 2 / 5, 1 / 5])
    # 0 to 79 in the logarithm: the edge is at 60, 61 to 76 are kept, and 77 to 79 count as beyond 76: the
    # total of the excesses is 1 + ... + 16 + 3 * 16
    p = by_tail(np.exp(np.arange(80.0)))
    excess = np.arange(1, 20)
    np.testing.assert_allclose(p[61:], 19 / 80 * (1 + excess / (136 + 48)) ** -16.0, rtol=1e-5)
    np.testing.assert_allclose(p[:3], [1, 79 / 80, 78 / 80])
    np.testing.assert_array_equal(by_tail(np.ones(100)), 1)
    np.testing.assert_allclose(
        by_tail(np.array([5.0, 1, np.nan, 3])), [1 / 3, 1, np.nan, 2 / 3]
    )  # few: ranks


def test_density_is_in_sigmas_of_one_group_and_knows_of_several() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(2000, 1)), 100 + 10 * rng.normal(size=(2000, 1)), [[5.0], [150.0]]])
    known, asked = np.arange(4000), np.array([4000, 4001])
    one = density(x[:2000], np.zeros(2000, int))(np.arange(2000), np.arange(2000))
    # the outer tenth left out narrows a Gaussian by .79: the sigma of one cut at 1.645
    np.testing.assert_allclose(np.median(one), 0.6745 / 0.79, rtol=0.1)
    two = density(x, np.repeat([0, 1, -1], [2000, 2000, 2]))(known, asked)
    # the second is ten times as wide, so ten times as thin at its middle
    np.testing.assert_allclose(two, [5 / 0.79, np.sqrt((5 / 0.79) ** 2 + 2 * np.log(10))], rtol=0.1)


@pytest.mark.parametrize("kind", ["gauss", "even", "heavy"])
def test_noise_has_no_oddities(kind: str) -> None:
    """At a level of .1, noise names any row in one of ten sets: of 12, more than 4 have chance .004."""
    rng = np.random.default_rng(0)
    made = {
        "gauss": lambda: rng.standard_normal((N, D)),
        "even": lambda: rng.uniform(size=(N, D)),
        "heavy": lambda: rng.standard_normal((N, D)) / np.sqrt(rng.chisquare(4, (N, 1)) / 4),
    }
    sets = [np.asarray(made[kind](), np.float32) for _ in range(12)]
    assert sum(bool(len(named(measured(x)))) for x in sets) <= 4
    halves = [measured(x, np.arange(N // 2), seed=1) for x in sets]
    assert sum(bool(len(named(p))) for p in halves) <= 4
    # Conformal p are even whatever the cloud: their mean over 1,800, that hang together a little, is 1/2
    for name in halves[0]:
        assert np.nanmean(np.stack([p[name] for p in halves])) == pytest.approx(0.5, abs=0.03)


def test_false_discoveries_are_as_few_as_was_asked() -> None:
    """100 of 400 asked rows are of a wider cloud: of those named, a tenth at most, on average, are usual."""
    rng, shares, caught = np.random.default_rng(1), [], []
    for _ in range(10):
        x = rng.standard_normal((800, 3)).astype(np.float32)
        x[700:] *= 5
        rows = named(measured(x, np.arange(400), k=10))
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
    found = anomalies(space, trusted=trusted, level=0.3 if trusted else 0.05)
    kinds = {found.ids[i]: found.kinds[i] for i in found.odd}
    assert [kinds[f"{i}"] for i in range(290, 300)] == [ALONE] * 4 + [GROUP] * 6
    assert len(kinds) <= 15  # with some that are so by chance
    assert len({found.groups[i] for i in range(294, 300)}) == 1
    assert f"{len(kinds)} of {150 if trusted else 300} rows are odd" in found.sentence()
    rows = found.table().to_pylist()
    assert [r["id"] for r in rows[:10]] == [found.ids[i] for i in found.odd[:10]]
    assert [r["p"] for r in rows] == sorted(r["p"] for r in rows)
    assert len(rows) == (150 if trusted else 300)
    assert rows[0]["why"].startswith(rows[0]["kind"] + ": ")
    layer = space.layer("anomaly")
    assert layer["id"].to_pylist() == space.ids()
    assert sum(k != "" for k in layer["anomaly"].to_pylist()) == len(kinds)
    assert layer["score"].null_count == (150 if trusted else 0)
    assert found.why(int(trusted is None)).startswith("not odd beyond chance: " if not trusted else "trusted")


def planted(tmp_path: Path, decoder: Decoder | None = None) -> tuple[Space, Images]:
    """390 digits, 5 of noise and 5 in negative."""
    rng = np.random.default_rng(0)
    pixels = (load_digits().images[:400, None] * 15).astype(np.uint8)
    pixels[:5] = rng.integers(0, 256, (5, 1, 8, 8))
    pixels[5:10] = 255 - pixels[5:10]
    source = Images(pixels, [f"odd-{i}" if i < 10 else f"plain-{i}" for i in range(400)])
    encoder = Pixels(channels=1, size=8)
    space = Space.create(tmp_path / "s", encoder, reading=source.reading, decoder=decoder, metric="l2")
    space.upsert(source)
    return space, source


def test_planted_pictures_come_first_and_usual_ones_are_not_named(tmp_path: Path) -> None:
    space, _ = planted(tmp_path)
    found = anomalies(space)
    assert sum(i.startswith("odd") for i in found.table(10)["id"].to_pylist()) == 10
    assert {found.ids[i] for i in found.odd} <= {f"odd-{i}" for i in range(10)}
    assert len(found.odd) >= 5
    space.delete([f"odd-{i}" for i in range(10)])
    kept = space.layer("anomaly")
    none = anomalies(space, write=False)
    assert none.sentence().startswith("None of 390 rows is odd beyond chance. The least likely is plain-")
    assert space.layer("anomaly").equals(kept)


def test_groups_of_the_space_are_used(tmp_path: Path) -> None:
    space, _ = planted(tmp_path)
    alone = anomalies(space).parts["density"]
    clusters(space, 2, starts=2)
    assert not np.array_equal(anomalies(space).parts["density"], alone)


def test_the_decoder_has_a_say(tmp_path: Path) -> None:
    space, source = planted(tmp_path, Flat(64))
    space.upsert_vectors(["stranger"], np.full((1, 64), 0.3, np.float32))
    found = anomalies(space, source=source)
    rows = {r["id"]: r for r in found.table().to_pylist()}
    assert rows["stranger"]["rebuilt"] is None  # its picture is not in the source
    i, j = (space.ids().index(f"plain-{n}") for n in (20, 21))
    errors = [float(source.batch(np.array([n])).numpy().var()) for n in (20, 21)]
    times = found.times["rebuilt"]
    assert times[i] / times[j] == pytest.approx(errors[0] / errors[1], rel=0.02)
    assert {k for k in found.kinds if k} <= {REBUILT, ALONE, GROUP}
    assert all(found.parts["rebuilt"][r] == min(p[r] for p in found.parts.values())
               for r in found.odd if found.kinds[r] == REBUILT)  # fmt: skip


def test_bad_input(space: Space, made: Callable[[np.ndarray], Space], tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="level is 2"):
        anomalies(space, level=2)
    with pytest.raises(OptionError, match="0 neighbours"):
        anomalies(space, neighbours=0)
    with pytest.raises(DataError, match="0 rows are trusted by night = 3"):
        anomalies(space, trusted="night = 3")
    with pytest.raises(DataError, match="2 rows"):
        anomalies(made(np.eye(2, 16)))
    with pytest.raises(SpaceError, match="no decoder"):
        anomalies(*planted(tmp_path)[:1], source=planted(tmp_path / "again")[1])
    few = anomalies(made(np.random.default_rng(0).standard_normal((20, 16))))
    assert not len(few.odd)  # by ranks
    one = np.ones(1)
    hint = Anomalies(["a"], one, one, [""], -one.astype(int), {"density": one}, {"density": one}, 0.1, 10)
    assert "p is at least 0.17: trust more rows" in hint.sentence()
