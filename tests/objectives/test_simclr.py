import math
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ilk.encoders.convnet import ConvNet
from ilk.objectives.simclr import SimCLR, nt_xent


def reference(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Equation 1 of the paper, one pair at a time, in double precision."""
    z = torch.cat([a, b]).double()
    n = len(a)

    def similarity(i: int, j: int) -> Tensor:
        return z[i] @ z[j] / (z[i].norm() * z[j].norm())

    def term(i: int, j: int) -> Tensor:
        others = [similarity(i, k) / temperature for k in range(2 * n) if k != i]
        return torch.stack(others).logsumexp(0) - similarity(i, j) / temperature

    return torch.stack([term(k, k + n) + term(k + n, k) for k in range(n)]).sum() / (2 * n)


def pair(n: int, d: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    a, b = torch.randn(2, n, d, generator=torch.Generator().manual_seed(seed))
    return a.requires_grad_(), b.requires_grad_()


@given(n=st.integers(1, 300), temperature=st.floats(0.01, 10))
def test_identical_embeddings_give_log_of_two_n_less_one(n: int, temperature: float) -> None:
    alike = torch.ones(n, 8)
    assert nt_xent(alike, alike, temperature).item() == pytest.approx(math.log(2 * n - 1), abs=1e-4)


def test_two_opposite_pairs_by_hand() -> None:
    """Each row sees its partner at cosine 1 and two others at -1: log(1 + 2 exp(-2 / tau))."""
    a = torch.tensor([[3.0, 0.0], [-0.1, 0.0]])  # lengths do not matter
    assert nt_xent(a, a * 7, 0.5).item() == pytest.approx(math.log(1 + 2 * math.exp(-4)), rel=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
def test_value_and_gradient_equal_the_paper(temperature: float) -> None:
    a, b = pair(6)
    ours, theirs = nt_xent(a, b, temperature), reference(a, b, temperature)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)
    for mine, other in zip(torch.autograd.grad(ours, (a, b)), torch.autograd.grad(theirs, (a, b))):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_symmetric_in_the_two_views() -> None:
    a, b = pair(40)
    torch.testing.assert_close(nt_xent(a, b, 0.2), nt_xent(b, a, 0.2))


def test_a_low_temperature_does_not_overflow() -> None:
    a, _ = pair(50)
    loss = nt_xent(a, -a.detach(), 0.01)  # the worst: each partner is the opposite
    gradient = torch.autograd.grad(loss, a)[0]
    assert 100 < loss.item() < 200
    assert gradient.isfinite().all()


def share(rank: int, meeting: str) -> tuple[Tensor, Tensor]:
    """Two processes with three pairs each: the mean loss, and how this one's first views change the sum."""
    patience = timedelta(seconds=100)  # for a process that never comes
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=2, timeout=patience
    )
    try:
        a, b = (x.detach()[3 * rank : 3 * rank + 3].requires_grad_() for x in pair(6))
        loss = nt_xent(a, b, 0.2)
        gradient = torch.autograd.grad(loss, a)[0]
        dist.all_reduce(mean := loss.detach() / 2)
        return mean, gradient
    finally:
        dist.destroy_process_group()


def test_two_processes_take_all_samples_for_negatives(tmp_path: Path) -> None:
    meeting = str(tmp_path / "meeting")
    code = f"from tests.objectives.test_simclr import share; share(1, {meeting!r})"
    other = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    mean, gradient = share(0, meeting)
    assert other.wait(timeout=60) == 0
    a, b = pair(6)
    whole = reference(a, b, 0.2)
    torch.testing.assert_close(mean.double(), whole, rtol=1e-5, atol=1e-6)
    # The loop averages gradients over the processes: half of this is the whole batch's.
    torch.testing.assert_close(gradient / 2, torch.autograd.grad(whole, a)[0][:3], rtol=1e-4, atol=1e-6)


def test_the_vector_is_the_encoders_not_the_projections() -> None:
    objective = SimCLR(ConvNet(size=16, width=8, dim=12), projector=(20, 7))
    z = objective.encoder(torch.rand(4, 1, 16, 16))
    assert z.shape == (4, 12)
    assert objective.head(z).shape == (4, 7)
