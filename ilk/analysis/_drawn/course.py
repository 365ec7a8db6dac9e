"""How learning went."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .._result import Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..course import Course

LOSS = "The loss, step by step (grey) and smoothed (blue)."
CHECKS = """What the encoder kept is chosen by, on samples that were not learnt from, with its standard
error; ringed: the one that was kept. A fall at the end is over-training."""


def pictures(found: Course) -> dict[str, Picture]:
    out = {"loss": Picture(partial(loss, found), LOSS)}
    if sum(c.deciding is not None for c in found.checks) > 1:
        out["checks"] = Picture(partial(checks, found), CHECKS)
    return out


def loss(found: Course, ax: Axes) -> None:
    smooth = gaussian_filter1d(found.losses, max(1.0, len(found.losses) / 60), mode="nearest")
    ax.plot(found.steps, found.losses, color=ink.GREY, linewidth=0.4, alpha=0.6)
    ax.plot(found.steps, smooth, color=ink.BLUE)
    ax.set(xlabel="step", ylabel="loss")
    low, high = np.quantile(found.losses, [0.005, 0.98])
    ax.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.1 * (high - low) + 1e-9)


def checks(found: Course, ax: Axes) -> None:
    known = [c for c in found.checks if c.deciding is not None]
    steps, values = [c.step for c in known], [float(c.deciding or 0) for c in known]
    ax.errorbar(steps, values, [c.doubt for c in known], fmt="o-", color=ink.BLUE, elinewidth=0.8)
    for step, value in zip(steps, values):
        if step == found.kept:
            ax.plot(step, value, "o", color=ink.ORANGE, mfc="none", ms=9, mew=1.2)
    ax.set(xlabel="step", ylabel=found.decided_by)
