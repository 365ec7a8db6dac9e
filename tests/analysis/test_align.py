"""The way from one space to another, against planted ways and a real change of encoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA

from ilk.analysis._maps import alike, canonical, linear, rotation
from ilk.analysis._unpaired import unpaired
from ilk.analysis.align import align, carry
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError, UnknownName
from ilk.space import Space

D = 6
Make = Callable[..., Space]


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """A skewed cloud in three lumps, with no symmetry."""
    rng = np.random.default_rng(0)
    lumps = rng.standard_normal((3, D)) * 3
    return np.asarray(lumps[rng.choice(3, 600, p=[0.6, 0.3, 0.1])] + rng.gumbel(size=(600, D)), np.float32)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def of(name: str, x: np.ndarray, ids: list[str], metric: str = "l2", **columns: list[str]) -> Space:
        dim = x.shape[1]
        space = Space.create(tmp_path / name, Pixels(dim, 1), reading={"reader": "images"}, metric=metric)
        space.upsert_vectors(ids, x.astype(np.float32), pa.table(columns) if columns else None)
        return space

    return of


def turned(seed: int = 1, d: int = D) -> np.ndarray:
    q: np.ndarray = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    return q


def named(n: int) -> list[str]:
    return [f"n{i:04d}" for i in range(n)]


def test_a_planted_turn_and_scale_are_found_to_the_last_digits(vectors: np.ndarray) -> None:
    way = rotation(vectors, 3 * vectors @ turned() + 2)
    assert way.matrix == pytest.approx(3 * turned(), abs=1e-5)
    assert way(vectors) == pytest.approx(3 * vectors @ turned() + 2, abs=1e-3)


def test_a_turn_in_the_plane_by_hand() -> None:
    square = np.array([[1, 0], [0, 1], [-1, 0], [0, -1.0]])
    way = rotation(square, 2 * square[[1, 2, 3, 0]])  # a quarter turn
    assert way.matrix == pytest.approx(np.array([[0, 2], [-2, 0]]))


def test_any_matrix_is_found_by_the_linear_way(vectors: np.ndarray) -> None:
    matrix = np.random.default_rng(2).standard_normal((D, 9))
    assert linear(vectors, vectors @ matrix - 1)(vectors) == pytest.approx(vectors @ matrix - 1, abs=1e-3)


def test_canonical_correlations_are_scikit_learns(vectors: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    x, y = vectors, vectors[:, :3] + rng.standard_normal((len(vectors), 3))
    found = canonical(x, y, ridge=0)
    theirs = CCA(3, scale=False, max_iter=2000).fit(x, y)
    a, b = theirs.transform(x, y)
    expected = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(3)]
    assert found.correlations == pytest.approx(expected, abs=1e-4)
    along = found.one(x)
    assert np.cov(along.T, bias=True) == pytest.approx(np.eye(3), abs=1e-4)


def test_likeness_knows_turn_and_scale_and_nothing_else(vectors: np.ndarray) -> None:
    assert alike(vectors, 5 * vectors @ turned()) == pytest.approx(1)
    noise = np.random.default_rng(4).standard_normal((len(vectors), 50))
    assert abs(alike(vectors, noise)) < 0.02
    assert abs(alike(vectors[:40], noise[:40])) < 0.15  # the plain estimate gives .5 here
    assert alike(vectors, np.zeros((len(vectors), 2))) == 0


def test_two_clouds_without_pairs(digits: tuple[np.ndarray, np.ndarray]) -> None:
    """No sample is in both, and the way is not even a turn."""
    x = digits[0]
    matrix = np.random.default_rng(5).standard_normal((10, 12))
    way = unpaired(x[::2], x[1::2] @ matrix, seed=0)
    truth = x @ matrix
    error = ((way(x) - truth) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum()
    assert error < 0.03


def test_too_few_without_pairs() -> None:
    with pytest.raises(DataError, match="30 and 80 samples, and no pairs"):
        unpaired(np.zeros((30, 2)), np.zeros((80, 2)))


def test_a_new_encoder_takes_an_old_space_along(make: Make, digits: tuple[np.ndarray, np.ndarray]) -> None:
    """From ten main axes to another space of the same pictures; a tenth of them is only in the old one."""
    x, y = digits
    x, y = x[:800], y[:800]
    bent = np.tanh(x @ turned(d=10) / 20) * 20  # not linear
    ids = named(800)
    old = make("old.space", x, ids, label=[str(v) for v in y])
    new = make("new.space", bent[:720], ids[:720], label=[str(v) for v in y[:720]])
    found = align(old, new)
    assert {w.name for w in found.ways} == {"rotation", "linear"}
    assert found.samples == 720
    assert found.ways[0].kept >= found.ways[1].kept > 0.5
    assert found.ways[0].found > 0.9
    assert 0 < found.ways[0].error < found.ways[0].usual
    assert carry(old, new, found) == 80
    assert len(new) == 800
    assert new.layer("carried").num_rows == 80
    assert new.metadata()["label"].to_pylist() == [str(v) for v in y]
    truly = np.linalg.norm(new.vectors()[720:] - bent[720:], axis=1)  # the distance of the space is l2
    assert np.median(truly) == pytest.approx(found.ways[0].error, rel=0.25)  # the stated error holds
    again = align(old, new)
    assert again.samples == 720  # what was carried is no witness
    assert carry(old, new, again) == 0
    assert found.sentence().startswith("By 720 samples in both spaces (likeness ")


def test_what_cannot_be_aligned(make: Make, vectors: np.ndarray) -> None:
    ids = named(len(vectors))
    old = make("old.space", vectors, ids)
    new = make("new.space", vectors[:30], ids[:15] + [f"other{i}" for i in range(15)])
    with pytest.raises(DataError, match="have 15 ids in common, of 600 and 30"):
        align(old, new)
    with pytest.raises(UnknownName, match="no way to align called 'turn'"):
        align(old, new, way="turn")
    with pytest.raises(OptionError, match="Without pairs there is but one way"):
        align(old, new, way="linear", pairs=False)
    with pytest.raises(OptionError, match="Align these two spaces first"):
        carry(old, make("wider.space", np.zeros((1, 7)), ["a"]), align(old, old))


def test_nothing_is_carried_by_a_way_that_does_not_hold(make: Make, vectors: np.ndarray) -> None:
    ids, noise = named(300), np.random.default_rng(7).standard_normal((200, D))
    old, new = make("old.space", vectors[:300], ids), make("new.space", noise, ids[:200])
    with pytest.raises(DataError, match="of the samples in both spaces find themselves by"):
        carry(old, new, align(old, new))
    assert len(new) == 200


def test_spaces_of_other_dimensions_and_distances(make: Make, digits: tuple[np.ndarray, np.ndarray]) -> None:
    x = digits[0][:300]
    ids = named(300)
    small = PCA(4, random_state=0).fit_transform(x)
    found = align(make("old.space", x, ids), make("new.space", small, ids, metric="cosine"), way="linear")
    assert found.ways[0].found == 1.0
    assert found.carry(x).shape == (300, 4)
