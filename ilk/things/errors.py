"""What is taken for what, and what goes wrong in which picture.

Legend: d detections and g true boxes of one picture, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .found import Found

ENOUGH = 0.5  # IoU from which a box is a thing's
NEAR = 0.1  # from which it means the thing, but lies badly
KINDS = ("missed", "invented", "confused", "misplaced", "twice")


@dataclass(frozen=True)
class Error:
    kind: str  # of KINDS
    picture: int  # its place in the source
    box: tuple[float, float, float, float]  # of the thing if it was missed, else of the detection
    weight: float  # the score of what is wrong; of a missed thing 1, less what was nearly found of it
    found: int | None  # class
    true: int | None


def errors(
    found: Sequence[Found], truth: Sequence[tuple[np.ndarray, np.ndarray]], K: int, least: float
) -> tuple[np.ndarray, list[Error]]:
    """The confusion matrix (K + 1, K + 1), the last row and column the ground; errors, the worst first.

    Of detections with at least the score `least` (NaN: all).
    """
    confusion = np.zeros((K + 1, K + 1), np.int64)
    wrong: list[Error] = []
    for picture, (f, (boxes, kinds)) in enumerate(zip(found, truth)):
        f = f.take(np.flatnonzero(~(f.scores < least)))
        f = f.take(np.argsort(-f.scores, kind="stable"))
        shared = overlaps(f.boxes, boxes)
        of = _paired(shared)
        for d, g in enumerate(of):
            confusion[kinds[g] if g >= 0 else K, f.classes[d]] += 1
            error = _wrong(f, d, int(g), shared[d], kinds, picture)
            wrong += [] if error is None else [error]
        for g in set(range(len(boxes))) - {*of.tolist()}:
            confusion[kinds[g], K] += 1
            near = shared[:, g].max(initial=0)
            wrong.append(Error("missed", picture, _box(boxes[g]), float(1 - near), None, int(kinds[g])))
    return confusion, sorted(wrong, key=lambda e: -e.weight)


def _paired(shared: np.ndarray) -> np.ndarray:  # (d, g) -> (d,): the thing of each, -1 for none
    """Whatever the classes: of all pairs that overlap enough those that overlap most, each box once."""
    of = np.full(len(shared), -1)
    pairs = np.argwhere(shared >= ENOUGH)
    taken: set[int] = set()
    for d, g in pairs[np.argsort(-shared[*pairs.T], kind="stable")].tolist():
        if of[d] < 0 and g not in taken:
            of[d] = g
            taken.add(g)
    return of


def _wrong(f: Found, d: int, g: int, shared: np.ndarray, kinds: np.ndarray, picture: int) -> Error | None:
    """What is wrong with a detection that was paired with `g` (-1: with nothing)."""
    own, near = int(f.classes[d]), int(shared.argmax()) if len(shared) else -1
    if g >= 0 and kinds[g] == own:
        return None
    true: int | None = int(kinds[g]) if g >= 0 else None
    kind = "confused"
    if g < 0:
        overlap = shared[near] if near >= 0 else 0.0
        kind = "twice" if overlap >= ENOUGH else "misplaced" if overlap >= NEAR else "invented"
        true = None if kind == "invented" else int(kinds[near])
    return Error(kind, picture, _box(f.boxes[d]), float(f.scores[d]), own, true)


def _box(x: np.ndarray) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(v) for v in x)
    return x0, y0, x1, y1


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (d, 4), (g, 4) -> (d, g): IoU
    corner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inner = corner.clip(0).prod(-1)
    own, other = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    shared: np.ndarray = inner / np.maximum(own[:, None] + other[None] - inner, 1e-9)
    return shared
