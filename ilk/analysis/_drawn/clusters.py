"""Groups: what spoke for their number, how they join, what each is.

Legend: k groups.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import dendrogram

from .._result import COLUMN, Picture
from ..hierarchy import joined
from ..mixture import DEEP, WHOLE, Mixture, Trial
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVE = """The likelihood of k Gaussians, less the cost of their parameters (BIC) and of their overlap
(ICL), per sample and against one; lower is better. Filled: groups that are apart, cut through nothing and
are found again in other samples. Ringed: the number that was taken."""
TREE = """How the groups join, those first that lose least by being one Gaussian. To the right: the log
likelihood that the join costs, in nats a sample."""
OVERLAP = """The chance that the Gaussians give a sample of one group (row) to belong to another
(column)."""


def pictures(m: Mixture) -> dict[str, Picture]:
    out = {}
    if len(m.trials) > 1:
        out["curve"] = Picture(partial(curve, m), CURVE)
    if m.k > 1:
        side = max(1.8, 0.26 * m.k + 1)
        out["overlap"] = Picture(partial(overlap, m), OVERLAP, side + 0.4, side)
    if m.k > 2:
        out["hierarchy"] = Picture(partial(hierarchy, m), TREE, COLUMN, 0.8 + 0.2 * m.k)
    return out


def curve(m: Mixture, ax: Axes) -> None:
    n, one = m.tried, m.trials[0]
    k = [t.k for t in m.trials]
    for name, value, first, hue in (
        ("BIC", [t.bic for t in m.trials], one.bic, ink.GREY),
        ("ICL", [t.icl for t in m.trials], one.icl, ink.BLUE),
    ):
        ax.plot(k, (np.array(value) - first) / n, color=hue, label=name)
    for t in m.trials:
        held = t.held or t.k == m.k == 1
        ax.plot(t.k, (t.icl - one.icl) / n, "o", color=ink.BLUE, mfc=ink.BLUE if held else "white")
        if why := against(t):
            ax.annotate(why, (t.k, (t.icl - one.icl) / n), (0, 6), textcoords="offset points", fontsize=5.5,
                        ha="center", color=ink.GREY)  # fmt: skip
    chosen = next(t for t in m.trials if t.k == m.k)
    ax.plot(m.k, (chosen.icl - one.icl) / n, "o", color=ink.ORANGE, mfc="none", ms=9, mew=1.2)
    ax.axhline(0, color=ink.GREY, linewidth=0.5, linestyle=":")
    ax.set(xlabel="number of groups", ylabel="criterion per sample, less that of one")
    ax.set_xticks(k)
    ax.margins(y=0.15)
    ax.legend()


def against(t: Trial) -> str:
    """What speaks against this number, in a word or two."""
    if t.k == 1 or t.held:
        return ""
    if t.valley > DEEP:
        return "no\ngap"
    if t.torn > WHOLE:
        return "cuts\na hill"
    return "not\nagain" if np.isfinite(t.stability) else ""


def overlap(m: Mixture, ax: Axes) -> None:
    labels = m.labels
    shares = np.stack(
        [m.memberships[labels == c].mean(0) if (labels == c).any() else np.zeros(m.k) for c in range(m.k)]
    )
    names = [str(c) for c in range(m.k)]
    ink.matrix(ax, shares, names, names)
    ax.set(xlabel="chance of group", ylabel="samples of group")


def hierarchy(m: Mixture, ax: Axes) -> None:
    tree = joined(m)
    dendrogram(
        tree, ax=ax, orientation="right", color_threshold=0, above_threshold_color=ink.GREY,
        labels=[f"{c}" for c in range(m.k)],
    )  # fmt: skip
    for text in ax.get_yticklabels():
        text.set_color(ink.colour(int(text.get_text())))
        text.set_fontsize(7)
    ax.set(xlabel="cost of the join (nats a sample)", ylabel="group")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
