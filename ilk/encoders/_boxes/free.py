"""Free of anchors: from its middle a cell says how far each side of the box is, as a distribution.

The distance is the mean of probabilities over 0, 1, ... BINS - 1 cells (Li et al. 2020, generalized focal
loss), so that a side which is hard to see can be told as such.

A cell says how likely a thing is, and apart from that by how much each class is likelier than their mean:
together the log odds of each class. As one number a class, hundreds of steps went by in which all classes
rose and fell together (how many cells show nothing decides that) and none was told from another.

Legend: B batch, A cells, R bins, c classes.
"""

import math

import torch
from torch import Tensor

from .cells import SELDOM, Cells, Said, Way

BINS = 16  # R: a side is at most 15 cells away
NEAR = 0.5  # how much less likely each further bin is at first: sides begin 1.5 cells away


class Free(Way):
    def __init__(self, classes: int) -> None:
        self.of_boxes, self.of_classes = 4 * BINS, 1 + classes

    def first(self) -> tuple[Tensor, Tensor]:
        near = -NEAR * torch.arange(BINS, dtype=torch.float32)
        kinds = torch.zeros(self.of_classes)
        kinds[0] = math.log(SELDOM / (1 - SELDOM))
        return near.repeat(4), kinds

    def read(self, said: Said, cells: Cells) -> tuple[Tensor, Tensor]:
        return sides_to_boxes(mean(bins(said[0])), cells), odds(said[1]).sigmoid()


def bins(said: Tensor) -> Tensor:  # (B, A, 4R) -> (B, A, 4, R): left, top, right, bottom
    return said.reshape(*said.shape[:-1], 4, BINS)


def odds(said: Tensor) -> Tensor:  # (B, A, 1 + c) -> (B, A, c)
    thing, kinds = said[..., :1], said[..., 1:]
    return thing + kinds - kinds.mean(-1, keepdim=True)


def mean(logits: Tensor) -> Tensor:  # (B, A, 4, R) -> (B, A, 4) in cells
    return logits.softmax(-1) @ torch.arange(BINS, dtype=logits.dtype, device=logits.device)


def sides_to_boxes(sides: Tensor, cells: Cells) -> Tensor:  # (B, A, 4) in cells -> (B, A, 4) in pixels
    far = sides * cells.strides[:, None]
    return torch.cat([cells.middles - far[..., :2], cells.middles + far[..., 2:]], -1)


def boxes_to_sides(boxes: Tensor, cells: Cells) -> Tensor:
    """The way back: (..., A, 4), a box for each cell, in cells; negative where the middle lies outside."""
    far = torch.cat([cells.middles - boxes[..., :2], boxes[..., 2:] - cells.middles], -1)
    return far / cells.strides[:, None]
