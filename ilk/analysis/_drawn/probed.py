"""How well a column is told, and who is taken for whom.

Legend: c labels.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._probed import Probed

CONFUSION = """As what the samples of each label (row) were told, by models that had not seen them: shares
of the row, counts in the cells."""
FIGURES = "How well the column is told of samples held out (95% interval). Tick: guessing."
SHARES = ("accuracy", "precision", "recall", "F1", "R2")  # of one axis; others have units


def pictures(found: Probed) -> dict[str, Picture]:
    shares = [name for name in found.measures if name in SHARES]
    out = {"figures": Picture(partial(figures, found, shares), FIGURES, COLUMN, 0.8 + 0.22 * len(shares))}
    if found.confusion is not None:
        side = max(2.2, 0.24 * len(found.labels) + 1.2)
        out["confusion"] = Picture(partial(confusion, found), CONFUSION, side + 0.3, side)
    return out


def figures(found: Probed, shares: list[str], ax: Axes) -> None:
    measures = [found.measures[name] for name in shares]
    value, low, high = (np.array([getattr(m, n) for m in measures]) for n in ("value", "low", "high"))
    ink.bars(ax, shares, value, low, high, [ink.BLUE] * len(shares))
    ax.plot([m.guess for m in measures], range(len(shares)), "|", color=ink.GREY, ms=8)
    ax.set(xlabel=f"told by {found.how}")
    ax.set_xlim(right=1.02)


def confusion(found: Probed, ax: Axes) -> None:
    counts = np.asarray(found.confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    ink.matrix(ax, shares, found.labels, found.labels, written=False)
    if len(found.labels) <= 20:
        for (i, j), count in np.ndenumerate(counts):
            if count:
                hue = "white" if shares[i, j] > 0.55 else "black"
                ax.text(j, i, f"{count:,}", ha="center", va="center", color=hue, fontsize=6)
    ax.set(xlabel="told", ylabel="truth")
