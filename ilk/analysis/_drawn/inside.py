"""Where attention gathers, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from .._result import Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RECEIVED = """What the most looked-at token of each layer receives, in shares of what it would if all looked
evenly (1, dotted); far above it is a sink. The mean over all samples asked."""


def received(shares: Sequence[float], names: Sequence[str] = ()) -> dict[str, Picture]:
    return {"received": Picture(partial(_received, shares, names), RECEIVED)}


def _received(shares: Sequence[float], names: Sequence[str], ax: Axes) -> None:
    layers = list(range(1, len(shares) + 1))
    ax.plot(layers, shares, "o-", color=ink.BLUE)
    ax.axhline(1, color=ink.GREY, linestyle=":", linewidth=0.8)
    for layer, share, name in zip(layers, shares, names):
        ax.annotate(ink.short(name, 12), (layer, share), (0, 4), textcoords="offset points", fontsize=6)
    ax.set(xlabel="layer", ylabel="times an even share", xticks=layers)
    ax.set_ylim(bottom=0)
