"""One process or many: under torchrun, or in a caller's group, each learns from its share of a step.

The first one (rank 0) alone talks, judges and writes. What it does alone may take hours, so the others wait
for it in a group with more patience than the one that sums gradients.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from .. import console
from ..errors import TrainingError
from ..objectives import Objective

_PATIENCE = timedelta(days=30)
_LEFT = ("Connection closed", "Connection reset", "Broken pipe", "gloo", "NCCL")  # in what torch then says
_patient: dist.ProcessGroup | None = None


class Left(TrainingError):
    """Another process of the run has ended."""


@contextmanager
def group() -> Iterator[tuple[int, int]]:
    """(rank, processes). Joins the group that torchrun announces; leaves a group alone that stood before."""
    global _patient
    ours = int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized()
    if ours:
        _join()
    together = dist.is_available() and dist.is_initialized()
    rank, world = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
    was_quiet, console.quiet = console.quiet, console.quiet or rank > 0
    before = _patient
    if world > 1 and before is None:
        _patient = dist.new_group(backend="gloo", timeout=_PATIENCE)
    try:
        yield rank, world
    except RuntimeError as e:
        if world == 1 or not any(sign in str(e) for sign in _LEFT):
            raise
        raise Left(
            "another process of this run has ended",
            "If it does not say why, it was killed, or its machine was lost. The same command goes on.",
        ) from e
    finally:
        _patient, console.quiet = before, was_quiet
        if ours:
            dist.destroy_process_group()


def _join() -> None:
    """As torch would alone, but that processes which torchrun starts again do not meet those before."""
    store, rank, world = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"ilk/{attempt}", store)  # type: ignore[attr-defined]
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world)


@contextmanager
def in_turn() -> Iterator[None]:
    """The first process of each machine goes ahead: what it reads and caches, the others then find."""
    first = int(os.environ.get("LOCAL_RANK", dist.get_rank() if _patient is not None else 0)) == 0
    if not first:
        wait()
    yield
    if first:
        wait()


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
    """Until every process is here, for days if need be."""
    if _patient is not None:
        dist.barrier(_patient)
