"""Colours that stay apart with any colour vision, on paper and on a dark page; marks that several need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's and Tol's
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#882255", "#999933", "#332288", "#44AA99", "#AA4499", "#777777",
)  # fmt: skip
BLUE, ORANGE, GREEN = COLOURS[:3]
GREY = "#8A909C"
SHADES = "cividis"  # of amounts; read alike with any colour vision, and without colour


def colour(group: int) -> str:
    return GREY if group < 0 else COLOURS[group % len(COLOURS)]


def short(name: str, letters: int = 18) -> str:
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def bars(
    ax: Axes, names: Sequence[str], values: np.ndarray, low: np.ndarray, high: np.ndarray, ink: Sequence[str]
) -> None:
    """A dot a name with its interval, the first on top."""
    at = np.arange(len(names))
    ax.hlines(at, low, high, colors=list(ink), linewidth=1.6)
    ax.scatter(values, at, c=list(ink), s=18, zorder=3)
    ax.set_yticks(at, [short(n) for n in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def matrix(
    ax: Axes, shares: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, written: bool = True
) -> None:
    """Shares from 0 to 1 as shades of blue, with figures where there is room for them."""
    ax.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_yticks(range(len(rows)), [short(n) for n in rows])
    many = len(columns) > 14
    every = range(0, len(columns), max(1, len(columns) // 14)) if many else range(len(columns))
    turned = max((len(columns[j]) for j in every), default=0) > 3
    ax.set_xticks(every, [short(columns[j], 12) for j in every], rotation=45 if turned else 0,
                  ha="right" if turned else "center", rotation_mode="anchor")  # fmt: skip
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    if written and not many:
        for (i, j), share in np.ndenumerate(shares):
            if share >= 0.005:
                ink = "white" if share > 0.55 else "black"
                ax.text(
                    j, i, f"{share:.2f}".removeprefix("0"), ha="center", va="center", color=ink, fontsize=6
                )
