"""The map, coloured by an amount."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def by_amount(xy: np.ndarray, values: np.ndarray, name: str, caption: str) -> Picture:
    return Picture(partial(coloured, xy, values, name), caption, COLUMN, 2.6)


def coloured(xy: np.ndarray, values: np.ndarray, name: str, ax: Axes) -> None:
    """Places (n, 2), values (n,); the outer hundredths share a colour, so that few do not take all shades."""
    known = np.isfinite(values)
    low, high = np.quantile(values[known], [0.01, 0.99])
    size = float(np.clip(2500 / max(1, len(xy)), 0.6, 8))
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
