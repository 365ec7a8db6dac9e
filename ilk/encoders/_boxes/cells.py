"""The cells that speak, and what a way of speaking is.

Legend: B batch, A cells of all levels, N boxes, c classes, H x W pixels of the picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

Said: TypeAlias = tuple[Tensor, Tensor]  # of boxes (B, A, Way.of_boxes) and classes (B, A, Way.of_classes)

SELDOM = 0.01  # how likely a cell says "here" before anything is learnt (Lin et al. 2017, RetinaNet)


@dataclass(frozen=True)
class Cells:
    """Of the levels one after the other, each row by row."""

    middles: Tensor  # (A, 2) x and y in pixels
    strides: Tensor  # (A,) pixels to a cell
    level: Tensor  # (A,) 0 for the finest
    picture: tuple[int, int]  # H, W

    @staticmethod
    def of(maps: Sequence[Tensor], strides: Sequence[int], picture: tuple[int, int]) -> Cells:
        middles, counts = [], []
        for one, stride in zip(maps, strides):
            y, x = (torch.arange(n, device=one.device) * stride + stride / 2 for n in one.shape[2:])
            middles.append(torch.cartesian_prod(y, x).flip(1))  # (h w, 2)
            counts.append(len(middles[-1]))
        n = torch.tensor(counts, device=middles[0].device)
        level = torch.arange(len(counts), device=n.device).repeat_interleave(n)
        pixels = torch.tensor(strides[: len(counts)], dtype=torch.float32, device=n.device)
        return Cells(torch.cat(middles), pixels[level], level, picture)


class Way(ABC):
    """How what the cells say becomes boxes."""

    of_boxes: int  # numbers that a cell says
    of_classes: int
    spoken: int | None = None  # how many levels speak, the finest first; None: all

    @abstractmethod
    def first(self) -> tuple[Tensor, Tensor]:
        """What a cell says before anything is learnt: (of_boxes,) and (of_classes,)."""

    @abstractmethod
    def read(self, said: Said, cells: Cells) -> tuple[Tensor, Tensor]:
        """Boxes (B, N, 4) in pixels, and how sure each is of each class: (B, N, c), 0 to 1."""


def boxed(middle: Tensor, size: Tensor) -> Tensor:  # (..., 2) each -> (..., 4)
    return torch.cat([middle - size / 2, middle + size / 2], -1)
