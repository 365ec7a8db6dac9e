"""What an encoder looks past, what labels are worth, what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..align import Alignment
    from ..diagnose import Diagnosis, Step
    from ..drift import Drift
    from ..invariance import Invariance
    from ..pairs import Duplicates

MOVED = """How far a vector goes when its sample is changed, as a share of the distance between two samples
(median, 95% interval). Orange: what changed can be told from the vector; blue: nothing of it can; grey: in
between."""
FOUND = """The share of samples that, changed, are still nearest to themselves (95% interval). Colours as
beside."""
CURVE = """Accuracy of a line on the vectors, on samples held out (blue, 95% interval over five folds) and
on those learnt from (orange), after so many labels. Dotted: guessing."""
CAPACITY = """The same by how many main axes of the vectors the line may look at, all labels learnt from."""
DRIFT = (
    "How far the mean of the new rows is from that of the old, in spreads of the old, dimension by dimension."
)
NEAR = """Distances between near-duplicates. Dashed: the threshold, below which chance alone would bring
less than one sample; dotted: what is usual for the nearest sample."""
ALIGN = """Samples that the way was not found by: how many find themselves, and keep their ten
neighbours."""
VERDICTS = {"carried": ink.ORANGE, "lost": ink.BLUE, "mixed": ink.GREY}
MOST = 30  # dimensions


def of_invariance(found: Invariance) -> dict[str, Picture]:
    rows = sum(len(c.strengths) for c in found.changes)
    size = (COLUMN + 0.9, 0.7 + 0.15 * rows)
    return {
        "moved": Picture(partial(changes, found, "moved"), MOVED, *size),
        "found": Picture(partial(changes, found, "found"), FOUND, *size),
    }


def changes(found: Invariance, which: str, ax: Axes) -> None:
    names, measures, hues = [], [], []
    for c in found.changes:
        for i, m in enumerate(getattr(c, which)):
            names.append(f"{c.kind}, {c.strength(i)}")
            measures.append(m)
            hues.append(VERDICTS[c.verdict])
    value, low, high = (np.array([getattr(m, n) for m in measures]) for n in ("value", "low", "high"))
    ink.bars(ax, names, value, low, high, hues)
    ax.set_yticks(range(len(names)), names)
    label = "moved / distance of two samples" if which == "moved" else "still nearest to itself"
    ax.set(xlabel=label)
    ax.set_xlim(left=0)


def of_diagnosis(found: Diagnosis) -> dict[str, Picture]:
    out = {"curve": Picture(partial(curve, found.curve, "labels learnt from"), CURVE)}
    if len(found.capacity) > 1:
        out["capacity"] = Picture(partial(curve, found.capacity, "main axes looked at"), CAPACITY)
    return out


def curve(steps: Sequence[Step], label: str, ax: Axes) -> None:
    x = [s.at for s in steps]
    ax.fill_between(
        x, [s.asked.low for s in steps], [s.asked.high for s in steps], color=ink.BLUE, alpha=0.2, linewidth=0
    )
    ax.plot(x, [s.asked.value for s in steps], "o-", color=ink.BLUE, label="held out")
    ax.plot(x, [s.own for s in steps], "o-", color=ink.ORANGE, mfc="white", label="learnt from")
    ax.axhline(steps[-1].asked.guess, color=ink.GREY, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", xlabel=label, ylabel="accuracy")
    shown = x if len(x) <= 6 else x[:: -(-len(x) // 6)]
    ax.set_xticks(shown, [f"{v:,}" for v in shown])
    ax.minorticks_off()
    ax.set_ylim(top=1.02)
    ax.legend()


def of_drift(found: Drift) -> dict[str, Picture]:
    return {} if found.own is None else {"moved": Picture(partial(moved, found), DRIFT)}


def moved(found: Drift, ax: Axes) -> None:
    order = np.argsort(-np.abs(found.moved), kind="stable")[:MOST]
    ax.bar(range(len(order)), found.moved[order], color=ink.ORANGE if found.unlike else ink.BLUE, width=0.7)
    ax.axhline(0, color=ink.GREY, linewidth=0.6)
    every = range(0, len(order), max(1, len(order) // 10))
    ax.set_xticks(every, [str(order[i]) for i in every])
    ax.set(xlabel="dimension, those farthest off first", ylabel="mean moved (spreads)")


def of_duplicates(found: Duplicates) -> dict[str, Picture]:
    return {"distances": Picture(partial(distances, found), NEAR)} if len(found.rows) > 1 else {}


def distances(found: Duplicates, ax: Axes) -> None:
    ranked = np.sort(found.distances)
    ax.step(ranked, np.arange(1, len(ranked) + 1), where="post", color=ink.BLUE)
    ax.axvline(found.within, color=ink.ORANGE, linestyle="--", linewidth=0.8)
    if found.usual is not None:
        ax.axvline(found.usual, color=ink.GREY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="distance to the nearest duplicate", ylabel="samples")
    ax.set_xlim(left=0)


def of_alignment(found: Alignment) -> dict[str, Picture]:
    return {"ways": Picture(partial(ways, found), ALIGN, COLUMN, 1 + 0.3 * len(found.ways))}


def ways(found: Alignment, ax: Axes) -> None:
    at = np.arange(len(found.ways))
    for shift, values, hue, label in (
        (-0.18, [w.found for w in found.ways], ink.BLUE, "find themselves"),
        (0.18, [w.kept for w in found.ways], ink.ORANGE, "neighbours kept"),
    ):
        ax.barh(at + shift, values, 0.32, color=hue, label=label)
    ax.set_yticks(at, [w.name for w in found.ways])
    ax.set_ylim(len(at) - 0.5, -0.5)
    ax.set(xlabel="share", xlim=(0, 1.02))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, borderaxespad=0)
