"""The local models of a space's parts, as arrays: which part a vector lies in, and how far things are there.

Each part is a Gaussian: a mean, the variances along its leading axes, and one variance for all other
directions (a mixture of probabilistic principal axes; Tipping & Bishop 1999).

Legend: p parts, D dimensions, d axes of each part, m rows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .. import files
from ..errors import FormatError
from .index.metric import METRICS, Metric

FORMAT = 1
NAME = "parts.safetensors"
ROUTED = 0.1  # how far variances are shrunk to their mean where only the part is asked for
BLOCK = 8192  # rows at a time
_ARRAYS = ("means", "axes", "variances", "rest", "shares")


@dataclass(frozen=True)
class Local:
    means: np.ndarray  # (p, D) of rows as `ready` makes them
    axes: np.ndarray  # (p, d, D) orthonormal
    variances: np.ndarray  # (p, d) along them, falling
    rest: np.ndarray  # (p,) along every other direction
    shares: np.ndarray  # (p,) of all rows
    metric: Metric  # of the space when it was split: for whitened, by the spread of its rows then
    shrink: float  # of the local distance: 1 is the space's own distance, 0 full Mahalanobis
    about: dict[str, Any]  # JSON: how it was made

    def ready(self, x: np.ndarray) -> np.ndarray:  # (m, D) -> (m, D) float64
        return self.metric.ready(np.asarray(x, np.float32)).astype(np.float64)

    def route(self, x: np.ndarray, most: int = 1) -> np.ndarray:  # (m, D) -> (m, most)
        """The likeliest parts of each row, the likeliest first."""
        found = [self._route(self.ready(x[s : s + BLOCK]), most) for s in range(0, len(x), BLOCK)]
        return np.concatenate(found) if found else np.zeros((0, most), np.int64)

    def inside(self, x: np.ndarray, part: int) -> np.ndarray:  # (m, D) -> (m, D) float64
        """Where rows lie as that part sees it: the Euclidean distance there is the local one."""
        y = self.ready(x)
        if self.shrink == 1:
            return y
        axes, (weights, other) = self.axes[part].astype(np.float64), self._weights(part)
        return np.asarray(other * y + ((y @ axes.T) * (weights - other)) @ axes)

    def nearest(self, query: np.ndarray, x: np.ndarray, rows: np.ndarray, part: int, k: int) -> np.ndarray:
        """Which of some rows of `x` (n, D) may be the k nearest by the local distance: k and a few more."""
        low, high = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
        middle, (weights, other) = self.metric.ready(query[None]), self._weights(part)
        gain = (weights**2 - other**2).astype(np.float32)  # (d,) of an axis over any other direction
        for start in range(0, len(rows), BLOCK):
            step = self.metric.ready(x[rows[start : start + BLOCK]]) - middle  # (m, D)
            squared = np.einsum("md,md->m", step, step)
            inside = other**2 * squared
            if self.shrink < 1:
                inside += (step @ self.axes[part].T) ** 2 @ gain  # (m, d) x (d,) -> (m,)
            # Far above the rounding of sums of D products in single precision
            slack = 1e-6 * (10 + x.shape[1]) * max(other, weights.max()) ** 2 * squared
            low[start : start + BLOCK], high[start : start + BLOCK] = inside - slack, inside + slack
        return np.flatnonzero(low <= np.partition(high, k - 1)[k - 1])

    def _route(self, y: np.ndarray, most: int) -> np.ndarray:
        dim, d = self.means.shape[1], self.variances.shape[1]
        score = np.empty((len(y), len(self.means)))  # -2 log likelihood
        for p, axes in enumerate(self.axes.astype(np.float64)):
            step = y - self.means[p]  # (m, D)
            along = (step @ axes.T) ** 2  # (m, d)
            off = np.maximum((step * step).sum(1) - along.sum(1), 0)
            v, r = (self._shrunk(a, p, ROUTED) for a in (self.variances, self.rest))
            score[:, p] = (along / v).sum(1) + off / r + np.log(v).sum() + (dim - d) * np.log(r)
        score -= 2 * np.log(self.shares)
        return np.argsort(score, axis=1, kind="stable")[:, :most]

    def _weights(self, part: int) -> tuple[np.ndarray, float]:
        """What a step counts for along each axis (d,), and along every other direction."""
        mean = self._mean_variance[part]
        along, rest = (self._shrunk(a, part, self.shrink) for a in (self.variances, self.rest))
        return np.sqrt(mean / along), float(np.sqrt(mean / rest))

    @cached_property
    def _mean_variance(self) -> np.ndarray:  # (p,)
        dim, d = self.means.shape[1], self.variances.shape[1]
        return np.asarray((self.variances.sum(1, dtype=np.float64) + (dim - d) * self.rest) / dim)

    def _shrunk(self, variances: np.ndarray, part: int, share: float) -> np.ndarray:
        return np.asarray((1 - share) * variances[part] + share * self._mean_variance[part], np.float64)

    def write(self, space: Path) -> None:
        """One file, replaced in one step."""
        note = {"format": FORMAT, "metric": self.metric.name, "shrink": self.shrink, "about": self.about}
        arrays = {name: np.ascontiguousarray(getattr(self, name), np.float32) for name in _ARRAYS}
        if self.metric.weights is not None:
            arrays["weights"] = self.metric.weights
        files.write(space / NAME, save(arrays, {"ilk.parts": json.dumps(note)}))


def read(space: Path) -> Local | None:
    """None where the space was never split."""
    path = space / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as f:
            note = json.loads(f.metadata()["ilk.parts"])
            if note["format"] > FORMAT:
                raise FormatError(
                    f"{path} has format {note['format']}; this ilk reads up to {FORMAT}",
                    "Install a newer ilk, or split the space again.",
                )
            arrays = {name: f.get_tensor(name) for name in _ARRAYS}
            weights = f.get_tensor("weights") if note["metric"] == "whitened" else None
        metric = Metric(note["metric"], weights)
        local = Local(**arrays, metric=metric, shrink=float(note["shrink"]), about=dict(note["about"]))
        _check(local)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise FormatError(f"{path} is damaged: {e!r}", "Split the space again, or remove the file.") from e
    return local


def _check(local: Local) -> None:
    p, dim = local.means.shape
    d = local.variances.shape[1]
    found = [getattr(local, name) for name in _ARRAYS]
    shapes = [(p, dim), (p, d, dim), (p, d), (p,), (p,)]
    if [a.shape for a in found] != shapes or not all(np.isfinite(a).all() for a in found):
        raise ValueError("the arrays do not fit together, or are not finite")
    weights = local.metric.weights
    if local.metric.name not in METRICS or (weights is not None and weights.shape != (dim,)):
        raise ValueError(f"no metric {local.metric.name!r} of {dim} dimensions")
    if len(local.about["dims"]) != p or len(local.about["variance"]) != p:
        raise ValueError("not told of every part")
