"""Light through Kerr space-time and a thin plasma: one ray, one answer. Units G = c = M = 1.

Legend: a spin, (al, be) a ray's place on the observer's screen (be along the spin axis), lam and eta its
constants of motion, u = 1/r, mu = cos(theta), s2 = sin(theta)^2, ell = -u_phi/u_t of the gas.

In Mino time both r and theta obey polynomial equations of the second order, so a leapfrog walks through
turning points without noticing them (observer at infinity, Bardeen 1973; Mino 2003):

    u'' = A u + 3 [(lam - a)^2 + eta] u^2 - 2 a^2 eta u^3       u = 0, u' = 1
    mu'' = A mu - 2 a^2 mu^3                                    mu = cos i, mu' = be sin i
    A = a^2 - lam^2 - eta,  lam = -al sin i,  eta = be^2 + (al^2 - a^2) cos^2 i

Emission j = n g^(2 + alpha), absorption kappa n g^(1.5 + alpha), as in the code comparison of Gold et al.
(2020, ApJ 897, 148). The gas circles: no infall, no jet, no polarisation, no retrograde flow.
"""

import math
from typing import NamedTuple

import numpy as np

from ...compiled import compiled


class Flow(NamedTuple):
    """n = (r / r_in)^-p x inner cut-off x exp[-(mu / h)^2 / 2 - (r / r_out)^2 / 2] x the field's factor."""

    r_in: float  # inner edge, 0: none (and p = 0)
    edge: float  # width of the cut-off inside r_in
    p: float
    h: float  # of mu; infinite: no decline away from the equator
    r_out: float
    kappa: float  # absorption for a unit of density
    l0: float  # l = l0 R^1.5 / (1 + R), R = r sin(theta); 0: gas without angular momentum
    alpha: float  # spectral index: j goes as frequency^-alpha


class Steps(NamedTuple):
    """No step turns a ray by more than `angle` or moves u by more than `depth`, roughly."""

    angle: float = math.pi / 24
    depth: float = 0.03


OUTER = 0.012  # nothing shines beyond r = 83: the outer fall-off has taken it long before
BRIGHTEST = 2.5  # g above this is a ray that grazes the horizon's edge badly resolved, one in many thousands
OPAQUE = 10.0  # e^-10 of what lies behind is left
FIELD_SPAN = 3.5  # the field repeats after this much in ln r


@compiled()
def horizon(a: float) -> float:
    return 1.0 + math.sqrt(1.0 - a * a)


@compiled()
def redshift(a: float, r: float, mu: float, s2: float, lam: float, ell: float) -> float:
    """Observed over emitted frequency; 0 where no gas can circle with that angular momentum."""
    a2 = a * a
    delta = r * r - 2.0 * r + a2
    sigma = r * r + a2 * mu * mu
    P = (r * r + a2) * (r * r + a2) - a2 * delta * s2
    Q = delta / s2 - a2
    drag = 2.0 * a * r
    energy = P - ell * (2.0 * drag + Q * ell)
    photon = P - drag * (ell + lam) - Q * ell * lam
    if energy <= 0.0 or photon <= 0.0 or delta <= 0.0:
        return 0.0
    return math.sqrt(sigma * delta * energy) / photon


@compiled()
def density(u: float, mu: float, flow: Flow) -> float:
    inside = min((1.0 / u - flow.r_in) / flow.edge, 0.0)
    height, far = mu / flow.h, 1.0 / (u * flow.r_out)
    steep = 0.0 if flow.p == 0.0 else flow.p * math.log(u * flow.r_in)
    return math.exp(steep - 0.5 * (inside * inside + height * height + far * far))


@compiled()
def column(a: float, flow: Flow) -> float:
    """The density summed along r in the equatorial plane, horizon to r = 100 (trapezoids in ln r)."""
    first, points, total = math.log(horizon(a)), 500, 0.0
    step = (math.log(100.0) - first) / (points - 1)
    for k in range(points):
        r = math.exp(first + k * step)
        total += density(1.0 / r, 0.0, flow) * r * step * (0.5 if k in (0, points - 1) else 1.0)
    return total


@compiled()
def field_at(field: np.ndarray, phi: float, ln_r: float) -> float:
    """`field` is periodic in azimuth (rows) and ln r (columns); both counts are powers of two."""
    rows, columns = field.shape
    i = math.floor(phi * rows / (2.0 * math.pi)) & (rows - 1)
    j = math.floor(ln_r * columns / FIELD_SPAN + 0.5) & (columns - 1)
    return float(field[i, j])


@compiled()
def ray(
    al: float, be: float, a: float, si: float, ci: float, flow: Flow, field: np.ndarray, steps: Steps
) -> tuple[float, bool]:
    """The light that one ray brings, and whether (traced back) it falls into the hole."""
    a2 = a * a
    lam = -al * si
    eta = be * be + (al * al - a2) * ci * ci
    A = a2 - lam * lam - eta
    B3 = 3.0 * ((lam - a) * (lam - a) + eta)
    C2 = 2.0 * a2 * eta
    twist = eta + lam * lam
    step = 1.0 / math.sqrt((al * al + be * be) / steps.angle**2 + 1.0 / steps.depth**2)
    half = 0.5 * step
    u, du = 0.0, 1.0
    mu, dmu = ci, be * si
    # The azimuth is only needed for the field. The unit vector's x and y are integrated, not
    # lam / sin^2(theta), which would leave streaks where a ray passes over a pole.
    turbulent = field.size > 1
    x, y, dx, dy, drag = si, 0.0, -be * ci, al, 0.0
    u_hole, mu_flow = 0.999 / horizon(a), 4.0 * flow.h
    u_edge = 1.0 / (flow.r_in - 5.0 * flow.edge) if flow.r_in > 5.0 * flow.edge else math.inf
    light, depth = 0.0, 0.0
    for _ in range(int(80.0 * math.pi / steps.angle)):
        u += half * du
        mu += half * dmu
        du += step * u * (A + u * (B3 - C2 * u))
        if turbulent:
            x += half * dx
            y += half * dy
            bend = step * (twist + 2.0 * a2 * mu * mu)
            dx -= bend * x
            dy -= bend * y
            drag -= step * a * u * (2.0 - a * lam * u) / (1.0 - u * (2.0 - a2 * u))
        dmu += step * mu * (A - 2.0 * a2 * mu * mu)
        if u >= u_hole:
            return light, True
        if OUTER < u < u_edge and abs(mu) < mu_flow:
            r = 1.0 / u
            # The leapfrog may step over the pole: s2 never falls below its minimum on a geodesic.
            s2 = max(1.0 - mu * mu, lam * lam * mu * mu / (eta + a2 * mu * mu + 1e-9), 1e-6)
            R = r * math.sqrt(s2)
            g = min(redshift(a, r, mu, s2, lam, flow.l0 * R * math.sqrt(R) / (1.0 + R)), BRIGHTEST)
            if g > 0.0:
                path = step * density(u, mu, flow) * (r * r + a2 * mu * mu)
                if turbulent:
                    path *= field_at(field, math.atan2(y, x) + drag, -math.log(u * flow.r_in))
                path *= g if flow.alpha == 1.0 else g**flow.alpha
                thick = flow.kappa * path * g * math.sqrt(g)
                shrink = -math.expm1(-thick) / thick if thick > 1e-3 else 1.0
                light += path * g * g * shrink * math.exp(-depth)
                depth += thick
                if depth > OPAQUE:
                    return light, False
        u += half * du
        mu += half * dmu
        if turbulent:
            x += half * dx
            y += half * dy
        if du < 0.0 and u < OUTER:
            return light, False
    return light, False


@compiled()
def trace(
    al: np.ndarray, be: np.ndarray, a: float, inclination: float, flow: Flow, field: np.ndarray, steps: Steps
) -> tuple[np.ndarray, np.ndarray]:
    """Light and fate of rays (n,) seen from `inclination` (radians): float64 (n,), bool (n,)."""
    light, fell = np.empty(al.size), np.empty(al.size, np.bool_)
    si, ci = math.sin(inclination), math.cos(inclination)
    for i in range(al.size):
        light[i], fell[i] = ray(al[i], be[i], a, si, ci, flow, field, steps)
    return light, fell


@compiled()
def _bound_orbit(a: float, si: float, ci: float, r: float) -> tuple[float, float]:
    """Where the photons that circle at radius r appear on the screen: al and be^2 (below 0: unseen)."""
    delta = r * r - 2.0 * r + a * a
    lam = a + r / a * (r - 2.0 * delta / (r - 1.0))
    eta = r**3 / (a * a) * (4.0 * delta / (r - 1.0) ** 2 - r)
    return -lam / si, eta + (a * ci) ** 2 - (lam * ci / si) ** 2


@compiled()
def critical_radius(a: float, inclination: float, psi: np.ndarray) -> np.ndarray:
    """The rim of the shadow: its distance from the origin in directions psi, angles from the al axis."""
    si, ci = math.sin(max(inclination, 1e-4)), math.cos(max(inclination, 1e-4))
    rim = np.full(psi.size, math.sqrt(27.0))
    if a < 1e-4:  # a circle, shifted by 2 a sin i
        return rim
    low = 2.0 * (1.0 + math.cos(2.0 / 3.0 * math.acos(-a)))  # prograde equatorial orbit: al < 0
    high = 2.0 * (1.0 + math.cos(2.0 / 3.0 * math.acos(a)))
    for k in range(psi.size):
        wanted = min(max(math.cos(psi[k]), -1.0 + 1e-14), 1.0 - 1e-14)
        r0, r1 = low, high
        for _ in range(48):  # the direction turns from -al to +al as r grows
            r = 0.5 * (r0 + r1)
            al, be2 = _bound_orbit(a, si, ci, r)
            if al < wanted * math.sqrt(al * al + max(be2, 0.0)):
                r0 = r
            else:
                r1 = r
        al, be2 = _bound_orbit(a, si, ci, 0.5 * (r0 + r1))
        rim[k] = math.sqrt(al * al + max(be2, 0.0))
    return rim
