"""One process or many: under torchrun, or in a caller's group, each learns from its share of a step."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .. import console
from ..objectives import Objective


@contextmanager
def group() -> Iterator[tuple[int, int]]:
    """(rank, processes). Joins the group that torchrun announces; leaves a group alone that stood before."""
    ours = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    together = dist.is_available() and dist.is_initialized()
    rank, world = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
    was_quiet, console.quiet = console.quiet, console.quiet or rank > 0
    try:
        yield rank, world
    finally:
        console.quiet = was_quiet
        if ours:
            dist.destroy_process_group()


def device() -> torch.device:
    """The accelerator of this process, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", torch.cuda.current_device())))
    torch.cuda.set_device(chosen)
    return chosen


class _Loss(nn.Module):
    """The objective's loss as a forward pass, which is what DistributedDataParallel can wrap."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective

    def forward(self, *views: Any, progress: float) -> dict[str, Tensor]:
        return self.objective.loss(*views, progress=progress)


class Parallel:
    """`loss` of the objective; its gradients are the mean over processes when `last` of a step."""

    def __init__(self, objective: Objective, world: int) -> None:
        self.world = world
        self.loss: Callable[..., dict[str, Tensor]] = objective.loss
        self.last: Callable[[bool], AbstractContextManager[Any]] = lambda last: nullcontext()
        if world > 1:
            wrapped = DistributedDataParallel(_Loss(objective))
            self.loss = wrapped
            self.last = lambda last: nullcontext() if last else wrapped.no_sync()

    def mean(self, figures: Tensor) -> list[float]:
        """The same numbers in every process, so that all of them decide alike."""
        if self.world > 1:
            dist.all_reduce(figures)
            figures = figures / self.world
        return figures.tolist()


def wait() -> None:
    """Until every process is here."""
    if dist.is_available() and dist.is_initialized():
        dist.barrier()
