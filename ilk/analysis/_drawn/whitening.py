"""How neighbours change with the distance."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..whitening import Whitening

KEPT = """The share of a sample's nearest by the space's own distance that are so by another, too (95%
interval over samples). Dotted: chance."""
TOLD = """What the ten nearest tell (95% interval over samples): the share of the same name, or R2 of their
mean. Tick: chance."""
HUBS = """Hubs: the skewness of how often a sample is among the ten nearest of others (95% interval, samples
drawn again). Far above 1, a few samples are everybody's neighbour."""


def pictures(found: Whitening) -> dict[str, Picture]:
    low = 0.9 + 0.25 * len(found.distances)
    out = {"kept": Picture(partial(kept, found), KEPT)}
    if found.column is not None:
        out["told"] = Picture(partial(told, found), TOLD, COLUMN, low)
    return out | {"hubs": Picture(partial(hubs, found), HUBS, COLUMN, low)}


def kept(found: Whitening, ax: Axes) -> None:
    for d, hue in zip(found.distances[1:], ink.COLOURS):
        ax.fill_between(
            found.counts, [m.low for m in d.kept], [m.high for m in d.kept], color=hue, alpha=0.2, linewidth=0
        )
        ax.plot(found.counts, [m.value for m in d.kept], "o-", color=hue, label=d.name)
    ax.plot(found.counts, [m.guess for m in found.distances[0].kept], ":", color=ink.GREY)
    ax.set(xscale="log", xlabel="nearest", ylabel="share that stays", ylim=(0, 1.02))
    ax.set_xticks(found.counts, [str(k) for k in found.counts])
    ax.minorticks_off()
    ax.legend()


def told(found: Whitening, ax: Axes) -> None:
    measures = [d.told for d in found.distances if d.told is not None]
    value, low, high = (np.array([getattr(m, n) for m in measures]) for n in ("value", "low", "high"))
    names = [d.name for d in found.distances]
    ink.bars(ax, names, value, low, high, [ink.BLUE] * len(names))
    ax.plot([m.guess for m in measures], range(len(names)), "|", color=ink.GREY, ms=8)
    ax.set(xlabel=f"{found.column}, told by the ten nearest")


def hubs(found: Whitening, ax: Axes) -> None:
    value, low, high = (
        np.array([getattr(d.hubs, n) for d in found.distances]) for n in ("value", "low", "high")
    )
    names = [d.name for d in found.distances]
    ink.bars(ax, names, value, low, high, [ink.BLUE] * len(names))
    ax.axvline(0, color=ink.GREY, linewidth=0.6)
    ax.set(xlabel="skewness of neighbour counts")
