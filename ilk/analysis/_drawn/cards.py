"""What speaks for each group."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..cards import Card

AGAIN = """Of each group, what is covered by the best group that half of the samples give (Jaccard; dot:
median of 20 halves, bar: the middle nine tenths, tick: what chance would give)."""
SILHOUETTE = """Silhouettes: how much nearer a sample is to its own group than to the next, each a line,
group by group; dashed: their mean. Below 0, the next group is nearer. They take all groups to be round and
of one size."""


def pictures(cards: Sequence[Card], labels: np.ndarray, silhouette: np.ndarray) -> dict[str, Picture]:
    if len(cards) < 2:
        return {}
    height = 0.8 + 0.18 * len(cards)
    return {
        "again": Picture(partial(again, cards), AGAIN, COLUMN, height),
        "silhouette": Picture(partial(silhouettes, labels, silhouette), SILHOUETTE, COLUMN, max(2.2, height)),
    }


def again(cards: Sequence[Card], ax: Axes) -> None:
    value, low, high = (
        np.array([getattr(c.again, name) for c in cards]) for name in ("value", "low", "high")
    )
    ink.bars(ax, [str(c.cluster) for c in cards], value, low, high, [ink.colour(c.cluster) for c in cards])
    ax.plot([c.again.guess for c in cards], range(len(cards)), "|", color=ink.GREY, ms=6)
    ax.set(xlabel="found again", ylabel="group", xlim=(0, 1.02))


def silhouettes(labels: np.ndarray, values: np.ndarray, ax: Axes) -> None:
    known = np.isfinite(values)
    labels, values = labels[known], values[known]
    start, middles = 0, {}
    for c in np.unique(labels):
        own = np.sort(values[labels == c])
        at = np.arange(start, start + len(own))
        ax.fill_betweenx(at, 0, own, color=ink.colour(int(c)), linewidth=0)
        middles[int(c)] = start + len(own) / 2
        start += len(own) + max(2, len(labels) // 100)
    ax.axvline(values.mean(), color=ink.GREY, linestyle="--", linewidth=0.8)
    ax.axvline(0, color=ink.GREY, linewidth=0.6)
    ax.set_yticks(list(middles.values()), [str(c) for c in middles])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.set(xlabel="silhouette", ylabel="group")
