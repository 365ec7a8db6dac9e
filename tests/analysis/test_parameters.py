"""Which amounts a space knows, on spaces whose answer is known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cross_decomposition import PLSRegression

from ilk.analysis._neighbours import nearest
from ilk.analysis.axes import _together, axes, clear, sparse, turned
from ilk.analysis.intrinsic import intrinsic
from ilk.analysis.parameters import Parameters, chance, parameters, told
from ilk.encoders._axes import varimax
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError
from ilk.space import Space

N = 500


def planted(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Dimension 2 follows `size`; `bent` is the angle in the plane of 0 and 1; 3 holds a + b alone."""
    rng = np.random.default_rng(seed)
    x = 0.3 * rng.standard_normal((N, 6))
    size, angle, a, b, nothing = (rng.uniform(-1, 1, N) for _ in range(5))
    x[:, 0], x[:, 1] = np.cos(3 * angle), np.sin(3 * angle)
    x[:, 2] = 2 * size + 0.1 * rng.standard_normal(N)
    x[:, 3] = a + b
    return x.astype(np.float32), {"size": size, "bent": angle, "a": a, "b": b, "nothing": nothing}


@pytest.fixture(scope="module")
def found() -> Parameters:
    x, columns = planted()
    return told(x, pa.table(columns))


def test_what_is_there_is_told_and_what_is_not_is_not(found: Parameters) -> None:
    by_name = {a.name: a for a in found.amounts}
    assert {a.name for a in found.amounts if a.known} == {"size", "bent", "a", "b"}
    assert by_name["size"].r2["linear"].value > 0.98
    assert by_name["bent"].r2[by_name["bent"].best].value > 0.9 > by_name["bent"].r2["linear"].value
    assert by_name["nothing"].r2[by_name["nothing"].best].value < 0.1
    assert 0.3 < by_name["a"].r2["linear"].value < 0.6  # half of its variance
    clouds = [name for name in found.pictures() if name.startswith("scatter")]
    assert sorted(clouds) == ["scatter-a", "scatter-b", "scatter-bent", "scatter-size"]
    true, guessed = by_name["size"].told
    missed = ((true - guessed) ** 2).sum() / ((true - true.mean()) ** 2).sum()
    assert 1 - missed == pytest.approx(by_name["size"].r2[by_name["size"].best].value, abs=0.01)


def test_each_amount_has_its_dimension(found: Parameters) -> None:
    rows = {r["parameter"]: r for r in found.table().to_pylist()}
    assert rows["size"]["dimension"] == 2
    assert rows["bent"]["dimension"] in (0, 1)
    assert rows["a"]["dimension"] == rows["b"]["dimension"] == 3
    assert rows["nothing"]["dimension"] is None
    matrix = found.matrix().to_pydict()
    assert max(range(6), key=matrix["size"].__getitem__) == 2


def test_a_direction_points_where_the_amount_grows(found: Parameters) -> None:
    size = next(a for a in found.amounts if a.name == "size")
    assert size.direction[2] > 0.98
    assert size.wobble < 10
    nothing = next(a for a in found.amounts if a.name == "nothing")
    assert nothing.wobble > 30


def test_amounts_that_only_their_sum_shows_are_mistaken_for_one_another(found: Parameters) -> None:
    first = found.confused[0]
    assert {first.one, first.other} == {"a", "b"}
    assert first.correlation < -0.9
    assert all({c.one, c.other} == {"a", "b"} or abs(c.correlation) < 0.3 for c in found.confused)
    assert "a and b are mistaken against one another" in found.sentence() or "b and a are" in found.sentence()


def test_noise_is_seldom_taken_for_knowledge() -> None:
    """Of sixty amounts that have nothing to do with the vectors, about three should have p below .05."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 4)).astype(np.float32)
    near = nearest(x, 10)[0]
    assert sum(chance(x, rng.standard_normal(200), near, rng) < 0.05 for _ in range(60)) <= 8  # 1 in 100
    assert chance(x, x[:, 1] + rng.standard_normal(200), near, rng) < 0.01


@pytest.mark.parametrize("d", [1, 2, 5])
def test_dimensions_of_a_curled_cloud(d: int) -> None:
    rng = np.random.default_rng(d)
    flat = rng.uniform(size=(2000, d))
    curled = np.concatenate([np.sin(4 * flat), np.cos(4 * flat), flat @ rng.standard_normal((d, 3))], 1)
    found = intrinsic(curled)
    assert found.low - 0.3 <= d <= found.high + 0.3
    assert found.high - found.low < 0.2 * d + 0.05


def test_copies_and_few_rows() -> None:
    x = np.random.default_rng(0).standard_normal((300, 3))
    assert intrinsic(np.repeat(x, 3, 0)) == intrinsic(x)
    with pytest.raises(DataError, match="10 different vectors"):
        intrinsic(np.repeat(x[:10], 5, 0))


def test_independent_axes_are_found_again() -> None:
    rng = np.random.default_rng(2)
    sources = rng.uniform(-1, 1, (2000, 3))
    mixed = sources @ rng.standard_normal((3, 5))
    z = turned(mixed, "ica", 3)(mixed)
    assert clear(z, sources).mean() > 0.95
    assert clear(turned(mixed, "pca", 3)(mixed), sources).mean() < 0.8
    assert np.asarray(z).std(0) == pytest.approx(np.ones(3), abs=1e-4)
    assert clear(turned(mixed, "pls", 3, sources)(mixed), sources).mean() > clear(mixed, sources).mean()


def test_varimax_by_hand() -> None:
    """Two clean axes, turned by thirty degrees, are turned back."""
    clean = np.array([[1, 0], [2, 0], [0, 1], [0, 3.0]])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    mixed = clean @ np.array([[c, -s], [s, c]])
    back = np.abs(mixed @ varimax(mixed))
    assert np.sort(back, axis=1)[:, 0] == pytest.approx(np.zeros(4), abs=1e-4)
    with pytest.raises(OptionError, match="9 axes of 4 rows with 2 dimensions"):
        turned(clean, "pca", 9)


def test_partial_least_squares_of_one_amount_is_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(80, 6)), rng.normal(size=(80, 1))
    x, y = x - x.mean(0), y - y.mean(0)
    ours = _together(x, y, 3, 0.0)
    theirs = PLSRegression(3, scale=False).fit(x, y).x_rotations_
    unit = [m / np.linalg.norm(m, axis=0) for m in (ours, theirs)]
    np.testing.assert_allclose(np.abs((unit[0] * unit[1]).sum(0)), 1, atol=1e-6)


def test_sparse_directions_are_the_planted_ones() -> None:
    """4 of 40 dimensions follow the amount; of noise, most weights are shrunk away as well."""
    rng = np.random.default_rng(4)
    y = rng.normal(size=(200, 1))
    x = rng.normal(size=(200, 40))
    x[:, :4] += 1.5 * y
    x -= x.mean(0)
    weights = np.abs(sparse(x, y, 1)[:, 0])
    assert set(np.flatnonzero(weights)) >= set(range(4))
    assert (weights > 0).sum() <= 12
    assert (np.abs(turned(x, "pls", 1, y).matrix[:, 0]) > 0).all()
    with pytest.raises(OptionError, match="spls without amounts"):
        turned(x, "spls", 1)


def test_factors_look_past_what_is_noise_in_one_dimension_only() -> None:
    """The widest dimensions share nothing with the others: main axes follow them, factors do not."""
    rng = np.random.default_rng(5)
    sources = rng.normal(size=(1000, 2))
    x = np.concatenate([sources[:, :1] * [1, 1, 1, 0, 0, 0], sources[:, 1:] * [0, 0, 0, 1, 1, 1]], 1)
    x = x[:, :6] + x[:, 6:] + rng.normal(size=(1000, 6)) * [0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    x = np.c_[x, 9 * rng.normal(size=(1000, 2))]
    assert clear(turned(x, "factor", 2)(x), sources).min() > 0.85
    assert clear(turned(x, "pca", 2)(x), sources).max() < 0.1


def test_amounts_of_noise_have_no_axis_of_their_own(tmp_path: Path) -> None:
    """Of forty about two may stand out by more than chance gives one in twenty; a planted one does."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((200, 4)) * [4, 3, 2, 1]).astype("f4")
    known = {f"n{j}": rng.standard_normal(200) for j in range(40)} | {
        "planted": x[:, 2] + rng.standard_normal(200)
    }
    space = Space.create(tmp_path / "n.space", Pixels(4, 1), reading={"reader": "images"}, metric="l2")
    space.upsert_vectors([str(i) for i in range(200)], x, pa.table(known))
    found = axes(space, list(known), "pca", 4).amounts
    beyond = [a.name for a in found if a.clear.value > a.clear.guess]
    assert "planted" in beyond
    assert len(beyond) <= 1 + 6  # more than six of forty: 1 in 100


def test_of_a_space(tmp_path: Path) -> None:
    x, columns = planted()
    space = Space.create(tmp_path / "s.space", Pixels(6, 1), reading={"reader": "images"}, metric="l2")
    kinds = ["odd", "even"] * (N // 2)
    space.upsert_vectors(
        [f"{i:03d}" for i in range(N)], x, pa.table({"size": columns["size"], "kind": kinds})
    )
    assert [a.name for a in parameters(space).amounts] == ["size"]
    with pytest.raises(DataError, match="kind is a column of names"):
        parameters(space, ["kind"])
    bare = Space.create(tmp_path / "b.space", Pixels(6, 1), reading={"reader": "images"})
    with pytest.raises(DataError, match="has no column of numbers"):
        parameters(bare)
