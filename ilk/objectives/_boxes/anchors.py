"""What cells with anchors learn, as in YOLOv3 (Redmon & Farhadi 2018).

A box is learnt by the one anchor of all levels whose shape is most like its own, in the cell of its middle.
Other boxes say that nothing is there, but those that overlap a true one by more than IGNORED say nothing.

place  squared error of x and y in the cell and of log(w), log(h) over the anchor's; small boxes count more
thing  cross-entropy of whether there is one
kind   cross-entropy of each class by itself

All are sums over a picture's boxes, averaged over the pictures.

Legend: B batch, A cells, K anchors of a level, M boxes of a picture, k boxes that are learnt.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ...encoders._boxes import Anchors, Cells
from ...encoders._boxes.cells import Said, boxed
from ...things.overlap import iou
from .wanted import cell_of, owners

IGNORED = 0.5  # IoU, as in the paper


def loss(way: Anchors, said: Said, cells: Cells, wanted: Tensor) -> dict[str, Tensor]:
    told, kinds = way.told(said)  # (B, A, K, 5), (B, A, K, c)
    box = owners(_place(way, cells, wanted), wanted, told[0, ..., 0].numel()).view(told.shape[:3])
    learns = box >= 0  # (B, A, K)
    truth = wanted.gather(1, box.flatten(1).clamp(min=0)[..., None].expand(-1, -1, 5))
    truth = truth.view(*box.shape, 5)[learns]  # (k, 5)
    _, a, j = learns.nonzero(as_tuple=True)
    stride, anchor = cells.strides[a, None], way.of_cells(cells)[a, j]  # (k, 1), (k, 2)
    middle, side = (truth[:, :2] + truth[:, 2:4]) / 2, truth[:, 2:4] - truth[:, :2]
    off = told[learns][:, :2].sigmoid() - ((middle - cells.middles[a]) / stride + 0.5)
    stretch = told[learns][:, 2:4] - (side.clamp(min=1e-3) / anchor).log()
    small = 2 - side.prod(1) / (cells.picture[0] * cells.picture[1])  # as in the authors' own code
    count = learns | ~_ignored(way.boxes(told.detach(), cells), wanted)
    thing = F.binary_cross_entropy_with_logits(told[..., 4], learns.float(), reduction="none")
    named = F.one_hot(truth[:, 4].long(), kinds.shape[-1]).float()
    return {
        "place": (small[:, None] * (off.square() + stretch.square())).sum() / len(wanted),
        "thing": (thing * count).sum() / len(wanted),
        "kind": F.binary_cross_entropy_with_logits(kinds[learns], named, reduction="sum") / len(wanted),
    }


def _place(way: Anchors, cells: Cells, wanted: Tensor) -> Tensor:
    """The place (B, M) of each box among the A * K of all cells."""
    side = wanted[..., 2:4] - wanted[..., :2]  # (B, M, 2)
    sizes = way.sizes.to(side.device).flatten(0, 1)  # (levels * K, 2)
    origin = torch.zeros_like
    alike = iou(boxed(origin(side), side), boxed(origin(sizes), sizes))  # (B, M, levels * K)
    best = alike.argmax(2)
    return cell_of(wanted, cells, best // way.each) * way.each + best % way.each


def _ignored(boxes: Tensor, wanted: Tensor) -> Tensor:  # (B, A, K, 4) -> (B, A, K)
    real = wanted[..., 4] >= 0
    overlap = iou(boxes.flatten(1, 2), wanted[..., :4]) * real[:, None]  # (B, A * K, M)
    return (overlap.amax(2) > IGNORED).view(boxes.shape[:3])
