"""What the grid learns, as in the first YOLO (Redmon et al. 2016): squared errors throughout.

The cell in which the middle of a thing lies is responsible for it; of the cell's boxes, the one that
overlaps it most by now.

place    x and y in the cell, and the roots of the sides: an error in a small box counts more
sure     that of the responsible box is to be its IoU
nothing  that of all others is to be 0
kind     the chances of the classes, in cells with a thing

Sums over a picture, averaged over the pictures. The paper learns one thing a cell: here the last given.

Legend: B batch, A cells, K boxes of a cell, M boxes of a picture, k cells with a thing.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ...encoders._boxes import Cells, Grid
from ...encoders._boxes.cells import Said
from ...things.overlap import iou
from .wanted import cell_of, owners

PLACE, NOTHING = 5.0, 0.5  # as in the paper


def loss(way: Grid, said: Said, cells: Cells, wanted: Tensor) -> dict[str, Tensor]:
    told = way.told(said)  # (B, A, K, 5)
    only = torch.zeros(wanted.shape[:2], dtype=torch.int64, device=wanted.device)  # there is but one level
    box = owners(cell_of(wanted, cells, only), wanted, told.shape[1])  # (B, A)
    here = box >= 0
    truth = wanted.gather(1, box.clamp(min=0)[..., None].expand(-1, -1, 5))[here]  # (k, 5)
    _, a = here.nonzero(as_tuple=True)
    mine, boxes = told[here], way.boxes(told, cells).detach()[here]  # (k, K, 5), (k, K, 4)
    overlap = iou(boxes, truth[:, None, :4])[..., 0]  # (k, K)
    best = overlap.argmax(1, keepdim=True)  # (k, 1)
    answer = mine.gather(1, best[..., None].expand(-1, -1, 5))[:, 0]  # (k, 5)
    height, width = cells.picture
    middle, side = (truth[:, :2] + truth[:, 2:4]) / 2, truth[:, 2:4] - truth[:, :2]
    roots = (side.clamp(min=0) / side.new_tensor([width, height])).sqrt()
    within = (middle - cells.middles[a]) / cells.strides[a, None] + 0.5
    off = answer[:, :4] - torch.cat([within, roots], 1)
    sure = answer[:, 4] - overlap.gather(1, best)[:, 0]
    named = F.one_hot(truth[:, 4].long(), said[1].shape[-1])
    wrong = said[1][here].softmax(1) - named
    nothing = told[..., 4].square().sum() - answer[:, 4].square().sum()
    terms = {"place": PLACE * off.square().sum(), "sure": sure.square().sum()}
    terms |= {"nothing": NOTHING * nothing, "kind": wrong.square().sum()}
    return {name: term / len(wanted) for name, term in terms.items()}
