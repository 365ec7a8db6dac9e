"""Of graphs: communities, nodes unlike those they are linked with, links that were foretold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..communities import Communities
    from ..linked import Linked

SIZES = "The nodes of each community, the largest first."
UNLIKE = """How unlike each node is to those it is linked with: the mean of 1 - cosine, of nodes with three
links or more. Orange: beyond the line, which lies as many standard deviations above the median as asked."""
FORETOLD = """The chance that a hidden edge is put above a pair without one (AUC), by what was learnt from
the other edges and by what needs no learning. Line: guessing."""
HITS = """The share of hidden edges that are put above all but so many of as many pairs without one."""


def of_communities(found: Communities) -> dict[str, Picture]:
    return {"sizes": Picture(partial(sizes, found), SIZES, COLUMN, 2)} if len(found.labels) else {}


def sizes(found: Communities, ax: Axes) -> None:
    counts = np.bincount(found.labels)
    ax.bar(np.arange(len(counts)), counts, color=ink.BLUE, width=0.8)
    ax.set(xlabel="community", ylabel="nodes", xticks=range(0, len(counts), 1 + len(counts) // 12))
    if counts.max() > 50 * counts.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda v, _: f"{v:g}")


def of_linked(found: Linked) -> dict[str, Picture]:
    if not np.isfinite(found.score).any():
        return {}
    return {"unlike": Picture(partial(unlike, found), UNLIKE, COLUMN, 2.2)}


def unlike(found: Linked, ax: Axes) -> None:
    asked = np.isfinite(found.score)
    values, odd = found.unlike[asked], found.score[asked] > found.beyond
    cells = np.histogram_bin_edges(values, bins=40).tolist()
    parts = [values[~odd], values[odd]]
    ax.hist(parts, cells, stacked=True, color=[ink.BLUE, ink.ORANGE], linewidth=0)
    if odd.any():
        ax.axvline(values[odd].min(), color=ink.GREY, linestyle="--", linewidth=0.8)
    ax.set(xlabel="unlike those it is linked with", ylabel="nodes")


class Way(Protocol):
    """`ilk.learning.linking.Foretold`."""

    @property
    def by(self) -> str: ...
    @property
    def auc(self) -> float: ...
    @property
    def hits(self) -> dict[int, float]: ...


def of_links(ways: Sequence[Way]) -> dict[str, Picture]:
    """The first is the one that was learnt."""
    low = 0.9 + 0.24 * len(ways)
    return {
        "foretold": Picture(partial(foretold, ways), FORETOLD, COLUMN, low),
        "hits": Picture(partial(hits, ways), HITS, COLUMN, 2.4),
    }


def foretold(ways: Sequence[Way], ax: Axes) -> None:
    value = np.array([w.auc for w in ways])
    hues = [ink.ORANGE, *[ink.GREY] * (len(value) - 1)]
    ink.bars(ax, [w.by for w in ways], value, value, value, hues)
    ax.axvline(0.5, color=ink.GREY, linewidth=0.6)
    ax.set(xlabel="AUC of hidden edges", xlim=(min(0.45, value.min() - 0.02), 1.02))


def hits(ways: Sequence[Way], ax: Axes) -> None:
    for way, hue in zip(ways, (ink.ORANGE, ink.BLUE, ink.GREEN, ink.GREY)):
        ax.plot([str(k) for k in way.hits], list(way.hits.values()), "o-", color=hue, label=way.by)
    ax.set(xlabel="pairs without an edge that may come first", ylabel="share of hidden edges", ylim=(0, 1.02))
    ax.legend()
