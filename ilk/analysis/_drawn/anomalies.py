"""Odd rows beside what chance gives."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..anomalies import Anomalies

TAIL = """Each sample's p against the one that chance would give the sample of its rank; in the band lie 95
of 100 sets without odd samples, rank by rank. Orange: odd, at the level asked for."""
PLACES = """How far each sample is from its neighbours, and how far out of the groups, in multiples of what
is usual. Orange: odd beyond chance."""
SHOWN = 4000  # dots: all of the first, an even choice of the others


def pictures(found: Anomalies) -> dict[str, Picture]:
    if not len(found.order):
        return {}
    return {
        "tail": Picture(partial(tail, found), TAIL, COLUMN, 2.6),
        "places": Picture(partial(places, found), PLACES, COLUMN, 2.6),
    }


def tail(found: Anomalies, ax: Axes) -> None:
    p, n = np.maximum(found.p[found.order], 1e-300), len(found.order)
    odd = np.array([bool(found.kinds[i]) for i in found.order])
    rank = np.unique(np.geomspace(1, n, 400).astype(int))
    expected = rank / (n + 1)
    low, high = (beta.ppf(q, rank, n + 1 - rank) for q in (0.025, 0.975))
    ax.fill_between(expected, low, high, color=ink.GREY, alpha=0.25, linewidth=0)
    ax.plot(expected, expected, color=ink.GREY, linewidth=0.6)
    some = np.unique(np.concatenate([np.arange(min(n, 200)), np.geomspace(1, n, SHOWN).astype(int) - 1]))
    for which, hue in ((~odd, ink.BLUE), (odd, ink.ORANGE)):
        at = some[which[some]]
        ax.plot((at + 1) / (n + 1), p[at], "o", color=hue, ms=2.2, mew=0)
    ax.set(xscale="log", yscale="log", xlabel="p by chance, for the rank", ylabel="p of the sample")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda v, _: f"{v:g}")
        axis.set_inverted(True)


def places(found: Anomalies, ax: Axes) -> None:
    rows = found.order[:: max(1, len(found.order) // SHOWN)]
    rows = np.union1d(rows, found.odd)
    odd = np.array([bool(found.kinds[i]) for i in rows], bool)
    x, y = (found.times[name][rows] for name in ("neighbours", "density"))
    for which, hue, size in ((~odd, ink.BLUE, 1.8), (odd, ink.ORANGE, 3.5)):
        ax.plot(x[which], y[which], "o", color=hue, ms=size, mew=0, alpha=0.6 if size < 3 else 1)
    for row in found.odd[:5]:
        ax.annotate(
            ink.short(str(found.ids[row])), (found.times["neighbours"][row], found.times["density"][row]),
            (4, 0), textcoords="offset points", fontsize=5.5, va="center", color=ink.GREY,
        )  # fmt: skip
    ax.set(xlabel="distance to neighbours / usual", ylabel="distance out of groups / usual")
    ax.margins(x=0.12)
