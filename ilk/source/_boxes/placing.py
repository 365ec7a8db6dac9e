"""From labels as they were written to boxes of the pictures as they are served.

Legend: n pictures, b boxes of one, W x H pixels as stored, S pixels a side as served.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .._base import Skipped
from .._reading.prepare import letterbox
from .finding import Places
from .labels import Corners, Label, Labels

Shape = tuple[int, int]  # W, H


@dataclass
class Placed:
    boxes: list[list[Corners]]  # n of b
    kinds: list[list[int]]
    named: np.ndarray  # (n,) whether the labels speak of the picture
    skipped: list[Skipped] = field(default_factory=list)
    cut: int = 0  # boxes that went beyond their picture
    others: Counter[str] = field(default_factory=Counter)  # boxes of classes that are not wanted

    def told(self) -> list[str]:
        """What a person should know, besides what was left out."""
        empty = sum(not b for b, named in zip(self.boxes, self.named) if named)
        unnamed = int((~self.named).sum())
        other = ", ".join(f"{kind!r} ({n:,})" for kind, n in self.others.most_common(3))
        told = {
            f"{unnamed:,} pictures that the labels do not name are left out": unnamed,
            f"{empty:,} of {int(self.named.sum()):,} pictures hold nothing: they teach what is ground": empty,
            f"{self.cut:,} boxes went beyond their pictures and were cut there": self.cut,
            f"boxes of other classes are left out: {other}": len(self.others),
        }
        return [text for text, n in told.items() if n]


def place(held: Labels, ids: list[str], shapes: list[Shape], size: int, classes: list[str]) -> Placed:
    """`shapes`: (W, H) of each picture."""
    n = len(ids)
    out = Placed([[] for _ in range(n)], [[] for _ in range(n)], np.full(n, held.others_empty))
    out.skipped += held.broken
    places = Places(ids)
    rows: dict[str, int] = {}
    for name in held.pictures:
        row = places.of(name)
        if isinstance(row, int):
            rows[name], out.named[row] = row, True
        else:
            out.skipped.append(Skipped(name, row))
    number = {kind: i for i, kind in enumerate(classes)}
    for thing in held.things:
        if thing.picture in rows and thing.kind in number:
            row = rows[thing.picture]
            if _add(out, thing, row, shapes[row], size, held.shares):
                out.kinds[row].append(number[thing.kind])
        elif thing.picture in rows:
            out.others[thing.kind] += 1
    return out


def _add(out: Placed, thing: Label, row: int, shape: Shape, size: int, shares: bool) -> bool:
    """Whether the box is sound, and was added."""
    x0, y0, x1, y1 = thing.box
    wide, high = shape
    if shares:
        x0, y0, x1, y1 = x0 * wide, y0 * high, x1 * wide, y1 * high
    why = _broken(x0, y0, x1, y1, shape)
    if why:
        out.skipped.append(Skipped(f"{thing.at} ({thing.picture})", why))
        return False
    inner = max(x0, 0.0), max(y0, 0.0), min(x1, wide), min(y1, high)
    out.cut += max(abs(a - b) for a, b in zip(inner, (x0, y0, x1, y1))) > 1  # half a pixel is rounding
    w, h, left, top = letterbox(wide, high, size)
    across, down = w / wide, h / high
    out.boxes[row].append(
        (inner[0] * across + left, inner[1] * down + top, inner[2] * across + left, inner[3] * down + top)
    )
    return True


def _broken(x0: float, y0: float, x1: float, y1: float, shape: Shape) -> str:
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        return "a corner is no finite number"
    if x1 <= x0 or y1 <= y0:
        return f"{x1 - x0:g} wide and {y1 - y0:g} high"
    if x1 <= 0 or y1 <= 0 or x0 >= shape[0] or y0 >= shape[1]:
        return f"outside of its picture of {shape[0]} x {shape[1]}"
    return ""
