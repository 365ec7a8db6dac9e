"""What was found in one picture. Legend: n boxes, each x0, y0, x1, y1 in pixels, x to the right, y down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import OptionError

_PART = re.compile(r"(.+)@(-?\d+),(-?\d+),(-?\d+),(-?\d+)")


@dataclass(frozen=True)
class Found:
    boxes: np.ndarray  # (n, 4) float32
    scores: np.ndarray  # (n,) float32; the higher the surer
    classes: np.ndarray  # (n,) int64

    def __post_init__(self) -> None:
        n = len(self.scores)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or self.classes.shape != (n,):
            shapes = f"{self.boxes.shape}, {self.scores.shape} and {self.classes.shape}"
            raise OptionError(
                f"boxes, scores and classes of shapes {shapes}", "Expected (n, 4), (n,) and (n,)."
            )

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: np.ndarray) -> Found:
        """Those at `rows` (places, or a mask), in that order."""
        return Found(self.boxes[rows], self.scores[rows], self.classes[rows])

    def moved(self, dx: float, dy: float) -> Found:
        """The same in a picture that begins `dx` pixels further left and `dy` further up."""
        return Found(self.boxes + np.array([dx, dy, dx, dy], np.float32), self.scores, self.classes)


def together(parts: list[Found]) -> Found:
    """All of them in one, in order."""
    if not parts:
        return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    return Found(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("boxes", "scores", "classes"))
    )


def part_id(picture: str, box: Sequence[float]) -> str:
    """The id of what is within a box (4,) of the picture of that id."""
    return f"{picture}@{','.join(str(round(float(v))) for v in box)}"


def parent(id_: str) -> tuple[str, tuple[int, int, int, int]] | None:
    """The way back: the picture and the box; None where the id is of a whole picture."""
    told = _PART.fullmatch(id_)
    if told is None:
        return None
    x0, y0, x1, y1 = (int(v) for v in told.groups()[1:])
    return told[1], (x0, y0, x1, y1)
