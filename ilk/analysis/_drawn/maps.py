"""The map: its places alone, or coloured by an amount."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..map import Layout

PLACES = """A place for each sample: those alike lie together; the distance between far ones means little, and
so do the axes."""


def of_layout(found: Layout) -> dict[str, Picture]:
    return {"map": Picture(partial(places, found.xy), PLACES, COLUMN, 3.3)} if len(found.xy) else {}


def places(xy: np.ndarray, ax: Axes) -> None:
    ax.scatter(xy[:, 0], xy[:, 1], s=_size(xy), color=ink.BLUE, linewidths=0, rasterized=True)
    ax.set_aspect("equal")
    ax.set(xlabel=f"{len(xy):,} samples", xticks=[], yticks=[])


def by_amount(xy: np.ndarray, values: np.ndarray, name: str, caption: str) -> Picture:
    return Picture(partial(coloured, xy, values, name), caption, COLUMN, 2.6)


def coloured(xy: np.ndarray, values: np.ndarray, name: str, ax: Axes) -> None:
    """Places (n, 2), values (n,); the outer hundredths share a colour, so that few do not take all shades."""
    known = np.isfinite(values)
    low, high = np.quantile(values[known], [0.01, 0.99])
    size = _size(xy)
    ax.scatter(xy[~known, 0], xy[~known, 1], s=size, color="#dddddd", linewidths=0, rasterized=True)
    dots = ax.scatter(
        xy[known, 0], xy[known, 1], s=size, c=values[known], cmap=ink.SHADES, vmin=low, vmax=high,
        linewidths=0, rasterized=True,
    )  # fmt: skip
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_title(ink.short(name, 40))
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.75, pad=0.02, aspect=28)
    bar.outline.set_visible(False)


def _size(xy: np.ndarray) -> float:
    return float(np.clip(2500 / max(1, len(xy)), 0.6, 8))
