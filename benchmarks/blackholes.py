"""What the black-hole pictures rest on: speed, closed forms, a published code comparison, and their labels.

    python benchmarks/blackholes.py [images for the speed, 5000]

Prints every figure beside its limit and ends with 1 if one does not hold. About 90 CPU-seconds.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ilk.source._holes import flow, kerr
from ilk.source.blackholes import blackholes, picture
from ilk.source.images import Images

PLAIN = np.ones((1, 1))
# Gold et al. (2020, ApJ 897, 148), table 1: absorption A, alpha, half thickness, l0, spin; the flux in Jy.
GOLD = (
    (0.0, -3.0, math.inf, 0.0, 0.9, 1.6465),
    (0.0, -2.0, math.inf, 1.0, 0.0, 1.4360),
    (0.0, 0.0, 0.3, 1.0, 0.9, 0.4418),
    (1e5, 0.0, 0.3, 1.0, 0.9, 0.2710),
    (1e6, 0.0, 0.03, 1.0, 0.9, 0.0255),
)


@dataclass(frozen=True)
class Figure:
    what: str
    found: str
    limit: str
    holds: bool


def column(images: Images, name: str) -> np.ndarray:
    table = images.metadata()
    assert table is not None
    return np.array(table[name].to_pylist())


def speed(n: int) -> Iterator[Figure]:
    start = time.process_time()
    blackholes(2)
    compiling = time.process_time() - start
    yield Figure("compiling (or loading) the kernels", f"{compiling:.1f} CPU-s", "set aside", True)
    for kind in flow.KINDS:
        start = time.process_time()
        blackholes(n, kind)
        each = (time.process_time() - start) / n
        what = f"{kind}, {n} pictures of 64 x 64"
        yield Figure(what, f"{each * n:.1f} CPU-s, {each * 1e3:.2f} ms each", "9 ms each", each <= 9e-3)


def rim(psi: np.ndarray, a: float, inclination: float) -> np.ndarray:
    """The shadow's edge by bisection, at the step the pictures are made with."""
    dark = kerr.Flow(0.0, 1.0, 0.0, 1e-9, 1.0, 0.0, 0.0, 1.0)
    low, high = np.full(psi.shape, 0.05), np.full(psi.shape, 12.0)
    for _ in range(34):
        rho = (low + high) / 2
        fell = kerr.trace(rho * np.cos(psi), rho * np.sin(psi), a, inclination, dark, PLAIN, kerr.Steps())[1]
        low, high = np.where(fell, rho, low), np.where(fell, high, rho)
    return low


def shadow() -> Iterator[Figure]:
    psi = np.linspace(0, np.pi, 41)[1:-1]
    diameter, exact = 2 * rim(psi, 0.0, math.radians(60)).mean(), 2 * math.sqrt(27)
    error = abs(diameter / exact - 1)
    yield Figure("shadow without spin", f"{diameter:.4f} M, exact {exact:.4f}", "0.1%", error <= 1e-3)
    worst = 0.0
    for a in (0.3, 0.6, 0.9, 0.98):
        for degrees in (17, 45, 60, 85):
            exact_rim = kerr.critical_radius(a, math.radians(degrees), psi)
            worst = max(worst, float(np.abs(rim(psi, a, math.radians(degrees)) / exact_rim - 1).max()))
    yield Figure("critical curve, worst of 16 x 39 points", f"off by {worst:.2e}", "0.1%", worst <= 1e-3)


def redshifts() -> Iterator[Figure]:
    worst = 0.0
    for a in (0.0, 0.5, 0.9):
        for r in (6.0, 8.0, 20.0):
            for lam in (-4.0, 0.0, 3.0):  # Kepler's orbit in the equator: g = 1 / (u^t (1 - Omega lam))
                omega, norm = 1 / (r**1.5 + a), math.sqrt(1 - 3 / r + 2 * a * r**-1.5)
                energy = (1 - 2 / r + a * r**-1.5) / norm
                turn = math.sqrt(r) * (1 - 2 * a * r**-1.5 + (a / r) ** 2) / norm
                exact = norm / (1 + a * r**-1.5) / (1 - omega * lam)
                worst = max(worst, abs(kerr.redshift(a, r, 0.0, 1.0, lam, turn / energy) / exact - 1))
    yield Figure("redshift on circular orbits, worst of 27", f"off by {worst:.1e}", "1e-12", worst <= 1e-12)


def gold() -> Iterator[Figure]:
    gravity = 6.6743e-8 * 4.063e6 * 1.98847e33 / 2.99792458e10**2  # cm to an M, of Sgr A*
    distance, emission, n, field = 7.778e3 * 3.0857e18, 3e-18, 128, 30.0
    side = ((np.arange(n) + 0.5) / n - 0.5) * field
    al, be = (x.ravel() for x in np.meshgrid(side, side))
    for number, (A, alpha, h, l0, a, published) in enumerate(GOLD, 1):
        flow = kerr.Flow(0.0, 1.0, 0.0, h, 10.0, A * emission * gravity, l0, alpha)
        steps = kerr.Steps(math.pi / 768, 0.001) if number == 1 else kerr.Steps(math.pi / 192, 0.004)
        light, _ = kerr.trace(al, be, a, math.radians(60), flow, PLAIN, steps)
        flux = light.sum() * emission * gravity * (field / n * gravity / distance) ** 2 / 1e-23
        ratio = flux / published
        found = f"{flux:.4f} Jy, published {published:.4f}: {ratio:.4f}"
        yield Figure(f"Gold et al. (2020), test {number}", found, "1.5%", abs(ratio - 1) <= 0.015)


def pictures() -> Iterator[Figure]:
    planted = blackholes(1500, seed=11)
    agree = float((column(planted, "population") == column(planted, "label")).mean())
    yield Figure("the picture shows the planted population", f"{agree:.1%} of 1,500", "95%", agree >= 0.95)
    smooth = blackholes(1500, "continuum", seed=12, noise=False)
    label = column(smooth, "label")
    shares = ", ".join(f"{name} {(label == name).mean():.1%}" for name in ("ring", "double ring", "no ring"))
    yield Figure("kinds seen on continuum", shares, "for the record", True)
    side = (np.arange(64) - 31.5) * 2.5
    angle = np.radians(column(smooth, "position_angle"))[:, None, None]
    x = side - column(smooth, "shift_x")[:, None, None]
    y = -side[:, None] - column(smooth, "shift_y")[:, None, None]
    towards = x * np.cos(angle) + y * np.sin(angle) < 0  # left of the spin axis
    light = smooth.pixels[:, 0]
    bright = (light * towards).sum((1, 2)) > (light * ~towards).sum((1, 2))
    share = float(bright[column(smooth, "inclination") > 20].mean())
    yield Figure("the approaching side is brighter, i > 20 deg", f"{share:.1%}", "95%", share >= 0.95)
    holes = [flow.hole("continuum", 13, i) for i in range(24)]
    pairs = [(picture(h, noise=False)[0], picture(h, noise=False, fine=4)[0]) for h in holes]
    off = float(np.median([np.abs(a - b).sum() / b.sum() for a, b in pairs]))
    yield Figure("against four times finer, median of 24", f"off by {off:.2%}", "2%", off <= 0.02)


def main(n: int = 5000) -> int:
    failed = 0
    for part in (speed(n), shadow(), redshifts(), gold(), pictures()):
        for figure in part:
            mark = "holds" if figure.holds else "FAILS"
            print(f"{figure.what:44} {figure.found:58} {figure.limit:16} {mark}", flush=True)
            failed += not figure.holds
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
