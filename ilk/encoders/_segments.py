"""Sums, means, largest and weighed values of rows that belong together.

Legend: k rows, n segments, W width; `to` (k,): the segment of each row. An empty segment gives zeros.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import UnknownName

WAYS = ("sum", "mean", "max", "attention")


def check(way: str, of: str) -> None:
    if way not in WAYS:
        raise UnknownName(of, way, WAYS)


def total(x: Tensor, to: Tensor, n: int) -> Tensor:  # (k, W) -> (n, W)
    return torch.zeros(n, x.shape[1], dtype=x.dtype, device=x.device).index_add(0, to, x)


def largest(x: Tensor, to: Tensor, n: int) -> Tensor:  # (k, W) -> (n, W)
    at = to[:, None].expand_as(x)
    none = torch.zeros(n, x.shape[1], dtype=x.dtype, device=x.device)
    return none.scatter_reduce(0, at, x, "amax", include_self=False)


def softmax(scores: Tensor, to: Tensor, n: int) -> Tensor:  # (k, 1) -> (k, 1), of each segment the sum 1
    top = largest(scores.detach(), to, n)
    weight = (scores - top[to]).exp()
    return weight / total(weight, to, n)[to]


def gathered(x: Tensor, to: Tensor, n: int, way: str, share: Tensor, scores: Callable[[], Tensor]) -> Tensor:
    """(k, W) -> (n, W) in one of WAYS. A row stands for `share` (k,) like it; `scores` (k, 1): attention."""
    if way == "max":
        return largest(x, to, n)
    if way == "attention":
        return total(softmax(scores() + share[:, None].log(), to, n) * x, to, n)
    summed = total(share[:, None] * x, to, n)
    if way == "sum":
        return summed
    return summed / total(share[:, None], to, n).clamp(min=1e-12)
