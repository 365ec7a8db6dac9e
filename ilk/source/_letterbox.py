"""A picture of any shape within a square: made smaller or larger as a whole, and laid in the middle.

Legend: C channels, H x W pixels, n boxes of x0, y0, x1, y1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Letterbox:
    """Where a picture of `height` x `width` lies in a square of `size`."""

    height: int
    width: int
    size: int

    @property
    def scale(self) -> float:
        """Pixels of the square for one of the picture."""
        return self.size / max(self.height, self.width)

    @property
    def sides(self) -> tuple[int, int]:
        """Of what is laid in, down and across; whole pixels, one at least."""
        down, across = (max(1, round(side * self.scale)) for side in (self.height, self.width))
        return down, across

    @property
    def corner(self) -> tuple[int, int]:
        """The left upper one, y and x."""
        down, across = self.sides
        return (self.size - down) // 2, (self.size - across) // 2

    def into(self, boxes: np.ndarray) -> np.ndarray:  # (n, 4) of the picture -> of the square
        factor, shift = self._map()
        laid: np.ndarray = boxes * factor + shift
        return laid.astype(np.float32)

    def back(self, boxes: np.ndarray) -> np.ndarray:  # (n, 4) of the square -> of the picture
        factor, shift = self._map()
        lifted: np.ndarray = (boxes - shift) / factor
        return lifted.astype(np.float32)

    def _map(self) -> tuple[np.ndarray, np.ndarray]:
        (down, across), (y, x) = self.sides, self.corner
        # Of each axis its own: its side was rounded to whole pixels
        factor = np.array([across / self.width, down / self.height] * 2)
        return factor, np.array([x, y, x, y], np.float64)

    def lay(self, picture: Tensor) -> Tensor:  # (C, H, W) -> (C, size, size)
        """What is left over becomes the picture's mean, which no edge of a thing looks like."""
        (down, across), (y, x) = self.sides, self.corner
        square = picture.mean((1, 2)).repeat(self.size, self.size, 1).permute(2, 0, 1).contiguous()
        smaller = self.scale < 1
        laid = picture[None]
        if (down, across) != (self.height, self.width):
            laid = F.interpolate(laid, (down, across), mode="bilinear", antialias=smaller)
        square[:, y : y + down, x : x + across] = laid[0]
        return square


def letterboxed(picture: Tensor, size: int) -> tuple[Tensor, Letterbox]:
    """A picture (C, H, W) in a square of `size`, and where it lies there."""
    placed = Letterbox(picture.shape[1], picture.shape[2], size)
    return placed.lay(picture.to(torch.float32)), placed
