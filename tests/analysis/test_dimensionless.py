"""Dimensionless products, on laws whose groups are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy import constants, units

from ilk.analysis.dimensionless import (
    Products,
    constant,
    dimensionless,
    followed,
    in_names,
    matrix,
    without_unit,
)
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError, UnknownName
from ilk.source._holes import flow
from ilk.source.blackholes import picture
from ilk.space import Space


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


def test_black_holes_are_as_large_as_their_mass_over_their_distance(tmp_path: Path) -> None:
    """Kerr black holes at 10 to 30 Mpc, seen from anywhere; G and c may help. Units stand in the names."""
    rng, n = np.random.default_rng(0), 160
    seen = np.exp(rng.uniform(np.log(2.5), np.log(4.5), n))  # GM / (c^2 distance) in microarcseconds
    inclination = np.degrees(np.arccos(rng.uniform(0.2, 0.95, n)))
    distance = np.exp(rng.uniform(np.log(10), np.log(30), n)) * units.Mpc
    angle = (seen * units.uas).to_value(units.rad)
    mass = (angle * distance * constants.c**2 / constants.G).to_value(units.Msun)
    like = replace(
        flow.hole("continuum", 0, 3), position_angle=0.0, tau=0.1, r_in=3.0, turbulence=0.0, beam=6.0
    )
    holes = [
        replace(like, mass=m, inclination=i, shift_x=0.0, shift_y=0.0) for m, i in zip(seen, inclination)
    ]
    x = np.stack([picture(h, size=24, noise=False)[0].ravel() for h in holes])
    x = x / x.sum(1, keepdims=True)
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)  # main axes, as pca would learn them
    columns = {"M [Msun]": mass, "d [Mpc]": distance.value, "i [deg]": inclination, "night": np.arange(n)}
    space = Space.create(tmp_path / "h.space", Pixels(6, 1), reading={"reader": "images"}, metric="l2")
    space.upsert_vectors([f"{i:03d}" for i in range(n)], (u * s)[:, :6].astype("f4"), pa.table(columns))
    found = dimensionless(space, constants=["G", "c"])
    assert found.independent == 2
    first, second = found.found
    assert first.powers == {"M [Msun]": 1, "d [Mpc]": -1, "G": 1, "c": -2}
    assert first.low > 0.9
    assert first.alone < 0.5  # neither the mass nor the distance is to be seen
    assert second.powers == {"i [deg]": 1}


def test_units_in_names_and_constants() -> None:
    told = in_names(["mass [kg]", "speed [km / s]", "share []", "ratio[1]", "angle [-]", "note", "[m]"])
    assert told == {
        "mass [kg]": "kg",
        "speed [km / s]": "km / s",
        "share []": "",
        "ratio[1]": "",
        "angle [-]": "",
    }
    assert constant("c") == (299_792_458.0, "m / s")
    with pytest.raises(OptionError, match="none of the columns a, b tells its unit"):
        in_names(["a", "b"])
    with pytest.raises(UnknownName, match="no constant called 'units'"):
        constant("units")


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
