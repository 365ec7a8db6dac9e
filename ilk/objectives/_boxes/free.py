"""What cells free of anchors learn: how sure to be of each class, where the box is, and where each side.

kind   cross-entropy of each class by itself; what is to be said of the class is how well the box fits
name   cross-entropy of the class among all, where a box is learnt: nothing else there asks only which it is,
       and digits were told apart after fewer steps with it
place  1 - CIoU (Zheng et al. 2020)
side   of each side's distribution, the two bins around the true place (Li et al. 2020, distribution focal)

All are sums over a batch by the weights of `assign`, divided by their sum.

Legend: B batch, A cells, M boxes of a picture, R bins, k cells that learn a box.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ...encoders._boxes import Cells, Way
from ...encoders._boxes.cells import Said
from ...encoders._boxes.free import BINS, bins, boxes_to_sides, mean, odds, sides_to_boxes
from ...things.overlap import ciou
from .._gather import gather
from .assign import aligned

# As Ultralytics' YOLOv8, but for the kind, which is 0.5 there: here few steps are to be enough
KIND, NAME, PLACE, SIDE = 1.0, 1.0, 7.5, 1.5


def loss(way: Way, said: Said, cells: Cells, wanted: Tensor) -> dict[str, Tensor]:
    logits, kinds = bins(said[0]), odds(said[1])  # (B, A, 4, R), (B, A, c)
    boxes = sides_to_boxes(mean(logits), cells)  # (B, A, 4)
    told = aligned(kinds.sigmoid(), boxes, cells, wanted)
    truth = wanted.gather(1, told.box[..., None].expand(-1, -1, 5))  # (B, A, 5)
    total = gather(told.weight.sum()[None]).mean().clamp(min=1)  # over processes, as their gradients
    sure = torch.zeros_like(kinds).scatter(2, truth[..., 4:].clamp(min=0).long(), told.weight[..., None])
    k = told.learns
    weight = told.weight[k]  # (k,)
    name = F.cross_entropy(said[1][k][:, 1:], truth[k][:, 4].long(), reduction="none")  # (k,)
    sides = boxes_to_sides(truth[..., :4], cells)[k]  # (k, 4)
    return {
        "kind": KIND * F.binary_cross_entropy_with_logits(kinds, sure, reduction="sum") / total,
        "name": NAME * (name * weight).sum() / total,
        "place": PLACE * ((1 - ciou(boxes[k], truth[k][:, :4])) * weight).sum() / total,
        "side": SIDE * (between(logits[k], sides).mean(1) * weight).sum() / total,
    }


def between(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy (k, 4) of distributions (k, 4, R) with `wanted` (k, 4) shared by the bins around it."""
    wanted = wanted.clamp(0, BINS - 1 - 1e-3)
    low = wanted.floor()
    chances = logits.log_softmax(2)
    at_low, at_high = (chances.gather(2, (low + i).long()[..., None])[..., 0] for i in (0, 1))
    return -(at_low * (low + 1 - wanted) + at_high * (wanted - low))
