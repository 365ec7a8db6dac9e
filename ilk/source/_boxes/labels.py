"""What every format of labels comes down to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .._base import Skipped

THING = "thing"  # the class of what has none
Corners = tuple[float, float, float, float]  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Label:
    """One box as it was written: in pixels of the stored picture, or in shares of its sides."""

    picture: str  # its name, as the labels tell it
    box: Corners
    kind: str
    at: str  # where it stands, for complaints


@dataclass
class Labels:
    things: list[Label] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)  # all that are named, those without a box too
    classes: list[str] = field(default_factory=list)  # in the order of the format, where it has one
    broken: list[Skipped] = field(default_factory=list)
    shares: bool = False  # boxes are in shares of the picture's sides
    others_empty: bool = False  # pictures that are not named hold nothing; else nobody knows

    def kinds(self) -> list[str]:
        """All classes: those that the format tells, then the others in order, numbers as numbers."""
        met = {t.kind for t in self.things} - {*self.classes}
        return [*self.classes, *sorted(met, key=lambda k: (not k.isdigit(), int(k) if k.isdigit() else 0, k))]


def numbers(values: Sequence[Any], many: int) -> tuple[float, ...]:
    """`many` floats, NaN where one is missing or is no number; `ValueError` where there are not so many."""
    if len(values) != many:
        raise ValueError(f"{len(values)} numbers instead of {many}")
    return tuple(_number(v) for v in values)


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return float("nan")
