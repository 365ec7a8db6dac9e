"""How well things are found: average precision as COCO counts it, by class and by size; and what goes wrong.

Legend: D detections, G true boxes, T thresholds of IoU, K classes, R = 101 levels of recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..compiled import compiled
from ..errors import OptionError
from .errors import Error, errors
from .found import Found

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
EVERYTHING = (0.0, 1e10)  # pixels of area
Boxes = tuple[np.ndarray, np.ndarray]  # (b, 4), (b,) classes


@dataclass(frozen=True)
class Measure:
    ap50: float  # mean over the classes that occur, at an IoU of 0.5
    ap: float  # the same over IoU 0.5, 0.55, ... 0.95
    best_score: float  # from which score on precision and recall at IoU 0.5 are balanced best (F1)
    precision: float  # there, of all classes together
    recall: float
    classes: tuple[str, ...]
    things: np.ndarray  # (K,) how many there are
    ap50_of: np.ndarray  # (K,); NaN where there is none
    ap_of: np.ndarray  # (K,)
    curve: np.ndarray  # (K, R) precision at each recall, at IoU 0.5
    sizes: dict[str, tuple[int, float, float]]  # small, medium, large: how many, mAP@50, mAP@50:95
    confusion: np.ndarray  # (K + 1, K + 1): true by found, the last is the ground; from `best_score` on
    errors: list[Error] = field(repr=False)  # the worst first

    def facts(self) -> dict[str, Any]:
        return {
            "mAP@50": self.ap50,
            "mAP@50:95": self.ap,
            "best_score": self.best_score,
            "precision": self.precision,
            "recall": self.recall,
            "things": int(self.things.sum()),
        }

    def table(self) -> pa.Table:
        """One line for each class that occurs, then one for each size."""
        rows = [
            {"of": name, "things": int(n), "mAP@50": a, "mAP@50:95": b}
            for name, n, a, b in zip(self.classes, self.things, self.ap50_of, self.ap_of)
            if n
        ]
        rows += [
            {"of": f"{name} ones", "things": n, "mAP@50": a, "mAP@50:95": b}
            for name, (n, a, b) in self.sizes.items()
            if n
        ]
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        return (
            f"mAP@50 {self.ap50:.3f}, mAP@50:95 {self.ap:.3f} on {int(self.things.sum()):,} things; "
            f"from score {self.best_score:.2f} on {self.precision:.0%} of what is found is right, and "
            f"{self.recall:.0%} of what there is is found."
        )


def measure(
    found: Sequence[Found],
    truth: Sequence[Boxes],
    classes: Sequence[str] = ("thing",),
    *,
    most: int = 100,
    edges: tuple[float, float] = (32, 96),
) -> Measure:
    """`found` and `truth` picture by picture, in the same order.

    most   detections of a class and picture that count, the surest first
    edges  sides of squares in pixels: up to the first a thing is small, from the second on large
    """
    if len(found) != len(truth):
        raise OptionError(f"detections of {len(found)} pictures, boxes of {len(truth)}", "Give one for each.")
    K = len(classes)
    flat = _flat(found, truth, K, most)
    hits, curves = _precision(flat, K, EVERYTHING)
    low, high = edges[0] ** 2, edges[1] ** 2
    bins = {"small": (0.0, low), "medium": (low, high), "large": (high, EVERYTHING[1])}
    best = _best(flat, hits)
    confusion, wrong = errors(found, truth, K, best[0])
    return Measure(
        *_means(curves),
        *best,
        tuple(classes),
        np.bincount(flat.true_class, minlength=K),
        curves[:, 0].mean(1),
        curves.mean((1, 2)),
        curves[:, 0],
        {name: _in(flat, K, ends) for name, ends in bins.items()},
        confusion,
        wrong,
    )


@dataclass(frozen=True)
class _Flat:
    """Of all pictures: true boxes by class, then picture; detections so, too, the surest first."""

    boxes: np.ndarray  # (D, 4)
    scores: np.ndarray  # (D,)
    group: np.ndarray  # (D,) class * pictures + picture
    true: np.ndarray  # (G, 4)
    true_group: np.ndarray  # (G,)
    pictures: int

    @property
    def true_class(self) -> np.ndarray:
        return self.true_group // max(self.pictures, 1)


def _flat(found: Sequence[Found], truth: Sequence[Boxes], K: int, most: int) -> _Flat:
    n = len(found)
    picture = np.repeat(np.arange(n), [len(f) for f in found])
    boxes = np.concatenate([np.zeros((0, 4)), *(f.boxes for f in found)]).astype(np.float64)
    scores = np.concatenate([np.zeros(0), *(f.scores for f in found)]).astype(np.float64)
    kinds = np.concatenate([np.zeros(0, np.int64), *(f.classes for f in found)])
    true_picture = np.repeat(np.arange(n), [len(b) for b, _ in truth])
    true = np.concatenate([np.zeros((0, 4)), *(b for b, _ in truth)]).astype(np.float64)
    true_kinds = np.concatenate([np.zeros(0, np.int64), *(k for _, k in truth)])
    for what, met in (("detections", kinds), ("boxes", true_kinds)):
        if len(met) and not 0 <= met.min() <= met.max() < K:
            raise OptionError(f"{what} of classes {met.min()} to {met.max()}", f"There are {K}, from 0.")
    group, true_group = kinds * n + picture, true_kinds * n + true_picture
    order = np.lexsort((-scores, group))
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])  # within its group
    order, true_order = order[rank < most], np.argsort(true_group, kind="stable")
    return _Flat(boxes[order], scores[order], group[order], true[true_order], true_group[true_order], n)


def _area(boxes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return areas


def _precision(flat: _Flat, K: int, ends: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """What each detection met (T, D), see `_match`; precision at each recall (K, T, R), NaN without truth.

    Only things with an area within `ends` count; what is found outside of them is neither right nor wrong.
    """
    areas = _area(flat.true)
    skip = (areas < ends[0]) | (areas > ends[1])
    order = np.lexsort((skip, flat.true_group))  # in each group those that count first
    low, high = (np.searchsorted(flat.true_group, flat.group, side) for side in ("left", "right"))
    met = _match(flat.boxes, flat.group, flat.true[order], skip[order], low, high, IOUS)
    own = _area(flat.boxes)
    met[(met == MISSED) & ((own < ends[0]) | (own > ends[1]))] = SKIPPED
    kinds = flat.group // max(flat.pictures, 1)
    things = np.bincount(flat.true_class[~skip], minlength=K)
    curves = np.full((K, len(IOUS), len(RECALLS)), np.nan)
    for k in np.flatnonzero(things):
        own_rows = np.flatnonzero(kinds == k)
        own_rows = own_rows[np.argsort(-flat.scores[own_rows], kind="stable")]
        for t in range(len(IOUS)):
            curves[k, t] = _curve(met[t, own_rows], int(things[k]))
    return met, curves


def _curve(met: np.ndarray, things: int) -> np.ndarray:  # (D,), the surest first -> (R,)
    right = met[met != SKIPPED] == RIGHT
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # of this recall or any higher
    at = np.searchsorted(hits / things, RECALLS)
    out = np.zeros(len(RECALLS))
    out[at < len(best)] = best[at[at < len(best)]]
    return out


def _means(curves: np.ndarray) -> tuple[float, float]:
    """mAP@50 and mAP@50:95 over the classes that occur; NaN where none does."""
    known = curves[~np.isnan(curves[:, 0, 0])]
    return (float(known[:, 0].mean()), float(known.mean())) if len(known) else (float("nan"),) * 2


def _in(flat: _Flat, K: int, ends: tuple[float, float]) -> tuple[int, float, float]:
    areas = _area(flat.true)
    many = int(((areas >= ends[0]) & (areas <= ends[1])).sum())
    return many, *_means(_precision(flat, K, ends)[1])


def _best(flat: _Flat, met: np.ndarray) -> tuple[float, float, float]:
    """The score from which on F1 at IoU 0.5 is highest, classes together; precision and recall there."""
    order = np.argsort(-flat.scores, kind="stable")
    hits = np.cumsum(met[0, order] == RIGHT)
    if not len(hits) or not hits[-1]:
        return float("nan"), 0.0, 0.0
    told = np.arange(1, len(hits) + 1)
    at = int(np.argmax(2 * hits / (told + len(flat.true))))
    return float(flat.scores[order[at]]), float(hits[at] / told[at]), float(hits[at] / len(flat.true))


MISSED, RIGHT, SKIPPED = 0, 1, 2  # a detection meets nothing, a thing that counts, one that does not


@compiled()
def _match(
    boxes: np.ndarray,  # (D, 4) by group, the surest first
    group: np.ndarray,  # (D,)
    true: np.ndarray,  # (G, 4) by group, those to be skipped last
    skip: np.ndarray,  # (G,)
    first: np.ndarray,  # (D,) where the things of its group begin
    end: np.ndarray,  # (D,)
    ious: np.ndarray,  # (T,)
) -> np.ndarray:  # (T, D)
    """COCO's greedy matching: each detection takes the free thing that it overlaps most."""
    out = np.zeros((len(ious), len(boxes)), np.int8)
    start = 0
    while start < len(boxes):
        stop = start
        while stop < len(boxes) and group[stop] == group[start]:
            stop += 1
        low, high = first[start], end[start]
        shared = np.zeros((stop - start, high - low))
        for d in range(stop - start):
            for g in range(high - low):
                shared[d, g] = _iou(boxes[start + d], true[low + g])
        for t in range(len(ious)):
            taken = np.zeros(high - low, np.bool_)
            for d in range(stop - start):
                best, at = min(ious[t], 1 - 1e-10), -1
                for g in range(high - low):
                    if taken[g]:
                        continue
                    if at > -1 and not skip[low + at] and skip[low + g]:
                        break  # what counts is taken before what does not
                    if shared[d, g] >= best:
                        best, at = shared[d, g], g
                if at > -1:
                    taken[at] = True
                    out[t, start + d] = SKIPPED if skip[low + at] else RIGHT
        start = stop
    return out


@compiled()
def _iou(a: np.ndarray, b: np.ndarray) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    inner = across * down
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    return float(inner / both)
