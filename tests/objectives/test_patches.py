"""The closed form, step by step against values worked by hand; then the whole on real digits."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ilk.encoders import embed
from ilk.encoders.patches import Patches as Words
from ilk.encoders.projected import Projected
from ilk.errors import OptionError
from ilk.objectives.patches import Patches, neighbours, sample, spherical_kmeans, whitener, word_vectors
from ilk.objectives.pixels import Pixels
from ilk.source.images import Images
from ilk.training.health import knn_accuracy

MNIST = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"


def source(pixels: np.ndarray) -> Images:
    return Images(pixels, [str(i) for i in range(len(pixels))])


def blobs(n: int, channels: int, size: int) -> np.ndarray:  # (n, C, S, S) uint8: smooth and random
    rng = np.random.default_rng(0)
    waves = rng.normal(size=(n, channels, 4, 2, size)).cumsum(-1)
    pictures = np.einsum("ncky,nckx->ncyx", waves[:, :, :, 0], waves[:, :, :, 1])
    pictures -= pictures.min((1, 2, 3), keepdims=True)
    return (pictures / pictures.max((1, 2, 3), keepdims=True) * 255).astype(np.uint8)


def test_word_vectors_of_four_words_by_hand() -> None:
    # Words 0, 1 and words 2, 3 meet; never across. Each stands `often` = 1e6 times, so the small ridge (0.01
    # of the mean) divides all by 1.01: the two leading axes are "any word" and "which pair", lambda = 1/1.01.
    together = torch.tensor([[0, 5, 0, 0], [5, 0, 0, 0], [0, 0, 0, 5], [0, 0, 5, 0]], dtype=torch.float64)
    often = torch.full((4,), 1e6, dtype=torch.float64)
    vectors = word_vectors(together, often, 2)
    # Within a pair the vectors are the same, across at right angles: the pairs are what is left of the words.
    expected = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], dtype=torch.float32)
    torch.testing.assert_close(vectors @ vectors.T, expected, atol=1e-5, rtol=0)


def test_word_vectors_solve_the_generalised_eigenproblem() -> None:
    scipy = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    half = rng.integers(0, 50, (12, 12)).astype(float)
    together, often = half + half.T, rng.integers(10, 1000, 12).astype(float)
    ridge = often + 0.01 * often.mean() + 1
    values, axes = scipy.eigh(together * often.sum() / together.sum(), np.diag(ridge))
    reference = (axes * np.sqrt(values.clip(0)))[:, ::-1][:, :4]
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    vectors = word_vectors(torch.from_numpy(together), torch.from_numpy(often), 4).numpy()
    np.testing.assert_allclose(np.abs(vectors), np.abs(reference), atol=1e-5)


def test_neighbours_are_counted_as_a_loop_would() -> None:
    torch.manual_seed(0)
    encoder = Words(1, 9, words=5, depth=2, grid=1, patch=4)  # 6 x 6 places, reach 2
    pictures = source(blobs(3, 1, 9))
    codes = encoder.codes(pictures.batch(np.arange(3))).numpy()
    together, often = np.zeros((6, 6)), np.bincount(codes.ravel(), minlength=6)
    for b, y, x in np.ndindex(codes.shape):
        for other in np.ndindex(6, 6):
            if other != (y, x) and max(abs(other[0] - y), abs(other[1] - x)) <= 2:
                together[codes[b, y, x], codes[b][other]] += 1
    counted = neighbours(encoder, pictures, np.arange(3))
    np.testing.assert_array_equal(counted[0], together[:5, :5])
    np.testing.assert_array_equal(counted[1], often[:5])


def test_whitened_patches_have_one_spread() -> None:
    encoder = Words(2, 16, patch=3)
    patches = sample(encoder, source(blobs(200, 2, 16)), np.arange(200), np.random.default_rng(0))
    torch.testing.assert_close(patches.mean(1), torch.zeros(len(patches)), atol=1e-5, rtol=0)
    assert 0.5 < patches.norm(dim=1).median() < 1  # contrast evened, the faint a little less
    values = torch.linalg.eigvalsh(patches.T @ patches / len(patches))
    white = torch.linalg.eigvalsh((z := patches @ whitener(patches)).T @ z / len(z))
    expected = values / (values + 0.05 * values.mean())  # 1 but for axes near none
    torch.testing.assert_close(white, expected, atol=1e-3, rtol=1e-3)


def test_kmeans_finds_directions() -> None:
    rng = np.random.default_rng(0)
    directions = F.normalize(torch.from_numpy(rng.normal(size=(3, 8))).float(), dim=1)
    points = directions.repeat(100, 1) + 0.05 * torch.from_numpy(rng.normal(size=(300, 8))).float()
    words = spherical_kmeans(F.normalize(points, dim=1), 12, rng)
    torch.testing.assert_close(words.norm(dim=1), torch.ones(12))
    assert ((words @ directions.T).amax(0) > 0.99).all()


def test_learns_digits_better_than_pixels() -> None:
    if not MNIST.exists():
        pytest.skip("no mnist.npz")
    with np.load(MNIST, allow_pickle=False) as data:
        bank, asked = source(data["train_images"][:2000, None]), source(data["test_images"][:1000, None])
        known, labels = data["train_labels"][:2000], data["test_labels"][:1000]
    score = {}
    for way in (Pixels(), Patches(words=256)):
        encoder = way.solve(bank)
        score[type(way)] = knn_accuracy(embed(encoder, bank), known, embed(encoder, asked), labels)
    assert score[Patches] > 0.95  # 0.961 and 0.892 when written
    assert score[Patches] > score[Pixels] + 0.05


@pytest.mark.parametrize(
    ("channels", "size", "dtype"), [(3, 32, np.uint8), (5, 8, np.uint16), (1, 224, np.float32)]
)
def test_channels_sizes_and_kinds_of_number(channels: int, size: int, dtype: type) -> None:
    pictures = source(blobs(50, channels, size).astype(dtype) * (1 if dtype == np.uint8 else dtype(100)))
    vectors = embed(Patches(words=32, depth=8, grid=2, dim=16).solve(pictures), pictures)
    assert vectors.shape == (50, 16)
    assert np.isfinite(vectors).all()
    assert (vectors.std(0) > 0).all()


def test_faint_pictures_are_learned_as_well_as_bright_ones() -> None:
    bright = blobs(60, 1, 16).astype(np.float32)
    one, other = (source(bright), source(bright * np.float32(1e-7)))
    way = Patches(words=16, depth=4, grid=2, dim=None)
    np.testing.assert_allclose(embed(way.solve(one), one), embed(way.solve(other), other), atol=1e-3)


def test_pictures_with_nothing_on_them() -> None:
    empty = source(np.full((20, 1, 16, 16), 77, np.uint8))
    assert not embed(Patches().solve(empty), empty).any()
    half = source(np.concatenate([empty.pixels, blobs(20, 1, 16)]))
    vectors = embed(Patches(dim=8).solve(half), half)
    assert np.isfinite(vectors).all()
    assert (vectors[:20] == vectors[0]).all()


def test_the_seed_decides() -> None:
    pictures = source(blobs(40, 1, 16))
    a, b, c = (
        embed(Patches(words=16, depth=4, dim=4).solve(pictures, seed=seed), pictures) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_as_pooled_or_projected() -> None:
    pictures = source(blobs(30, 1, 16))
    assert isinstance(Patches(words=16, depth=4, dim=None).solve(pictures), Words)
    encoder = Patches(words=16, depth=4, dim=7, whiten=1).solve(pictures)
    assert isinstance(encoder, Projected)
    assert (encoder.dim, encoder.whiten) == (7, 1)


def test_more_axes_than_words() -> None:
    with pytest.raises(OptionError, match="depth is 32 with 16 words"):
        Patches(words=16)
