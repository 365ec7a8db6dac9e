"""Dimensionless products, on laws whose groups are known."""

import numpy as np
import pytest

from ilk.analysis.dimensionless import Products, followed, matrix, without_unit
from ilk.errors import DataError, OptionError


def test_units_by_hand() -> None:
    """Velocity, length, density, viscosity: their one product without unit is Reynolds's number."""
    powers, independent = without_unit(matrix(["m / s", "m", "kg / m3", "Pa s"]), 2)
    assert independent == 1
    assert powers.tolist() == [[1, 1, 1, -1]]


def test_products_come_once() -> None:
    powers, independent = without_unit(matrix(["", ""]), 2)
    assert independent == 2
    assert sorted(powers.tolist()) == [[0, 1], [1, -2], [1, -1], [1, 0], [1, 1], [1, 2], [2, -1], [2, 1]]


@pytest.fixture(scope="module")
def pendulum() -> Products:
    """Seen of a pendulum: its phase t sqrt(g / l) and its angle. Its mass is noted for nothing."""
    rng = np.random.default_rng(0)
    n = 1200
    length, gravity, time, mass = (np.exp(rng.uniform(-0.7, 0.7, n)) for _ in range(4))
    angle = np.exp(rng.uniform(-0.7, 0.7, n))
    phase = time * np.sqrt(gravity / length)
    seen = np.c_[np.sin(phase), np.cos(phase), phase, 2 * angle] + 0.02 * rng.standard_normal((n, 4))
    values = np.stack([length, gravity, time, mass, angle], 1)
    names = ["length", "gravity", "time", "mass", "angle"]
    return followed(seen, names, values, ["m", "m / s2", "s", "kg", "rad"])


def test_the_groups_of_a_pendulum(pendulum: Products) -> None:
    assert pendulum.independent == 2  # no power of a mass alone is without kilogram
    first, second = sorted(pendulum.found, key=lambda p: len(p.powers))
    assert first.powers == {"angle": 1}
    assert second.powers in (
        {"length": 1, "gravity": -1, "time": -2},
        {"length": -1, "gravity": 1, "time": 2},
    )
    assert second.r2 > 0.95 > 0.7 > second.alone  # of the phase, time is two thirds
    assert second.name == "length / (gravity time^2)"
    assert pendulum.sentence().startswith("2 independent products have no unit; of ")


def test_noise_is_followed_by_nothing() -> None:
    rng = np.random.default_rng(1)
    values = np.exp(rng.standard_normal((400, 4)))
    found = followed(rng.standard_normal((400, 5)), list("abcd"), values, [""] * 4)
    assert found.found == []
    assert found.tried > 200
    assert found.sentence().endswith("the space follows none.")


def test_what_cannot_be() -> None:
    x, ones = np.random.default_rng(2).standard_normal((100, 2)), np.ones((100, 1))
    with pytest.raises(DataError, match="no product of a with powers up to 2 is without unit"):
        followed(x, ["a"], ones, ["kg"])
    with pytest.raises(OptionError, match="'hogshead' is no unit"):
        followed(x, ["a"], ones, ["hogshead"])
    with pytest.raises(DataError, match="0 rows have all amounts above 0"):
        followed(x, ["a"], -ones, [""])
    with pytest.raises(OptionError, match="products"):
        followed(x, list("abcdefghij"), np.ones((100, 10)), [""] * 10)
