"""Two spaces side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..compare import Comparison

BETTER = """By how much the second space tells more than the first, of the same samples held out (95%
interval, samples drawn again). Grey: it may be luck."""
SIDES = """What each space tells of samples held out, by each way of asking (95% interval over five
folds)."""


def pictures(found: Comparison) -> dict[str, Picture]:
    height = 0.9 + 0.3 * len(found.ways)
    return {
        "better": Picture(partial(better, found), BETTER, COLUMN, height),
        "sides": Picture(partial(sides, found), SIDES, COLUMN, height + 0.4),
    }


def better(found: Comparison, ax: Axes) -> None:
    value, low, high = (
        np.array([getattr(w.better, n) for w in found.ways]) for n in ("value", "low", "high")
    )
    hues = [ink.GREY if w.p >= 0.05 else ink.BLUE if w.better.value > 0 else ink.ORANGE for w in found.ways]
    ink.bars(ax, [w.how for w in found.ways], value, low, high, hues)
    ax.axvline(0, color=ink.GREY, linewidth=0.6)
    ax.set(xlabel=f"{found.measure} of {ink.short(found.other)} less that of {ink.short(found.one)}")


def sides(found: Comparison, ax: Axes) -> None:
    at = np.arange(len(found.ways))
    for shift, which, hue in ((-0.13, "one", ink.ORANGE), (0.13, "other", ink.BLUE)):
        measures = [getattr(w, which) for w in found.ways]
        ax.hlines(at + shift, [m.low for m in measures], [m.high for m in measures], color=hue)
        name = ink.short(getattr(found, which))
        ax.plot([m.value for m in measures], at + shift, "o", color=hue, label=name)
    ax.set_yticks(at, [w.how for w in found.ways])
    ax.set_ylim(len(at) - 0.5, -0.5)
    ax.set(xlabel=f"{found.measure} of {found.column}")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, borderaxespad=0)
