"""Which cells learn which box, by what they say themselves (Feng et al. 2021, TOOD: task alignment).

A cell suits a box as far as it names the class and hits the place: chance^ALPHA * IoU^BETA. Of the cells
whose middle lies in the box the BEST learn it; a cell that suits several, the one that it overlaps most.

Legend: B batch, A cells, M boxes of a picture at most, c classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...encoders._boxes import Cells
from ...things.overlap import TINY, iou

# As Ultralytics' YOLOv8 but for BETA, which is 6 there (the paper: 1, 6, 13): with 2 more cells of a box are
# told to be sure of it, and things are found after fewer steps.
ALPHA, BETA, BEST = 0.5, 2.0, 10


@dataclass(frozen=True)
class Assigned:
    box: Tensor  # (B, A) which of the M; 0 where there is none
    weight: Tensor  # (B, A) how sure the cell shall be, 0 for background: the best of a box its IoU
    learns: Tensor  # (B, A) whether it learns a box


@torch.no_grad()
def aligned(
    chances: Tensor,  # (B, A, c), 0 to 1
    boxes: Tensor,  # (B, A, 4) said
    cells: Cells,
    wanted: Tensor,  # (B, M, 5), see wanted.py
    *,
    best: int = BEST,
) -> Assigned:
    real = wanted[..., 4] >= 0  # (B, M)
    overlap = iou(wanted[..., :4], boxes)  # (B, M, A)
    kind = wanted[..., 4].clamp(min=0).long()[..., None].expand_as(overlap)
    suits = chances.mT.gather(1, kind) ** ALPHA * overlap**BETA
    may = _inside(cells.middles, wanted) & real[..., None]
    chosen = suits.masked_fill(~may, -1).topk(min(best, suits.shape[2]), 2).indices
    learns = torch.zeros_like(may).scatter(2, chosen, True) & may  # (B, M, A)
    box = overlap.masked_fill(~learns, -1).argmax(1)  # (B, A)
    own = torch.arange(learns.shape[1], device=box.device)[:, None] == box[:, None]  # (B, M, A)
    learns &= own
    # The most suitable of a box shall be as sure as the best overlap, the others in proportion
    suits, overlap = suits * learns, overlap * learns
    share = suits / suits.amax(2, keepdim=True).clamp(min=TINY**2)
    weight = (share * overlap.amax(2, keepdim=True)).sum(1)
    return Assigned(box, weight, learns.any(1))


def _inside(middles: Tensor, wanted: Tensor) -> Tensor:
    """Whether each middle (A, 2) lies in each box: (B, M, A). A box between all middles has its nearest."""
    low, high = wanted[:, :, None, :2], wanted[:, :, None, 2:4]  # (B, M, 1, 2)
    inside = ((middles > low) & (middles < high)).all(3)
    far = ((low + high) / 2 - middles).square().sum(3)  # (B, M, A)
    nearest = torch.zeros_like(inside).scatter(2, far.argmin(2, keepdim=True), True)
    return torch.where(inside.any(2, keepdim=True), inside, nearest)
