"""Have chains seen all there is to see? By how they agree, and how much their draws hang together.

Legend: c chains, s draws of each.
"""

import numpy as np
from scipy.stats import norm, rankdata


def disagreement(x: np.ndarray) -> float:  # (c, s)
    """R-hat of the halves of chains, by ranks (Vehtari et al. 2021): 1 where all tell the same; 1.05 is much.

    Of the draws and of how far these are from the middle, the larger: chains may agree in the one alone.
    """
    half = x.shape[1] // 2
    parts = np.concatenate([x[:, :half], x[:, -half:]])  # (2c, s / 2)
    return max(_ratio(parts), _ratio(np.abs(parts - np.median(parts))))


def _ratio(x: np.ndarray) -> float:
    if np.ptp(x) == 0:
        return 1.0
    z = norm.ppf((rankdata(x).reshape(x.shape) - 0.375) / (x.size + 0.25))  # as normal draws of that order
    within, between = z.var(1, ddof=1).mean(), z.mean(1).var(ddof=1)
    return float(np.sqrt((x.shape[1] - 1) / x.shape[1] + between / within)) if within else float("inf")


def worth(x: np.ndarray) -> float:  # (c, s)
    """So many draws that do not hang together would say as much of the mean (Geyer 1992; Stan's way)."""
    c, s = x.shape
    if np.ptp(x) == 0:
        return float(c * s)
    mean = x.mean(1, keepdims=True)
    waves = np.fft.rfft(x - mean, 2 * s, axis=1)
    shared = np.fft.irfft(np.abs(waves) ** 2, axis=1)[:, :s] / s  # (c, s) covariance of draws so far apart
    within = shared[:, 0].mean() * s / (s - 1)
    total = within * (s - 1) / s + (x.mean(1).var(ddof=1) if c > 1 else 0.0)
    rho = 1 - (within - shared.mean(0) * s / (s - 1)) / total
    rho[0] = 1
    pairs = rho[: s // 2 * 2].reshape(-1, 2).sum(1)  # of a chain in balance these are above 0 and fall
    ends = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: ends[0] if len(ends) else None])
    hang = max(2 * kept.sum() - 1, 1 / np.log10(c * s))
    return float(c * s / hang)
