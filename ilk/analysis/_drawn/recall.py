"""What is found among the first: pairs, choices, words; and figures before and after fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._probed import Probed
    from ..recommend import Hindsight
    from ..retrieval import Retrieval
    from ..words import Alike

RECALL = "The share whose right answer is among the first so many. Tick at the last: by lot."
LATER = """The share of what users chose later that stands among the first so many of their lists. Orange:
the space; grey: what needs no vectors."""
ALIKE = "How alike the words are to what was asked for."
BOTH = """Figures of rows not learnt from (95% interval): grey, by a probe of the encoder as it was; blue,
fine-tuned. Tick: guessing."""


def of_retrieval(found: Retrieval, counts: Sequence[int]) -> dict[str, Picture]:
    return {"recall": Picture(partial(recall, found, counts), RECALL, COLUMN, 2.6)}


def recall(found: Retrieval, counts: Sequence[int], ax: Axes) -> None:
    at = np.arange(len(counts))
    for way, hue in zip(found.ways, ink.COLOURS):
        ax.plot(at, way.recall, "o-", color=hue, label=way.name)
        ax.plot(at[-1], way.chance, "_", color=hue, ms=8)
    ax.set_xticks(at, [str(k) for k in counts])
    ax.set(xlabel="among the first", ylabel="share found", ylim=(0, 1.02))
    ax.legend()


def of_hindsight(found: Hindsight) -> dict[str, Picture]:
    return {"recall": Picture(partial(hindsight, found), LATER, COLUMN, 0.9 + 0.24 * len(found.ways))}


def hindsight(found: Hindsight, ax: Axes) -> None:
    value = np.array([w.recall for w in found.ways])
    hues = [ink.ORANGE, *[ink.GREY] * (len(value) - 1)]
    ink.bars(ax, [w.way for w in found.ways], value, value, value, hues)
    ax.set(xlabel=f"recall@{found.k}")
    ax.set_xlim(left=0)


def of_words(found: Alike) -> dict[str, Picture]:
    n = len(found.words)
    return {"alike": Picture(partial(alike, found), ALIKE, COLUMN, 0.9 + 0.2 * n)} if n else {}


def alike(found: Alike, ax: Axes) -> None:
    value = np.asarray(found.likeness)
    ink.bars(ax, found.words, value, np.minimum(value, 0), value, [ink.BLUE] * len(value))
    ax.set(xlabel="likeness")


def of_both(before: Probed, after: Probed) -> dict[str, Picture]:
    height = 0.9 + 0.3 * len(after.measures)
    return {"figures": Picture(partial(both, before, after), BOTH, COLUMN, height)}


def both(before: Probed, after: Probed, ax: Axes) -> None:
    names = list(after.measures)
    at = np.arange(len(names))
    for shift, found, hue in ((-0.13, before, ink.GREY), (0.13, after, ink.BLUE)):
        measures = [found.measures[name] for name in names]
        ax.hlines(at + shift, [m.low for m in measures], [m.high for m in measures], color=hue)
        ax.plot([m.value for m in measures], at + shift, "o", color=hue)
    ax.plot([after.measures[name].guess for name in names], at, "|", color=ink.GREY, ms=8)
    ax.set_yticks(at, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="share of rows not learnt from")
