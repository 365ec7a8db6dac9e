"""What holds for every objective that learns in two processes: together they are one with the whole batch.

Batch norm goes by what each process has before it, so it stands still here. An objective that draws at
random within `loss` (not in `views`) draws anew in each process: of such only the running is tested.
"""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ilk import objectives
from ilk.objectives import Objective
from ilk.training.distributed import Parallel

from . import samples
from .test_every_objective import neural

WHOLE = 16
Found: TypeAlias = dict[
    str, dict[str, Tensor]
]  # objective -> losses, gradients, what it holds after the step


def step(name: str, rank: int, world: int, *, draw: int = 2) -> dict[str, Tensor]:
    """The second step, of this process's share of the batch: queues and centres hold something by then."""
    cls = objectives.find(name)
    assert issubclass(cls, Objective)
    source = samples.sources(cls)[0]()
    torch.manual_seed(0)
    objective = samples.objective(cls, source)
    for module in objective.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    torch.manual_seed(1)
    share = slice(WHOLE // world * rank, WHOLE // world * (rank + 1))
    rows = np.arange(WHOLE)
    views = [view[share] for view in objective.given(source.batch(rows), *objective.beside(source, rows))]
    together = Parallel(objective, world)
    for n in range(2):
        objective.zero_grad()
        torch.manual_seed(draw + n)
        terms = together.loss(*views, progress=0.25)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        objective.after_step(0.25)
    losses = together.mean(torch.stack(list(terms.values())).detach())
    found = {f"loss.{term}": torch.tensor(loss) for term, loss in zip(terms, losses)}
    found |= {f"gradient.{n}": p.grad for n, p in objective.named_parameters() if p.grad is not None}
    return found | {f"state.{n}": tensor for n, tensor in objective.state_dict().items()}


def in_group(rank: int, meeting: str) -> Found:
    patience = timedelta(seconds=100)  # for a process that never comes
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=2, timeout=patience
    )
    try:
        return {name: step(name, rank, 2) for name in neural}
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """One pair of processes for all objectives: to start one is dear."""
    meeting = str(tmp_path_factory.mktemp("two") / "meeting")
    code = f"from tests.contract.test_two_processes import in_group; in_group(1, {meeting!r})"
    other = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    found = in_group(0, meeting)
    assert other.wait(timeout=60) == 0
    return found


@pytest.mark.parametrize("name", neural)
def test_two_processes_are_one_with_the_whole_batch(name: str, both: Found) -> None:
    alone, ours = step(name, 0, 1), both[name]
    assert alone.keys() == ours.keys()
    assert all(tensor.isfinite().all() for tensor in ours.values())
    again = step(name, 0, 1, draw=9)
    if any(not torch.equal(again[what], tensor) for what, tensor in alone.items()):
        pytest.skip("draws at random within its loss")
    for what, tensor in alone.items():
        torch.testing.assert_close(
            ours[what], tensor, rtol=1e-5, atol=1e-5, msg=lambda m, what=what: f"{what}: {m}"
        )
