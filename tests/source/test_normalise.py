"""A known change must come out as a column and be gone from the picture."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from ilk.errors import OptionError
from ilk.source.blackholes import blackholes
from ilk.source.normalise import moments, normalise

OFF = dict.fromkeys(("threshold", "flux", "shift", "rotation", "scale"), False)
# x, y, width, light: nothing about it is symmetric
BLOBS = ((0.0, 0.0, 4.0, 1.0), (7.0, 1.0, 3.0, 0.5), (-2.0, 5.0, 2.5, 0.4))


def lopsided(
    x: float = 0, y: float = 0, turn: float = 0, zoom: float = 1, light: float = 1, size: int = 64
) -> np.ndarray:
    """Three Gaussians as one thing, moved, turned (degrees, x towards y) and zoomed; (1, 1, size, size)."""
    at = np.arange(size) - (size - 1) / 2
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    image = np.zeros((size, size))
    for bx, by, width, weight in BLOBS:
        dx, dy = at - x - zoom * (c * bx - s * by), at - y - zoom * (s * bx + c * by)
        w = zoom * width
        image += weight / w**2 * np.exp(-(dx[None] ** 2 + dy[:, None] ** 2) / (2 * w**2))
    return (light * image).astype(np.float32)[None, None]


def column(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy()


def test_moments_worked_by_hand() -> None:
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 2, 1], x[0, 0, 2, 5] = 1, 3  # one light at x = 1, three at x = 5: centroid 4, middle 3.5
    m = moments(x)
    assert (m.shift_x.item(), m.shift_y.item(), m.flux.item()) == pytest.approx((0.5, -1.5, 4))
    assert m.scale.item() == pytest.approx(3**0.5)  # (1 x 3^2 + 3 x 1^2) / 4
    assert m.elongation.item() == pytest.approx(1)
    assert abs(m.angle.item()) == pytest.approx(np.pi)  # -3^3 + 3 x 1^3 < 0: it reaches to the left
    m = moments(x.mT)
    assert m.angle.item() == pytest.approx(-np.pi / 2)


def test_all_off_changes_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 9, 14)).astype(np.float32)
    y, _ = normalise(x, **OFF)
    np.testing.assert_allclose(y, x, atol=2e-5)  # places are counted in float32


@settings(max_examples=25, deadline=None)
@given(st.floats(-8, 8), st.floats(-8, 8), st.floats(-180, 180), st.floats(0.75, 1.25), st.floats(1e-9, 1e9))
def test_a_known_change_is_told_and_undone(
    x: float, y: float, turn: float, zoom: float, light: float
) -> None:
    both = np.concatenate([lopsided(), lopsided(x, y, turn, zoom, light)])
    for threshold, close, near in ((False, 0.01, 0.03), (True, 0.05, 0.15)):  # the rim is cut by whole pixels
        done, table = normalise(both, threshold=threshold)
        told = {name: column(table, name) for name in table.column_names}
        away = [np.radians(told["angle"][i]) for i in (0, 1)]
        assert abs(np.angle(np.exp(1j * (away[1] - away[0] - np.radians(turn))))) < 6 * close
        # The centroid is not the origin of the three: it turns and grows about that
        z = told["shift_x"] + 1j * told["shift_y"]
        assert abs(z[1] - (x + 1j * y + z[0] * zoom * np.exp(1j * np.radians(turn)))) < 10 * close
        assert told["scale"][1] / told["scale"][0] == pytest.approx(zoom, rel=close)
        assert told["flux"][1] / told["flux"][0] == pytest.approx(light, rel=close)
        assert told["elongation"][1] == pytest.approx(told["elongation"][0], abs=close)
        assert abs(done[1] - done[0]).max() < near * done[0].max()


def test_quarter_turns_come_out_the_same() -> None:
    x = lopsided(3, -5, 20)
    turned = np.concatenate([np.rot90(x, k, axes=(2, 3)) for k in range(4)])
    done, table = normalise(turned)
    np.testing.assert_allclose(done, done[:1].repeat(4, 0), atol=1e-3 * done.max())
    steps = np.diff(column(table, "angle")) % 360
    assert steps == pytest.approx([270, 270, 270], abs=0.1)  # rot90 goes from y towards x


def test_shift_alone_moves_by_whole_pixels_exactly() -> None:
    x = np.zeros((1, 1, 15, 15), np.float32)
    x[0, 0, 3, 4] = 2
    y, _ = normalise(x, **OFF | {"shift": True})
    expected = np.zeros_like(x)
    expected[0, 0, 7, 7] = 2
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_rotation_alone_keeps_the_place() -> None:
    x = lopsided(6, -4, turn=100)
    _, before = normalise(x, threshold=False)
    y, _ = normalise(x, **OFF | {"rotation": True})
    _, after = normalise(y, threshold=False)
    for name in ("shift_x", "shift_y", "scale"):
        assert column(after, name)[0] == pytest.approx(column(before, name)[0], abs=0.05)
    assert abs(column(before, "angle")[0]) > 45
    assert column(after, "angle")[0] == pytest.approx(0, abs=1)


def test_scale_alone_keeps_the_brightness_of_the_surface() -> None:
    y, table = normalise(lopsided(zoom=0.7), **OFF | {"scale": True}, radius=0.25)
    _, after = normalise(y, threshold=False)
    assert column(after, "scale")[0] == pytest.approx(0.25 * 64, rel=0.02)
    assert y.max() == pytest.approx(lopsided(zoom=0.7).max(), rel=0.05)
    assert column(table, "scale")[0] < 10


def test_flux_alone_gives_each_the_same_sum_in_proportion() -> None:
    x = np.random.default_rng(1).uniform(size=(2, 3, 8, 8)).astype(np.float32) * np.array([[[[1]]], [[[9]]]])
    y, _ = normalise(x, **OFF | {"flux": True})
    assert y.sum((1, 2, 3)) == pytest.approx([2 * np.pi * (0.2 * 8) ** 2] * 2, rel=1e-5)
    np.testing.assert_allclose(y[0] / x[0], np.full((3, 8, 8), (y[0] / x[0])[0, 0, 0]), rtol=1e-5)


def test_threshold_removes_noise_and_sky_and_leaves_the_object() -> None:
    rng = np.random.default_rng(2)
    clean = lopsided(5, 3)
    noisy = clean + 7 + rng.normal(scale=clean.max() / 30, size=clean.shape).astype(np.float32)
    y, table = normalise(noisy, **OFF | {"threshold": True})
    outside = np.hypot(*np.mgrid[-31.5:32, -31.5:32]) > 25
    assert (y[0, 0][outside] == 0).mean() > 0.99
    assert np.corrcoef(y.ravel(), clean.ravel())[0, 1] > 0.98
    _, truth = normalise(clean)
    for name in ("shift_x", "shift_y", "scale"):
        assert column(table, name)[0] == pytest.approx(column(truth, name)[0], abs=0.5)


def test_twice_is_once() -> None:
    once, _ = normalise(lopsided(4, -3, 70, 0.8, 5), threshold=False)
    twice, table = normalise(once, threshold=False)
    for name, expected, near in (
        ("shift_x", 0, 0.05),
        ("shift_y", 0, 0.05),
        ("angle", 0, 3),
    ):  # 3: a little light left at the sides
        assert column(table, name)[0] == pytest.approx(expected, abs=near)
    assert column(table, "scale")[0] == pytest.approx(0.2 * 64, rel=0.01)
    assert abs(twice - once).max() < 0.05 * once.max()


def test_channels_keep_their_colour_and_move_together() -> None:
    grey = lopsided(5, 5, 40)
    x = np.concatenate([grey, 2 * grey, 0.5 * grey], axis=1)
    done, table = normalise(x)
    one, alone = normalise(grey)
    np.testing.assert_allclose(done[:, 1], 2 * done[:, 0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(done.sum(1, keepdims=True), one, atol=1e-3 * one.max())
    assert column(table, "flux")[0] == pytest.approx(3.5 * column(alone, "flux")[0], rel=1e-4)


@pytest.mark.parametrize("threshold", [True, False])
@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 9, 30)])
def test_nothing_worth_measuring_gives_no_nan(threshold: bool, shape: tuple[int, ...]) -> None:
    one = np.zeros(shape, np.float32)
    one[0, 2, 3] = 1
    corner = np.zeros(shape, np.float32)
    corner[:, 0, 0] = 1e30
    noise = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    cases = [np.zeros(shape), np.full(shape, 4), np.full(shape, -4), one, -one, corner, noise, 1e-30 * noise]
    done, table = normalise(np.stack(cases).astype(np.float32), threshold=threshold)
    assert np.isfinite(done).all()
    assert all(np.isfinite(column(table, name)).all() for name in table.column_names)
    assert (done[0] == 0).all()
    assert [column(table, name)[0] for name in table.column_names] == [0, 0, 0, 0, 0, 0]


def test_a_picture_does_not_depend_on_its_neighbours_nor_on_how_it_is_stored(tmp_path: Path) -> None:
    x = np.concatenate([lopsided(i % 7, turn=11 * i, size=48) for i in range(300)])  # more than one chunk
    done, table = normalise(x)
    for i in (0, 150, 299):
        one, alone = normalise(x[i : i + 1])
        np.testing.assert_allclose(one[0], done[i], atol=1e-4 * done.max())
        assert column(alone, "angle")[0] == pytest.approx(column(table, "angle")[i], abs=1e-2)
    np.save(tmp_path / "x.npy", (x / x.max() * 65535).astype(np.uint16))
    stored, _ = normalise(np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert abs(stored - done).max() < 0.01 * done.max()


def test_no_pictures_give_no_rows_and_other_shapes_are_refused() -> None:
    done, table = normalise(np.empty((0, 1, 8, 8), np.float32))
    assert done.shape == (0, 1, 8, 8)
    assert table.num_rows == 0
    with pytest.raises(OptionError, match=r"\(8, 8\)"):
        normalise(np.zeros((8, 8)))
    with pytest.raises(OptionError, match="radius"):
        normalise(np.zeros((1, 1, 8, 8)), radius=0.7)


def left(pixels: np.ndarray, values: np.ndarray, how: LinearRegression | KNeighborsRegressor) -> float:
    """Cross-validated R2 of the values from ten principal components of the pictures."""
    z = PCA(10, svd_solver="randomized", random_state=0).fit_transform(pixels.reshape(len(pixels), -1))
    guess = cross_val_predict(how, z, values, cv=KFold(5, shuffle=True, random_state=0))
    return float(1 - ((guess - values) ** 2).sum() / ((values - values.mean(0)) ** 2).sum())


def test_what_was_removed_can_no_longer_be_read_from_black_holes() -> None:
    source = blackholes(400, "continuum", seed=5)
    truth = {name: column(source.columns, name) for name in source.columns.column_names}
    angle = np.radians(truth["position_angle"])
    gone = {
        "position angle": np.stack([np.cos(angle), np.sin(angle)], 1),
        "shift": np.stack([truth["shift_x"], truth["shift_y"]], 1),
        "flux": np.log(truth["flux"]),
        "mass": np.log(truth["mass"]),
    }
    done, table = normalise(source.pixels)
    knn = KNeighborsRegressor(15, weights="distance")
    for pixels in (done, np.sqrt(done)):
        for name, values in gone.items():
            for how in (LinearRegression(), knn):
                assert left(pixels, values, how) <= 0.05, name
        assert left(pixels, truth["cos_i"], knn) > 0.65  # what a hole is stays
    assert left(source.pixels, gone["flux"], LinearRegression()) > 0.5  # the measure can tell
    # What was removed is in the table
    assert np.corrcoef(column(table, "flux"), truth["flux"])[0, 1] > 0.95
    pixel = 160 / 64
    assert np.corrcoef(column(table, "shift_x") * pixel, truth["shift_x"])[0, 1] > 0.6
