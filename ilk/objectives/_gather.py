"""Rows of every process at once, for losses over the whole batch (negatives, covariances)."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """Which process this is: 0 when alone."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather(z: Tensor) -> Tensor:
    """(B, ...) of each process -> (B * processes, ...), in the order of `rank()`; `z` itself when alone.

    Gradients flow back to the process that each row came from. The loop averages gradients over
    processes, so a mean over one's own rows, or the same mean over all rows, both come out right.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return z
    rows: Tensor = _Gather.apply(z)  # type: ignore[no-untyped-call]
    return rows


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        parts = [
            torch.empty_like(z, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())
        ]
        dist.all_gather(parts, z.contiguous())
        ctx.rows = len(z)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)  # what every process's loss asks of these rows
        return gradient[rank() * ctx.rows : (rank() + 1) * ctx.rows]
