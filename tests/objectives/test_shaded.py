"""Contrast on main axes under shades: what shades change is unlearnt, what pictures are stays."""

import numpy as np
import torch

from ilk.encoders import embed
from ilk.encoders.bent import Bent
from ilk.objectives.pca import PCA
from ilk.objectives.shaded import SMOOTH, Shaded, _again, _smooth
from ilk.source.blackholes import blackholes
from ilk.source.images import Images, images


def rings(n: int = 240) -> tuple[Images, np.ndarray]:
    """Rings of different radius under random shades, which are the larger part of the differences."""
    torch.manual_seed(0)
    radius = np.linspace(5, 9, n)
    y, x = np.mgrid[:32, :32] - 15.5
    sharp = np.exp(-0.5 * ((np.hypot(x, y) - radius[:, None, None]) / 2) ** 2)[:, None]
    shades = torch.exp(0.5 * _smooth(torch.zeros(n, 1, 32, 32))).numpy()
    return Images((sharp * shades).astype(np.float32), [str(i) for i in range(n)]), radius


def told(vectors: np.ndarray, values: np.ndarray) -> float:
    """Share of the variance that the ten nearest others tell."""
    d = ((vectors[:, None] - vectors) ** 2).sum(2)
    near = d.argsort(1)[:, 1:11]
    return float(1 - ((values - values[near].mean(1)) ** 2).mean() / values.var())


def test_it_tells_what_is_under_the_shades_better_than_main_axes() -> None:
    source, radius = rings()
    ours = told(embed(Shaded(dim=3, shade=0.8, steps=200).solve(source), source), radius)
    axes = told(embed(PCA(dim=3, whiten=1).solve(source), source), radius)
    assert ours > 0.93
    assert 1 - ours < 0.6 * (1 - axes)


def test_shades_have_mean_0_spread_1_and_the_width_promised() -> None:
    torch.manual_seed(0)
    field = _smooth(torch.zeros(200, 1, 64, 64))
    assert field.shape == (200, 1, 64, 64)
    torch.testing.assert_close(field.mean((2, 3)), torch.zeros(200, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(field.std((2, 3)), torch.ones(200, 1))
    # Noise blurred by a Gaussian of width s is alike over d as exp(-d^2 / 4 s^2), less the mean taken out
    s = SMOOTH * 64
    alike = float((field[..., :-6] * field[..., 6:]).mean())
    assert abs(alike - np.exp(-36 / (4 * s**2))) < 0.06


def test_what_was_normalised_is_normalised_again_and_as_bright_as_before() -> None:
    raw = blackholes(6, "continuum").pixels
    clean, plain = images(raw, normalise={}, cache=False), Images(raw, list("abcdef"))
    x = clean.batch(np.arange(6))
    torch.testing.assert_close(_again(plain, x, 2 * x), 2 * x)  # nothing had been taken out
    moved = torch.roll(2 * x, (3, -4), (2, 3))
    back = _again(clean, x, moved)
    torch.testing.assert_close(back.sum((1, 2, 3)), x.sum((1, 2, 3)), rtol=1e-4, atol=1e-3)
    assert (back - x).abs().mean() < 0.4 * (moved / 2 - x).abs().mean()


def test_the_generator_is_left_alone() -> None:
    source, _ = rings(40)
    state = torch.random.get_rng_state()
    encoder = Shaded(dim=2, axes=5, steps=3).solve(source)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert isinstance(encoder, Bent)
    assert encoder.encoder.dim == 5
