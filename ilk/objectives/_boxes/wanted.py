"""The boxes of a batch as one tensor, and which cell a box belongs to.

Legend: B batch, M boxes of a picture at most, A cells. Wanted (B, M, 5): x0, y0, x1, y1 in pixels and the
class, -1 where there is no box.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...encoders._boxes import Cells

NONE = -1


def padded(known: Sequence[tuple[np.ndarray, np.ndarray]]) -> Tensor:  # (n, 4) and (n,) each -> (B, M, 5)
    most = max([1, *(len(classes) for _, classes in known)])
    wanted = np.full((len(known), most, 5), NONE, np.float32)
    for row, (boxes, classes) in zip(wanted, known):
        row[: len(classes), :4], row[: len(classes), 4] = boxes, classes
    return torch.from_numpy(wanted)


def cell_of(wanted: Tensor, cells: Cells, level: Tensor) -> Tensor:
    """The cell (B, M) of the given level of each (B, M) in which the middle of each box lies."""
    middle = (wanted[..., :2] + wanted[..., 2:4]) / 2  # (B, M, 2)
    far = (
        (middle[:, :, None] - cells.middles).abs().amax(3)
    )  # (B, M, A), by the longer axis: cells are square
    return far.masked_fill(cells.level != level[..., None], torch.inf).argmin(2)


def owners(place: Tensor, wanted: Tensor, places: int) -> Tensor:
    """Of each place (B, places) which box it is told of, -1 for none; of several the last.

    `place` (B, M): that of each box.
    """
    real = wanted[..., 4] >= 0
    number = torch.where(real, torch.arange(place.shape[1], device=place.device), NONE)
    none = torch.full((len(place), places), NONE, device=place.device)
    return none.scatter_reduce(1, place, number, "amax")
