"""By anchors, as YOLOv2 and v3 (Redmon & Farhadi 2016, 2018): each cell alters boxes of a few given sizes.

The middle lies in the cell, at a sigmoid's place; the sides are the anchor's times exp of what is said. Each
box says how likely there is a thing, and of which class.

Legend: B batch, A cells, K anchors of a level, c classes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .cells import SELDOM, Cells, Said, Way, boxed

FURTHEST = 6.0  # of the exponent: a side is at most 400 times its anchor's, and no number overflows


class Anchors(Way):
    """`sizes`: width and height in pixels; by area they are dealt evenly to the levels, small to fine."""

    def __init__(self, classes: int, sizes: Sequence[Sequence[float]], levels: int) -> None:
        ordered = sorted(sizes, key=lambda s: s[0] * s[1])
        self.each = len(sizes) // levels  # K
        self.sizes = torch.tensor(ordered, dtype=torch.float32).view(levels, self.each, 2)
        self.of_boxes, self.of_classes = 5 * self.each, classes * self.each

    def first(self) -> tuple[Tensor, Tensor]:
        seldom = torch.tensor([0, 0, 0, 0, math.log(SELDOM / (1 - SELDOM))])
        return seldom.repeat(self.each), torch.zeros(self.of_classes)

    def told(self, said: Said) -> tuple[Tensor, Tensor]:
        """x, y, w, h and thing (B, A, K, 5), as they come; classes (B, A, K, c)."""
        of_boxes, of_classes = said
        shape = (*of_boxes.shape[:2], self.each)
        return of_boxes.reshape(*shape, 5), of_classes.reshape(*shape, -1)

    def of_cells(self, cells: Cells) -> Tensor:  # (A, K, 2) pixels
        return self.sizes.to(cells.level.device)[cells.level]

    def boxes(self, told: Tensor, cells: Cells) -> Tensor:  # (B, A, K, 5) -> (B, A, K, 4) pixels
        within = (told[..., :2].sigmoid() - 0.5) * cells.strides[:, None, None]
        sides = self.of_cells(cells) * told[..., 2:4].clamp(max=FURTHEST).exp()
        return boxed(cells.middles[:, None] + within, sides)

    def read(self, said: Said, cells: Cells) -> tuple[Tensor, Tensor]:
        told, classes = self.told(said)
        scores = told[..., 4:].sigmoid() * classes.sigmoid()  # (B, A, K, c)
        return self.boxes(told, cells).flatten(1, 2), scores.flatten(1, 2)
