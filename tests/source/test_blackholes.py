"""The rays against closed forms, the fluxes against a published comparison, the set against its plan."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr

from ilk.errors import OptionError, UnknownName
from ilk.source._holes import flow, kerr, sky
from ilk.source.blackholes import FORMATS, blackholes, picture, stream, write
from ilk.source.images import Images, images

PLAIN = np.ones((1, 1))  # a flow without turbulence
DARK = kerr.Flow(r_in=0.0, edge=1.0, p=0.0, h=1e-9, r_out=1.0, kappa=0.0, l0=0.0, alpha=1.0)


def edge(psi: np.ndarray, a: float, inclination: float) -> np.ndarray:
    """The rim of the shadow by trial, at the pictures' own step: rays inside it fall into the hole."""
    low, high = np.full(psi.shape, 0.05), np.full(psi.shape, 12.0)
    for _ in range(30):
        rho = (low + high) / 2
        fell = kerr.trace(rho * np.cos(psi), rho * np.sin(psi), a, inclination, DARK, PLAIN, kerr.Steps())[1]
        low, high = np.where(fell, rho, low), np.where(fell, high, rho)
    return low


def test_the_shadow_of_a_hole_without_spin_is_a_circle_of_the_known_diameter() -> None:
    rim = edge(np.linspace(0, np.pi, 40), 0.0, math.radians(60))
    assert 2 * rim.mean() == pytest.approx(2 * math.sqrt(27), rel=1e-3)
    assert np.ptp(rim) < 1e-3


@pytest.mark.parametrize("a", [0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("degrees", [17, 45, 60, 85])
def test_rays_fall_in_where_the_critical_curve_says(a: float, degrees: float) -> None:
    psi = np.linspace(0, np.pi, 41)[1:-1]
    rim = kerr.critical_radius(a, math.radians(degrees), psi)
    np.testing.assert_allclose(edge(psi, a, math.radians(degrees)), rim, rtol=1e-3)


@pytest.mark.parametrize("a", [0.1, 0.5, 0.998])
def test_the_critical_curve_seen_edge_on_ends_at_the_equatorial_photon_orbits(a: float) -> None:
    rim = kerr.critical_radius(a, math.pi / 2, np.array([np.pi, 0.0]))
    with_spin, against = (
        6 * math.cos(math.acos(-a) / 3) - a,
        6 * math.cos(math.acos(a) / 3) + a,
    )  # a = 1: 2 and 7
    np.testing.assert_allclose(rim, [with_spin, against], rtol=1e-6)


@settings(deadline=None, max_examples=200)
@given(
    a=st.floats(0, 0.998),
    r=st.floats(2.5, 80),
    mu=st.floats(-0.9, 0.9),
    lam=st.floats(-5, 5),
    share=st.floats(0, 1),
)
def test_redshift_is_what_the_metric_says(a: float, r: float, mu: float, lam: float, share: float) -> None:
    s2 = 1 - mu * mu
    R = r * math.sqrt(s2)
    ell = share * R**1.5 / (1 + R)
    sigma, delta = r * r + a * a * mu * mu, r * r - 2 * r + a * a
    g_tt, g_tp = -(1 - 2 * r / sigma), -2 * a * r * s2 / sigma
    g_pp = (r * r + a * a + 2 * a * a * r * s2 / sigma) * s2
    omega = -(g_tp + ell * g_tt) / (g_pp + ell * g_tp)
    norm = -(g_tt + 2 * omega * g_tp + omega**2 * g_pp)
    assume(
        delta > 0.5 and norm > 0.05 and 1 - omega * lam > 0.05
    )  # away from the light cone, where digits are lost
    expected = math.sqrt(norm) / (1 - omega * lam)
    assert kerr.redshift(a, r, mu, s2, lam, ell) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("r", [6.0, 10.0, 20.0])
def test_redshift_of_a_circular_orbit_by_hand(r: float) -> None:
    ell = r**1.5 / (r - 2)  # Kepler around a hole without spin
    assert kerr.redshift(0.0, r, 0.0, 1.0, 0.0, ell) == pytest.approx(math.sqrt(1 - 3 / r), rel=1e-12)
    approaching = math.sqrt(1 - 3 / r) / (1 - 3 * r**-1.5)
    assert kerr.redshift(0.0, r, 0.0, 1.0, 3.0, ell) == pytest.approx(approaching, rel=1e-12)


def test_no_gas_circles_beyond_the_speed_of_light() -> None:
    assert kerr.redshift(0.0, 2.5, 0.0, 1.0, 0.0, 50.0) == 0.0


# Gold et al. (2020), table 1: absorption A, alpha, half thickness, l0, spin, and the published flux in Jy.
GOLD = [
    (0.0, -3.0, math.inf, 0.0, 0.9, 1.6465),
    (0.0, -2.0, math.inf, 1.0, 0.0, 1.4360),
    (0.0, 0.0, 0.3, 1.0, 0.9, 0.4418),
    (1e5, 0.0, 0.3, 1.0, 0.9, 0.2710),
    (1e6, 0.0, 0.03, 1.0, 0.9, 0.0255),
]


@pytest.mark.parametrize(("A", "alpha", "h", "l0", "a", "published"), GOLD)
def test_fluxes_of_the_code_comparison(
    A: float, alpha: float, h: float, l0: float, a: float, published: float
) -> None:
    gravity = 6.6743e-8 * 4.063e6 * 1.98847e33 / 2.99792458e10**2  # cm to an M, of Sgr A*
    distance, emission, n, field = 7.778e3 * 3.0857e18, 3e-18, 128, 30.0
    side = ((np.arange(n) + 0.5) / n - 0.5) * field
    al, be = (x.ravel() for x in np.meshgrid(side, side))
    flow = kerr.Flow(0.0, 1.0, 0.0, h, 10.0, A * emission * gravity, l0, alpha)
    steps = kerr.Steps(math.pi / 96, 0.008)
    light, _ = kerr.trace(al, be, a, math.radians(60), flow, PLAIN, steps)
    jansky = light.sum() * emission * gravity * (field / n * gravity / distance) ** 2 / 1e-23
    assert jansky == pytest.approx(published, rel=0.015)


@pytest.fixture(scope="module")
def populations() -> Images:
    return blackholes(240, seed=1)


@pytest.fixture(scope="module")
def continuum() -> Images:
    return blackholes(180, "continuum", seed=2, noise=False)


def column(images: Images, name: str) -> np.ndarray:
    table = images.metadata()
    assert isinstance(table, pa.Table)
    return np.array(table[name].to_pylist())


def test_the_approaching_side_is_the_bright_one(continuum: Images) -> None:
    size = continuum.pixels.shape[-1]
    right = (np.arange(size) - (size - 1) / 2) * 160 / size
    angle = np.radians(column(continuum, "position_angle"))[:, None, None]
    x = right - column(continuum, "shift_x")[:, None, None]
    y = -right[:, None] - column(continuum, "shift_y")[:, None, None]
    receding = x * np.cos(angle) + y * np.sin(angle) > 0  # to the right of the spin axis
    light = continuum.pixels[:, 0]
    approaching = (light * ~receding).sum((1, 2)) > (light * receding).sum((1, 2))
    assert approaching[column(continuum, "inclination") > 20].mean() >= 0.95


def test_pictures_are_finite_and_hold_the_planted_flux(populations: Images, continuum: Images) -> None:
    assert populations.pixels.shape == (240, 1, 64, 64)
    assert populations.pixels.dtype == np.float32
    assert np.isfinite(populations.pixels).all()
    assert continuum.pixels.min() >= 0
    np.testing.assert_allclose(continuum.pixels.sum((1, 2, 3)), column(continuum, "flux"), rtol=1e-5)


def test_the_picture_shows_the_planted_population(populations: Images) -> None:
    planted, seen = column(populations, "population"), column(populations, "label")
    assert [(planted == p).sum() for p in ("ring", "double ring", "no ring")] == [80, 80, 80]
    assert (planted == seen).mean() >= 0.95
    dark = column(populations, "central_depression")
    assert np.median(dark[planted != "no ring"]) > 0.8 > 0.5 > np.median(dark[planted == "no ring"])


def test_continuum_plants_no_population(continuum: Images) -> None:
    assert set(column(continuum, "population")) == {None}
    assert set(column(continuum, "label")) <= {"ring", "double ring", "no ring"}


def test_the_same_seed_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch, populations: Images) -> None:
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    again = list(stream(7, seed=1, start=5, batch=3))
    assert [len(images) for images in again] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([i.pixels for i in again]), populations.pixels[5:12])
    assert [i.id(0) for i in again] == [populations.id(5), populations.id(8), populations.id(11)]
    assert not np.array_equal(blackholes(1, seed=2).pixels, populations.pixels[:1])


def test_the_draw_stays_what_it_was() -> None:
    """Anyone's seed must give the same hole in every later version."""
    first = flow.hole("continuum", 0, 0)
    assert (first.spin, first.tau, first.beam) == pytest.approx(
        (0.15776181535609407, 9.559265979219493, 11.660107187623478), rel=1e-12
    )


def test_continuum_parameters_are_independent() -> None:
    rows = [flow.hole("continuum", 3, i).columns() for i in range(2000)]
    names = [k for k, v in rows[0].items() if isinstance(v, float) and k not in ("inclination", "r_out")]
    ranks = spearmanr(np.array([[row[k] for k in names] for row in rows])).statistic
    assert len(names) == 14
    assert np.abs(ranks - np.eye(14)).max() < 0.09  # four standard deviations of a chance correlation


def test_any_length_of_populations_is_balanced() -> None:
    kinds = [flow.hole("populations", 4, i).population for i in range(30)]
    assert all(set(kinds[i : i + 3]) == {"ring", "double ring", "no ring"} for i in range(0, 30, 3))
    assert len({tuple(kinds[i : i + 3]) for i in range(0, 30, 3)}) > 1


CENTRED = replace(
    flow.hole("continuum", 0, 1), shift_x=0.0, shift_y=0.0, position_angle=0.0, mass=2.5, r_in=3.0, p=6.0
)


def test_shift_turn_and_mass_move_the_picture_as_they_say() -> None:
    still, _ = picture(CENTRED, noise=False)
    moved, _ = picture(replace(CENTRED, shift_x=10.0, shift_y=5.0), noise=False)  # 2.5 uas a pixel
    turned, _ = picture(replace(CENTRED, position_angle=90.0), noise=False)
    np.testing.assert_allclose(moved[:-2, 4:], still[2:, :-4], atol=1e-3 * still.max())
    np.testing.assert_allclose(turned, np.rot90(still), atol=1e-3 * still.max())  # counter-clockwise
    spread = []
    for mass in (1.5, 3.0):
        light, _ = picture(replace(CENTRED, mass=mass, beam=2 * mass), noise=False)
        x = np.arange(64) - 31.5
        spread.append(math.sqrt((light * (x**2 + x[:, None] ** 2)).sum() / light.sum()))
    assert spread[1] / spread[0] == pytest.approx(2, rel=0.02)


def test_noise_is_what_was_planted() -> None:
    quiet, row = picture(CENTRED, noise=False)
    loud, planted = picture(CENTRED)
    assert row["noise"] == 0
    assert (loud - quiet).std() / quiet.max() == pytest.approx(planted["noise"], rel=0.05)
    assert {k: v for k, v in row.items() if k != "noise"} == {
        k: v for k, v in planted.items() if k != "noise"
    }


@pytest.mark.parametrize(
    "extreme",
    [
        {"spin": 0.998, "inclination": 90.0},
        {"spin": 0.998, "inclination": 0.0},
        {"spin": 0.0, "inclination": 90.0, "r_in": 2.0},
        {"tau": 0.0, "turbulence": 0.0},
        {"tau": 1e6, "h": 5.0, "inclination": 89.99},
        {"h": 1e-3, "inclination": 90.0},
        {"shift_x": 1e4},
    ],
)
def test_extremes_stay_finite(extreme: dict[str, float]) -> None:
    light, row = picture(replace(CENTRED, **extreme))
    assert np.isfinite(light).all()
    assert 0 <= row["central_depression"] <= 1


@pytest.mark.parametrize("size", [8, 28, 65, 128])
def test_any_size_holds_the_same_light(size: int) -> None:
    light, _ = picture(CENTRED, size=size, noise=False)
    assert light.shape == (size, size)
    assert light.sum() == pytest.approx(CENTRED.flux, rel=1e-5)


def test_finer_rays_change_little() -> None:
    holes = [flow.hole("continuum", 6, i) for i in range(12)]
    pairs = [(picture(h, noise=False)[0], picture(h, noise=False, fine=2)[0]) for h in holes]
    assert np.median([np.abs(a - b).sum() / b.sum() for a, b in pairs]) < 0.02


def test_the_column_through_the_flow_has_the_planted_depth() -> None:
    planted = flow.flow(CENTRED)
    r = np.geomspace(kerr.horizon(CENTRED.spin), 100, 20_000)
    n = np.exp(
        -CENTRED.p * np.log(r / CENTRED.r_in)
        - 0.5 * np.minimum((r - CENTRED.r_in) / 0.5, 0) ** 2
        - 0.5 * (r / CENTRED.r_out) ** 2
    )
    depth = planted.kappa * (0.5 * (n[1:] + n[:-1]) * np.diff(r)).sum()
    assert depth == pytest.approx(CENTRED.tau, rel=1e-2)


def test_turbulence_keeps_the_flow_round_on_average() -> None:
    ln = np.log(flow.field(replace(CENTRED, turbulence=0.5)))
    assert ln.std() == pytest.approx(0.5, rel=1e-9)
    np.testing.assert_allclose(ln.mean(0), -0.125, atol=1e-12)  # over azimuth; mean factor 1


def test_maxima_are_counted_by_prominence() -> None:
    cut = np.zeros(sky.SAMPLES)
    cut[[10, 20, 30]] = 1.0, 0.5, 0.03
    assert sky.maxima(cut, 0.04) == 2
    assert sky.maxima(cut, 0.02) == 3
    cut[11:20] = 0.48  # the saddle rises: the second stands only 0.02 above it
    assert sky.maxima(cut, 0.04) == 1
    centre = np.zeros(sky.SAMPLES)
    centre[5] = 1.0  # 1.25 M from the centre: the central spot itself
    assert sky.maxima(centre, 0.04) == 0


def test_look_tells_rings_from_spots() -> None:
    x = np.arange(64) - 31.5
    r = np.hypot(x, x[:, None])
    ring, inner = np.exp(-((r - 20) ** 2) / 8), 0.3 * np.exp(-((r - 10) ** 2) / 8)
    assert sky.look(ring, 31.5, 31.5, 2.0) == (1, pytest.approx(1, abs=1e-6))
    assert sky.look(ring + inner, 31.5, 31.5, 2.0)[0] == 2
    assert sky.look(np.exp(-(r**2) / 100), 31.5, 31.5, 2.0) == (0, pytest.approx(0, abs=1e-9))


def test_the_beam_blurs_as_wide_as_it_says() -> None:
    point = np.zeros((128, 128))
    point[64, 64] = 1.0
    seen = 4 * sky.blur(point, sky.beam(6.0, 2), 2)  # means of 2 x 2
    x = np.arange(64) - 32
    assert seen.sum() == pytest.approx(1, rel=1e-9)
    assert math.sqrt((seen.sum(0) * x**2).sum()) * 2 == pytest.approx(6.0, rel=0.03)  # cut at 3 sigma


@pytest.mark.parametrize("kind", FORMATS)
def test_a_folder_holds_the_pictures_and_their_parameters(tmp_path: Path, kind: str) -> None:
    if kind == "fits":
        fits = pytest.importorskip("astropy.io.fits")
    table = write(tmp_path / "set", 3, seed=1, format=kind)
    with open(table, newline="") as f:
        rows = list(csv.DictReader(f))
    expected = blackholes(3, seed=1)
    assert [row["id"] for row in rows] == list(expected.ids)
    assert [float(row["spin"]) for row in rows] == column(expected, "spin").tolist()
    for row, true in zip(rows, expected.pixels[:, 0]):
        path = tmp_path / "set" / row["path"]
        if kind == "png16":
            found = float(row["png_zero"]) + float(row["png_scale"]) * np.asarray(Image.open(path)) / 65535
            np.testing.assert_allclose(found, true, atol=float(row["png_scale"]) / 65535)
        elif kind == "npy":
            np.testing.assert_array_equal(np.load(path, allow_pickle=False), true)
        else:
            np.testing.assert_array_equal(fits.getdata(path)[::-1], true)  # lowest row first
            header = fits.getheader(path)
            assert header["CDELT1"] == pytest.approx(-2.5e-6 / 3600)
            assert header["BUNIT"] == "JY/PIXEL"


def test_images_reads_the_folder_back(tmp_path: Path) -> None:
    back = images(write(tmp_path, 3, "continuum", seed=1, size=16, format="npy"), cache=False)
    made = blackholes(3, "continuum", seed=1, size=16)
    assert [back.id(i) for i in range(3)] == list(made.ids)
    assert column(back, "r_in").tolist() == column(made, "r_in").tolist()
    np.testing.assert_array_equal(back.pixels, made.pixels)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"kind": "population"}, UnknownName),
        ({"n": 0}, OptionError),
        ({"seed": -1}, OptionError),
        ({"size": 4}, OptionError),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        blackholes(**{"n": 1} | options)


def test_an_unknown_format_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="png16"):
        write(tmp_path / "set", 1, format="png")
    assert not (tmp_path / "set").exists()


def test_a_kernel_is_compiled_where_nothing_can_be_kept() -> None:
    names: dict = {}
    exec("def twice(x):\n    return 2 * x", names)  # no file, so numba finds no place for a cache
    assert kerr.compiled(names["twice"])(3.0) == 6.0
