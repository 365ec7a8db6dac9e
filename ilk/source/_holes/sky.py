"""From rays to a picture, and what an eye sees in it.

Legend: (x, psi) the polar grid of rays, x = distance from the origin over the critical curve's in that
direction; n fine pixels a side, size pixels a side. Row 0 of a picture is its top, East is left.
"""

import math
from functools import cache

import numpy as np

from ...compiled import compiled

REACH = 5.5  # of x: beyond it nothing shines
PROMINENCE = 0.04  # of the picture's peak, for a maximum to count as resolved
CUTS, SAMPLES, SPACING = 24, 56, 0.25  # radial cuts, points on each, M between points


@cache
def radii(count: int) -> np.ndarray:
    """The grid's x: dense around the critical curve, where the lensed images crowd."""
    x = np.linspace(0, REACH, 4001)
    dense = 0.25 + 2.2 * np.exp(-0.5 * ((x - 1.04) / 0.09) ** 2) + 0.9 * np.exp(-0.5 * ((x - 1.3) / 0.5) ** 2)
    share = np.concatenate([[0], np.cumsum((dense[1:] + dense[:-1]) / 2)])
    grid: np.ndarray = np.interp(np.linspace(0, share[-1], count), share, x)
    grid[0] = 1e-3  # not 0: the ray along the axis never turns
    return grid


@cache
def rows(count: int) -> np.ndarray:
    """The fractional row of `radii(count)` at 2048 even steps of x."""
    return np.interp(np.linspace(0, REACH, 2048), radii(count), np.arange(count))


@compiled()
def project(
    polar: np.ndarray,
    rim: np.ndarray,
    rows: np.ndarray,
    n: int,
    pixel: float,
    angle: float,
    x0: float,
    y0: float,
) -> np.ndarray:
    """(x, psi) -> (n, n): bilinear, the spin axis turned by `angle` from up, everything in M."""
    count, spokes = polar.shape
    out = np.zeros((n, n))
    ca, sa = math.cos(angle), math.sin(angle)
    for i in range(n):
        Y = (0.5 * n - i - 0.5) * pixel - y0
        for j in range(n):
            X = (j + 0.5 - 0.5 * n) * pixel - x0
            al, be = X * ca + Y * sa, Y * ca - X * sa
            spoke = math.atan2(be, al) * (spokes / (2.0 * math.pi))
            if spoke < 0.0:
                spoke += spokes
            j0 = int(spoke) % spokes
            j1, right = (j0 + 1) % spokes, spoke - math.floor(spoke)
            x = math.sqrt(al * al + be * be) / (rim[j0] * (1.0 - right) + rim[j1] * right)
            step = x * ((rows.size - 1) / REACH)
            m = int(step)
            if m < rows.size - 1:
                row = rows[m] + (step - m) * (rows[m + 1] - rows[m])
                k = min(int(row), count - 2)
                near = polar[k, j0] * (1.0 - right) + polar[k, j1] * right
                far = polar[k + 1, j0] * (1.0 - right) + polar[k + 1, j1] * right
                out[i, j] = near + (row - k) * (far - near)
    return out


def beam(sigma: float, fine: int) -> np.ndarray:
    """A Gaussian of `sigma` fine pixels, cut at 3 sigma, together with the mean over `fine` of them."""
    reach = int(3.0 * sigma + 0.5)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(bell / bell.sum(), np.full(fine, 1.0 / fine))


@compiled()
def _blur_rows(image: np.ndarray, kernel: np.ndarray, fine: int) -> np.ndarray:
    n, width = image.shape  # (n, width) -> (n / fine, width)
    reach = (kernel.size - fine) // 2
    out = np.zeros((n // fine, width))
    for o in range(n // fine):
        for k in range(kernel.size):
            row = o * fine + k - reach
            if 0 <= row < n:
                for j in range(width):
                    out[o, j] += kernel[k] * image[row, j]
    return out


@compiled()
def blur(image: np.ndarray, kernel: np.ndarray, fine: int) -> np.ndarray:
    """(n, n) -> (size, size), dark outside."""
    tall = np.ascontiguousarray(_blur_rows(image, kernel, fine).T)  # (n, size)
    return np.ascontiguousarray(_blur_rows(tall, kernel, fine).T)


@compiled()
def _cuts(image: np.ndarray, column: float, row: float, unit: float) -> np.ndarray:
    """Brightness along radial cuts from (column, row), `unit` pixels to an M: (CUTS, SAMPLES), bilinear."""
    size = image.shape[0]
    out = np.zeros((CUTS, SAMPLES))
    for c in range(CUTS):
        across, down = math.cos(2.0 * math.pi * c / CUTS), math.sin(2.0 * math.pi * c / CUTS)
        for s in range(SAMPLES):
            x, y = column + unit * SPACING * s * across, row + unit * SPACING * s * down
            j, i = math.floor(x), math.floor(y)
            if 0 <= i < size - 1 and 0 <= j < size - 1:
                fx, fy = x - j, y - i
                top = image[i, j] * (1.0 - fx) + image[i, j + 1] * fx
                low = image[i + 1, j] * (1.0 - fx) + image[i + 1, j + 1] * fx
                out[c, s] = top + fy * (low - top)
    return out


@compiled()
def maxima(cut: np.ndarray, prominence: float) -> int:
    """Maxima beyond 1.5 M that rise by `prominence` above the higher of the two saddles beside them."""
    found = 0
    for k in range(int(1.5 / SPACING) + 1, cut.size - 1):
        if cut[k] > cut[k - 1] and cut[k] >= cut[k + 1]:
            left = right = cut[k]
            i = k - 1
            while i >= 0 and cut[i] <= cut[k]:
                left = min(left, cut[i])
                i -= 1
            i = k + 1
            while i < cut.size and cut[i] <= cut[k]:
                right = min(right, cut[i])
                i += 1
            found += cut[k] - max(left, right) >= prominence
    return found


@compiled()
def look(image: np.ndarray, column: float, row: float, unit: float) -> tuple[int, float]:
    """Resolved maxima of the radial profile; how much darker its centre is than the brightest radius.

    Two where a third of the cuts show two (a double ring is rarely whole), one where most show one.
    """
    cuts = _cuts(image, column, row, unit)
    one = two = 0
    profile = np.zeros(SAMPLES)
    for c in range(CUTS):
        found = maxima(cuts[c], PROMINENCE * image.max())
        one += found >= 1
        two += found >= 2
        profile += cuts[c]
    depression = 1.0 - profile[0] / max(profile.max(), 1e-300)
    if two >= 0.35 * CUTS:
        return 2, depression
    return int(one >= 0.6 * CUTS), depression
