"""Main axes and whitening of another encoder's vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ilk import saved
from ilk.encoders import Encoder, embed, projected
from ilk.encoders.pixels import Pixels
from ilk.encoders.projected import Projected, project
from ilk.source.images import Images


def source(values: np.ndarray) -> Images:  # (n, E) -> pictures of one row of E channels
    pixels = np.ascontiguousarray(values[:, :, None, None], np.float32)
    return Images(pixels, [str(i) for i in range(len(values))])


def pixels(E: int) -> Pixels:
    return Pixels(E, 1)


@pytest.fixture
def cloud() -> np.ndarray:  # (500, 6), far from the origin, spreads from 3 to 0.1
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return rng.normal(size=(500, 6)) * [3, 2, 1, 0.5, 0.3, 0.1] @ turn + 20


@pytest.fixture(params=[projected.EXACT, 0])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The covariance summed batch by batch, and the randomised axes of a sample."""
    monkeypatch.setattr(projected, "EXACT", request.param)
    return int(request.param)


def test_by_hand() -> None:
    # Along (3, 4)/5 at -2, 0, 2 and across it at 1, -2, 1: variances 8/3 and 2, no covariance.
    points = np.array([[-2.0, 1.0], [0.0, -2.0], [2.0, 1.0]]) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    plain = embed(project(pixels(2), source(points + 7), 2, whiten=0), source(points + 7))
    np.testing.assert_allclose(
        plain, [[-2, -1], [0, 2], [2, -1]], atol=1e-5
    )  # largest entry of an axis: positive
    half = embed(project(pixels(2), source(points + 7), 2, whiten=0.5), source(points + 7))
    np.testing.assert_allclose(half, plain / np.array([8 / 3, 2]) ** 0.25, atol=1e-5)


@pytest.mark.usefixtures("way")
def test_whitened_vectors_have_the_identity_as_covariance(cloud: np.ndarray) -> None:
    z = embed(project(pixels(6), source(cloud), 6, batch=64), source(cloud))
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(z.T, bias=True), np.eye(6), atol=2e-3)


@pytest.mark.usefixtures("way")
def test_the_same_axes_as_a_singular_value_decomposition(cloud: np.ndarray) -> None:
    z = embed(project(pixels(6), source(cloud), 3, whiten=0, batch=100), source(cloud))
    centred = cloud - cloud.mean(0)
    reference = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    np.testing.assert_allclose(np.abs(z), np.abs(reference), atol=2e-3)


@pytest.mark.usefixtures("way")
def test_no_more_axes_than_the_samples_span() -> None:
    rng = np.random.default_rng(1)
    few = source(rng.normal(size=(4, 9)))
    z = embed(project(pixels(9), few, 12), few)
    assert z.shape == (4, 12)
    np.testing.assert_allclose(z[:, :3].var(0), 1, rtol=1e-3)
    assert not z[:, 3:].any()  # 4 samples span 3 axes


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("n", [1, 5])
def test_samples_all_alike_become_zeros(n: int) -> None:
    same = source(np.full((n, 3), 0.3))
    assert not embed(project(pixels(3), same, 3), same).any()


def test_a_floor_leaves_small_axes_small() -> None:
    """Spreads 3 and 1, their mean 2: with a quarter of it added, 3 / 3.5 and 1 / 1.5."""
    cross = source(np.array([[3.0, 1.0], [3.0, -1.0], [-3.0, 1.0], [-3.0, -1.0]]))
    z = embed(project(pixels(2), cross, 2, floor=0.25), cross)
    np.testing.assert_allclose(z.std(0), [3 / 3.5, 1 / 1.5], rtol=1e-5)


def test_signed_root() -> None:
    two = source(np.array([[4.0, -9.0], [0.0, 0.0]]))
    encoder = project(pixels(2), two, 1, whiten=0, root=True)
    np.testing.assert_allclose(encoder.mean.numpy(), [1, -1.5], atol=1e-6)
    assert np.ptp(embed(encoder, two)) == pytest.approx(np.sqrt(4 + 9))


def test_fitted_on_the_chosen_rows_only(cloud: np.ndarray) -> None:
    strange = source(np.concatenate([cloud, cloud + 1000]))
    one = project(pixels(6), strange, 2, rows=np.arange(500))
    torch.testing.assert_close(one.matrix, project(pixels(6), source(cloud), 2).matrix)


@pytest.mark.usefixtures("way")
def test_the_inner_encoder_is_saved_within(cloud: np.ndarray, tmp_path: Path) -> None:
    encoder = project(project(pixels(6), source(cloud), 4), source(cloud), 2, whiten=0.5)
    saved.save(encoder, tmp_path, Encoder)
    again = saved.load(tmp_path, Encoder)
    assert isinstance(again, Projected)
    assert isinstance(again.encoder, Projected)
    assert (again.whiten, again.encoder.encoder.dim) == (0.5, 6)
    assert saved.fingerprint(again) == saved.fingerprint(encoder)
    np.testing.assert_array_equal(embed(again, source(cloud)), embed(encoder, source(cloud)))
    again.encoder.matrix[0, 0] += 1  # a weight of the inner one counts too
    assert saved.fingerprint(again) != saved.fingerprint(encoder)
