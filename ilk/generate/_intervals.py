"""What a posterior says of each number, and of each two. Legend: m draws, p numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis._drawn import ink
from ..analysis._result import COLUMN, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INTERVALS = """What the picture allows each number to be: a dot at the median, thick the middle 50%, thin the
middle 90%. Grey: the same before the picture was seen; all on the scale of that."""
PAIRS = """What the picture allows each number, and each two together, to be: the darker, the likelier. Grey:
before the picture was seen."""
MOST = 8  # numbers drawn two by two
BINS = 24
INSIDE, WHOLE = (25, 75), (5, 95)


def pictures(names: Sequence[str], values: np.ndarray, before: np.ndarray) -> Mapping[str, Picture]:
    p = len(names)
    found = {
        "intervals": Picture(partial(intervals, names, values, before), INTERVALS, COLUMN, 0.9 + 0.3 * p)
    }
    if p > 1:
        side = 1 + 0.75 * min(p, MOST)
        some = slice(0, MOST)
        draw = partial(pairs, names[some], values[:, some], before[:, some])
        found["pairs"] = Picture(draw, PAIRS, side, side)
    return found


def intervals(names: Sequence[str], values: np.ndarray, before: np.ndarray, ax: Axes) -> None:
    low, high = np.percentile(before, (0.5, 99.5), axis=0)
    at = np.arange(len(names))
    for x, hue, shift in ((before, "#C9CDD4", 0.16), (values, ink.BLUE, -0.12)):
        share = (np.percentile(x, (*WHOLE, *INSIDE, 50), axis=0) - low) / (high - low)
        ax.hlines(at + shift, share[0], share[1], colors=hue, linewidth=1)
        ax.hlines(at + shift, share[2], share[3], colors=hue, linewidth=3.5)
        ax.plot(share[4], at + shift, "o", color=hue, markeredgecolor="white", markersize=5)
    for i, told in enumerate(np.percentile(values, (50, *WHOLE), axis=0).T):
        ax.text(1.04, i, "{:.3g}  ({:.3g} to {:.3g})".format(*told), va="center")
    ax.set_yticks(at, [ink.short(n) for n in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xticks([0, 1], ["least", "most"])
    ax.tick_params(axis="y", length=0)


def pairs(names: Sequence[str], values: np.ndarray, before: np.ndarray, ax: Axes) -> None:
    ax.axis("off")
    p = len(names)
    ends = np.percentile(before, (0.5, 99.5), axis=0).T  # (p, 2)
    for i in range(p):
        for j in range(i + 1):
            small = ax.inset_axes((j / p, 1 - (i + 1) / p, 0.9 / p, 0.9 / p))
            if i == j:
                _one(small, values[:, i], before[:, i], ends[i])
            else:
                small.hist2d(values[:, j], values[:, i], BINS, range=[ends[j], ends[i]], cmap="Blues")
            _edges(small, names, i, j, p)


def _one(ax: Any, x: np.ndarray, before: np.ndarray, ends: np.ndarray) -> None:
    shared = {"bins": BINS, "range": ends, "density": True, "histtype": "stepfilled"}
    ax.hist(before, color="#DFE2E7", **shared)
    ax.hist(x, color=ink.BLUE, alpha=0.85, **shared)
    ax.set_xlim(*ends)
    ax.spines["left"].set_visible(False)


def _edges(ax: Any, names: Sequence[str], i: int, j: int, p: int) -> None:
    ax.tick_params(labelsize=5, length=1.5, pad=1)
    ax.locator_params(nbins=3)
    if j or i == j:
        ax.set_yticks([])
    elif i:
        ax.set_ylabel(ink.short(names[i], 12))
    if i < p - 1:
        ax.set_xticklabels([])
    else:
        ax.set_xlabel(ink.short(names[j], 12))
