"""Labels by few rows of each, or by their names alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..shots import FewShots
    from ..zeroshot import ZeroShot

DRAWS = """How many rows get the right label, draw by draw; line: their mean, in the band its 95% interval.
Dotted: guessing."""
ROWS = "The rows that take each class by its name, and the mean chance that they give it."


def of_shots(found: FewShots) -> dict[str, Picture]:
    return {"draws": Picture(partial(draws, found), DRAWS, COLUMN, 2.2)}


def draws(found: FewShots, ax: Axes) -> None:
    ax.hist(found.each, min(30, max(5, found.draws // 4)), color=ink.BLUE, alpha=0.6, linewidth=0)
    ax.axvspan(found.low, found.high, color=ink.ORANGE, alpha=0.25, linewidth=0)
    ax.axvline(found.accuracy, color=ink.ORANGE)
    ax.axvline(found.guess, color=ink.GREY, linestyle=":")
    ax.set(xlabel=f"accuracy by {found.shots} rows of each label, {found.by}", ylabel="draws")


def of_zero(found: ZeroShot) -> dict[str, Picture]:
    return {"classes": Picture(partial(classes, found), ROWS, COLUMN, 0.8 + 0.2 * len(found.classes))}


def classes(found: ZeroShot, ax: Axes) -> None:
    table = found.table().to_pydict()
    at = np.arange(len(table["class"]))
    ax.barh(at, table["rows"], color=ink.BLUE, height=0.7)
    for i, (rows, sure) in enumerate(zip(table["rows"], table["probability"])):
        told = f" {sure:.2f}" if rows else ""
        ax.text(rows, i, told, va="center", color=ink.GREY, fontsize=6)
    ax.set_yticks(at, [ink.short(n) for n in table["class"]])
    ax.set_ylim(len(at) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="rows")
    ax.margins(x=0.12)
