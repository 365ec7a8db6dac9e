"""How far boxes overlap, and of many that show the same thing the surest.

Legend: n, m boxes, each x0, y0, x1, y1.
"""

import heapq
import math

import numpy as np
import torch
from torch import Tensor

from ..compiled import compiled
from ..errors import OptionError

TINY = 1e-9  # keeps boxes without area from a division by nothing


def iou(a: Tensor, b: Tensor) -> Tensor:  # (..., n, 4), (..., m, 4) -> (..., n, m)
    """The shared part of the area that each two cover, 0 to 1."""
    inner, area = _areas(a[..., :, None, :], b[..., None, :, :])
    return inner / (area + TINY)


def ciou(a: Tensor, b: Tensor) -> Tensor:  # (..., 4), (..., 4) -> (...)
    """Complete IoU of box by box (Zheng et al. 2020), which also falls where boxes lie apart: -1 to 1.

    IoU less the distance of the middles, as a share of the enclosing box's diagonal, and less how unlike the
    shapes are. 1 - ciou is the loss.
    """
    inner, area = _areas(a, b)
    overlap = inner / (area + TINY)
    wide_a, high_a, wide_b, high_b = *_sides(a), *_sides(b)
    around = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])  # (..., 2)
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    distance = (apart**2).sum(-1) / ((around**2).sum(-1) + TINY)
    shape = torch.atan2(wide_b, high_b) - torch.atan2(wide_a, high_a)
    unlike = 4 / math.pi**2 * shape**2
    with torch.no_grad():  # the paper's alpha is a weight, not something to learn by
        weight = unlike / (1 - overlap + unlike + TINY)
    return overlap - distance - weight * unlike


def _sides(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 2] - x[..., 0], x[..., 3] - x[..., 1]


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Of what two boxes share, and of what they cover together."""
    corner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inner = corner.clamp(min=0).prod(-1)
    wide_a, high_a, wide_b, high_b = *_sides(a), *_sides(b)
    return inner, wide_a * high_a + wide_b * high_b - inner


def suppress(
    boxes: Tensor,  # (n, 4)
    scores: Tensor,  # (n,)
    classes: Tensor | None = None,  # (n,) whole numbers; None: all are of one
    *,
    above: float = 0.5,
    soft: bool = False,
) -> Tensor:
    """The rows (k,) of the boxes that stay, the surest first: non-maximum suppression, class by class.

    A box goes where a surer one of its class that stays overlaps it by an IoU of more than `above`. `soft`:
    none goes at once, each loses score by how far surer ones overlap it (see `softened`).
    """
    if soft:
        return softened(boxes, scores, classes)[0]
    if not 0 <= above <= 1:
        raise OptionError(f"above is {above}", "Give an IoU from 0 to 1.")
    corners, order, group, first = _ready(boxes, scores, classes)
    kept = _hard(corners, order, group, first, above)
    return torch.from_numpy(kept).to(boxes.device)


def softened(
    boxes: Tensor,
    scores: Tensor,
    classes: Tensor | None = None,
    *,
    sigma: float = 0.5,
    least: float = 1e-3,
) -> tuple[Tensor, Tensor]:
    """Rows (k,) and their new scores, the surest first: soft suppression (Bodla et al. 2017).

    The surest box stays; each other of its class is multiplied by exp(-IoU² / sigma); then the next surest.
    Those that fall below `least` are left out.
    """
    corners, _, group, first = _ready(boxes, scores, classes)
    start = scores.detach().cpu().numpy().astype(np.float64)
    rows, new = _soft(corners, start, group, first, sigma, least)
    return (
        torch.from_numpy(rows).to(boxes.device),
        torch.from_numpy(new).to(device=boxes.device, dtype=scores.dtype),
    )


def _ready(
    boxes: Tensor, scores: Tensor, classes: Tensor | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Corners (4, n), rows by falling score, class by row; and rows by class, then by left side."""
    corners = np.ascontiguousarray(boxes.detach().cpu().numpy().T, np.float64)
    group = np.zeros(len(boxes), np.int64)
    if classes is not None:
        group = classes.detach().cpu().numpy().astype(np.int64)
    order = np.argsort(-scores.detach().cpu().numpy(), kind="stable")
    return corners, order, group, np.lexsort((corners[0], group))


# Of boxes of one class in the order of their left sides, only a stretch can overlap a given one enough: for
# an IoU above t the shared width must be at least t times the wider one's. A box that begins d to the right
# shares at most (its own width w) - d, so d <= (1 - t) w; one that begins d to the left shares at most its
# width - d and is at most w / t wide, so d <= (1 - t) w / t. Of 10,000 boxes that leaves a few hundred.


@compiled()
def _hard(
    corners: np.ndarray,  # (4, n)
    order: np.ndarray,  # (n,) rows, the surest first
    group: np.ndarray,  # (n,) of a row
    first: np.ndarray,  # (n,) rows by class, then left side
    above: float,
) -> np.ndarray:
    n = len(order)
    sorted_, place, begin, stop = _sorted(corners, group, first)
    left, top, right, bottom = sorted_[0], sorted_[1], sorted_[2], sorted_[3]
    area = (right - left) * (bottom - top)
    alive = np.ones(n, np.int64)  # as wide as the numbers beside it: the inner loop runs in whole vectors
    kept = np.empty(n, np.int64)
    k = 0
    for row in order:
        at = place[row]
        if not alive[at]:
            continue
        kept[k] = row
        k += 1
        x0, y0, x1, y1, own = left[at], top[at], right[at], bottom[at], area[at]
        wide = x1 - x0
        low = _from(left, x0 - (1 - above) * wide / above, begin[at], at)
        high = _beyond(left, x0 + (1 - above) * wide, at, stop[at])
        for j in range(low, high):
            across = max(min(x1, right[j]) - max(x0, left[j]), 0.0)
            inner = across * max(min(y1, bottom[j]) - max(y0, top[j]), 0.0)
            alive[j] &= inner <= above * (own + area[j] - inner)
        alive[at] = 0  # nothing that is less sure can remove it
    return kept[:k].copy()


@compiled()
def _soft(
    corners: np.ndarray, scores: np.ndarray, group: np.ndarray, first: np.ndarray, sigma: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    n = len(scores)
    sorted_, place, begin, stop = _sorted(corners, group, first)
    left, top, right, bottom = sorted_[0], sorted_[1], sorted_[2], sorted_[3]
    now = scores[first]
    widest = 0.0
    for j in range(n):
        widest = max(widest, right[j] - left[j])
    done = np.zeros(n, np.bool_)
    # Scores only fall: what the heap says is too high at most, and is put back when it comes up.
    heap = [(-scores[row], row) for row in range(n)]
    heapq.heapify(heap)
    rows, new = np.empty(n, np.int64), np.empty(n, np.float64)
    k = 0
    while len(heap):
        said, row = heapq.heappop(heap)
        at = place[row]
        if not now[at] >= least:
            continue
        if -said > now[at]:
            heapq.heappush(heap, (-now[at], row))
            continue
        done[at] = True
        rows[k], new[k] = row, now[at]
        k += 1
        x0, y0, x1, y1 = left[at], top[at], right[at], bottom[at]
        area = (x1 - x0) * (y1 - y0)
        for j in range(_from(left, x0 - widest, begin[at], at), stop[at]):
            if left[j] > x1:
                break
            if top[j] < y1 and bottom[j] > y0 and not done[j]:
                across = min(x1, right[j]) - max(x0, left[j])
                if across > 0:
                    inner = across * (min(y1, bottom[j]) - max(y0, top[j]))
                    share = inner / (area + (right[j] - left[j]) * (bottom[j] - top[j]) - inner)
                    now[j] *= math.exp(-share * share / sigma)
    return rows[:k].copy(), new[:k].copy()


@compiled()
def _sorted(
    corners: np.ndarray, group: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Corners (4, n) in the order `first`; each row's place there; where each place's class begins, ends."""
    n = len(first)
    sorted_, place = np.empty((4, n)), np.empty(n, np.int64)
    begin, stop = np.empty(n, np.int64), np.empty(n, np.int64)
    for at in range(n):
        row = first[at]
        place[row] = at
        sorted_[:, at] = corners[:, row]
        begin[at] = begin[at - 1] if at and group[first[at - 1]] == group[row] else at
    for at in range(n - 1, -1, -1):
        stop[at] = stop[at + 1] if at + 1 < n and begin[at + 1] == begin[at] else at + 1
    return sorted_, place, begin, stop


@compiled()
def _beyond(left: np.ndarray, x: float, low: int, high: int) -> int:
    """The first place from `low` to `high` whose left side is behind `x`."""
    while low < high:
        middle = (low + high) // 2
        if left[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low


@compiled()
def _from(left: np.ndarray, x: float, low: int, high: int) -> int:
    """The first place from `low` to `high` whose left side is not before `x`."""
    while low < high:
        middle = (low + high) // 2
        if left[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low
