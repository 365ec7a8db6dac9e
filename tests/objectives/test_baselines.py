"""What every result is printed beside."""

import numpy as np
import pytest
import sklearn.decomposition
import torch
from sklearn.datasets import load_digits

from ilk import objectives
from ilk.encoders import embed
from ilk.errors import DataError
from ilk.objectives import ClosedForm
from ilk.objectives.pca import PCA
from ilk.objectives.pixels import Pixels
from ilk.objectives.random import Random
from ilk.source.images import Images


@pytest.fixture
def digits() -> Images:
    pixels = (load_digits().images[:400, None] * 15).astype(np.uint8)
    return Images(pixels, [str(i) for i in range(len(pixels))])


@pytest.mark.parametrize("name", ["factors", "ica", "patches", "pca", "pixels", "random", "varimax"])
def test_found_by_the_name_of_the_file(name: str) -> None:
    assert issubclass(objectives.find(name), ClosedForm)


def test_pixels(digits: Images) -> None:
    np.testing.assert_array_equal(
        embed(Pixels().solve(digits), digits),
        digits.pixels.reshape(400, 64).astype(np.float32) / np.float32(255),
    )


@pytest.mark.parametrize("whiten", [0.0, 1.0])
def test_pca_is_scikit_learns(digits: Images, whiten: float) -> None:
    z = embed(PCA(whiten=whiten).solve(digits), digits)
    assert z.shape == (400, 10)
    reference = sklearn.decomposition.PCA(10, whiten=bool(whiten), svd_solver="full")
    expected = reference.fit_transform(digits.pixels.reshape(400, 64) / 255)
    np.testing.assert_allclose(np.abs(z), np.abs(expected), rtol=5e-3, atol=1e-3)


def test_pca_of_a_power(digits: Images) -> None:
    root = Images(np.sqrt(digits.pixels / np.float32(255)), digits.ids)
    np.testing.assert_allclose(
        embed(PCA(power=0.5).solve(digits), digits), embed(PCA().solve(root), root), atol=1e-4
    )


def test_random_is_a_convnet_set_to_the_data_and_leaves_the_generator_alone(digits: Images) -> None:
    state = torch.random.get_rng_state()
    a, b, c = (embed(Random(dim=32).solve(digits, seed=seed), digits) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, c)
    assert a.shape == (400, 32)
    assert (a.std(0) > 0).all()
    bright = Images(np.float32(1000) * digits.pixels, digits.ids)  # its first layer takes any scale of data
    np.testing.assert_allclose(embed(Random(dim=32).solve(bright, seed=1), bright), a, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["factors", "ica", "varimax"])
def test_parts_that_shine_by_themselves_are_found(name: str) -> None:
    """Two spots, each as bright as it likes, in pixels of unlike noise: an axis for each."""
    rng = np.random.default_rng(0)
    light = rng.uniform(0, 1, (300, 2))
    x = 2 * rng.normal(size=(300, 1, 8, 8)) * (0.02 + 0.1 * (np.arange(8) == 7))[:, None]
    x[:, 0, 1:3, 1:3] += light[:, 0, None, None]
    x[:, 0, 4:6, 4:6] += light[:, 1, None, None]
    source = Images(x.astype(np.float32), [str(i) for i in range(300)])
    encoder = objectives.find(name)(dim=2).solve(source)
    z = embed(encoder, source)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-2)
    follows = np.abs(np.corrcoef(z.T, light.T)[:2, 2:])
    assert sorted(follows.argmax(0)) == [0, 1]
    assert follows.max(0).min() > 0.95
    with pytest.raises(DataError, match="400 axes of 300 pictures with 64 pixels"):
        objectives.find(name)(dim=400).solve(source)
