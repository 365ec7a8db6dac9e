"""What is planted: the ranges of every parameter, the draw of hole number i, and its plasma.

Hole i depends on (kind, seed, i) alone: a set can grow, be streamed or be made in pieces, to the same bits.
Lengths are in gravitational radii (M), angles on the sky in microarcseconds (uas).
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import numpy as np

from . import kerr

KINDS = ("populations", "continuum")


@dataclass(frozen=True)
class Hole:
    """One picture's planted parameters."""

    kind: str
    seed: int
    index: int
    group: str  # ring, double ring, thick or edge-on; empty on continuum
    spin: float  # a, along the gas's rotation
    inclination: float  # degrees, 0: seen from the pole
    position_angle: float  # degrees, of the spin axis, from up counter-clockwise (from North over East)
    mass: float  # GM / c^2 distance, in uas: the mass as the sky shows it
    flux: float  # Jy, of the whole picture
    r_in: float  # inner edge of the flow
    p: float  # steepness: density falls as r^-p
    tau: float  # optical depth of the equatorial plane along r: the plasma's density
    h: float  # half thickness, of cos(theta)
    r_out: float  # outer fall-off
    turbulence: float  # standard deviation of ln density
    beam: float  # instrument's blur, full width at half maximum, uas
    shift_x: float  # of the hole from the picture's centre, to the right, uas
    shift_y: float  # upwards
    noise: float  # thermal noise, standard deviation over the picture's peak

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.seed}-{self.index:07d}"

    @property
    def population(self) -> str | None:
        if self.kind == "continuum":
            return None
        return self.group if "ring" in self.group else "no ring"

    def random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng((KINDS.index(self.kind), self.seed, self.index, purpose))

    def columns(self) -> dict[str, float | str | None]:
        planted = {k: v for k, v in asdict(self).items() if k not in ("kind", "seed", "index", "group")}
        return {
            "population": self.population,
            "group": self.group or None,
            **planted,
            "cos_i": math.cos(math.radians(self.inclination)),
        }


Range = tuple[float, float, Callable[[float, float, float], float]]  # least, most, how a share falls between


def _even(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _log(low: float, high: float, share: float) -> float:
    return low * math.pow(high / low, share)


def _sphere(low: float, high: float, share: float) -> float:
    """Degrees, as directions are spread over a sphere: even in the cosine."""
    return math.degrees(math.acos(_even(math.cos(math.radians(low)), math.cos(math.radians(high)), share)))


_CONTINUUM: dict[str, Range] = {
    "spin": (0.0, 0.98, _even),
    "inclination": (5.0, 85.0, _sphere),
    "position_angle": (0.0, 360.0, _even),
    "mass": (2.5, 4.5, _log),
    "flux": (0.3, 3.0, _log),
    "r_in": (2.0, 12.0, _log),
    "p": (3.0, 6.0, _even),
    "tau": (0.01, 30.0, _log),
    "h": (0.05, 0.6, _log),
    "r_out": (10.0, 10.0, _even),
    "turbulence": (0.0, 0.6, _even),
    "beam": (4.0, 20.0, _log),
    "shift_x": (-15.0, 15.0, _even),
    "shift_y": (-15.0, 15.0, _even),
    "noise": (0.01, 0.05, _log),
}

# Drawn apart: here the beam is in M, as what can be resolved depends on the beam over the ring.
_GROUPS: dict[str, dict[str, Range]] = {
    "ring": {
        "inclination": (5.0, 50.0, _even),
        "r_in": (2.0, 4.5, _even),
        "p": (3.5, 5.5, _even),
        "tau": (0.01, 0.3, _log),
        "h": (0.08, 0.35, _log),
        "beam": (1.2, 2.6, _even),
    },
    "double ring": {  # the photon ring stands clear inside the direct image
        "inclination": (5.0, 38.0, _even),
        "r_in": (8.4, 10.5, _even),
        "p": (4.0, 7.0, _even),
        "tau": (0.01, 0.2, _log),
        "h": (0.05, 0.2, _log),
        "turbulence": (0.0, 0.3, _even),
        "beam": (0.6, 1.3, _even),
    },
    "thick": {  # the plasma hides the hole
        "inclination": (5.0, 85.0, _even),
        "r_in": (2.0, 4.0, _even),
        "p": (3.0, 5.0, _even),
        "tau": (45.0, 300.0, _log),
        "h": (0.7, 1.2, _log),
        "r_out": (5.0, 8.0, _even),
        "beam": (1.6, 3.2, _even),
    },
    "edge-on": {  # one bright approaching spot, blurred
        "inclination": (77.0, 88.0, _even),
        "r_in": (2.0, 3.8, _even),
        "p": (3.5, 5.5, _even),
        "tau": (0.01, 0.3, _log),
        "h": (0.08, 0.3, _log),
        "beam": (2.3, 3.5, _even),
    },
}


def hole(kind: str, seed: int, index: int) -> Hole:
    """Number `index` of a set."""
    group = "" if kind == "continuum" else _group(seed, index)
    ranges = _CONTINUUM | _GROUPS.get(group, {})
    shares = np.random.default_rng((KINDS.index(kind), seed, index, 1)).random(len(ranges))
    drawn = {name: fall(low, high, float(u)) for (name, (low, high, fall)), u in zip(ranges.items(), shares)}
    if group:
        drawn["beam"] *= drawn["mass"]
    return Hole(kind=kind, seed=seed, index=index, group=group, **drawn)


def _group(seed: int, index: int) -> str:
    """Every three in a row hold one of each population, in random order, so any length is balanced."""
    block = np.random.default_rng((0, seed, index // 3, 4))
    order = block.permutation(3)
    place = int(order[index % 3])
    return ("ring", "double ring", ("thick", "edge-on")[int(block.integers(2))])[place]


def flow(hole: Hole) -> kerr.Flow:
    thin = kerr.Flow(hole.r_in, 0.5, hole.p, hole.h, hole.r_out, 0.0, 1.0, 1.0)
    return thin._replace(kappa=hole.tau / kerr.column(hole.spin, thin))


@cache
def _spectrum(size: int) -> np.ndarray:
    """Amplitudes of the field's waves (azimuth, ln r): sheared, so that the spirals trail."""
    around, outwards = np.meshgrid(*[np.fft.fftfreq(size, 1 / size)] * 2, indexing="ij")
    wave = np.sqrt(around**2 + (0.7 * outwards + 0.6 * around) ** 2)
    # A wave the same all around would change the flow's planted profile.
    return np.where(around == 0, 0.0, (1 + (wave / 2.5) ** 2) ** -1.6)


def field(hole: Hole, size: int = 64) -> np.ndarray:
    """The flow's seeded initial condition: log-normal factors of mean 1, (azimuth, ln r)."""
    if hole.turbulence == 0:
        return np.ones((1, 1))
    random = hole.random(2)
    waves = random.standard_normal((size, size)) + 1j * random.standard_normal((size, size))
    ln = np.fft.ifft2(_spectrum(size) * waves).real
    factors: np.ndarray = np.exp(ln * (hole.turbulence / ln.std()) - 0.5 * hole.turbulence**2)
    return factors
