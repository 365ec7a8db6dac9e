"""The grid of the first YOLO (Redmon et al. 2016): a cell has a few boxes, and one class for all of them.

A box is its middle within the cell, the square roots of its sides as shares of the picture, and how sure it
is. All are between 0 and 1 here, by a sigmoid, as from v2 on; the paper left them as they came.

Legend: B batch, A cells, K boxes of a cell, c classes.
"""

import torch
from torch import Tensor

from .cells import Cells, Said, Way, boxed

EACH = 2  # K, as in the paper


class Grid(Way):
    spoken = 1

    def __init__(self, classes: int) -> None:
        self.of_boxes, self.of_classes = 5 * EACH, classes

    def first(self) -> tuple[Tensor, Tensor]:
        return torch.zeros(self.of_boxes), torch.zeros(self.of_classes)

    def told(self, said: Said) -> Tensor:
        """x, y in the cell, roots of w, h in the picture, sureness: (B, A, K, 5)."""
        return said[0].reshape(*said[0].shape[:2], EACH, 5).sigmoid()

    def boxes(self, told: Tensor, cells: Cells) -> Tensor:  # (B, A, K, 5) -> (B, A, K, 4) pixels
        height, width = cells.picture
        side = torch.tensor([width, height], dtype=told.dtype, device=told.device)
        within = (told[..., :2] - 0.5) * cells.strides[:, None, None]
        return boxed(cells.middles[:, None] + within, told[..., 2:4].square() * side)

    def read(self, said: Said, cells: Cells) -> tuple[Tensor, Tensor]:
        told = self.told(said)
        scores = told[..., 4:] * said[1].softmax(-1)[..., None, :]  # (B, A, K, c)
        return self.boxes(told, cells).flatten(1, 2), scores.flatten(1, 2)
