import pytest
import torch
from torch import Tensor

from ilk.encoders.convnet import ConvNet
from ilk.objectives.vicreg import VICReg, repeated, shrunk

from .waves import wave


class Given(torch.nn.Module):
    """Instead of encoder and expander: the vectors themselves."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def loss(a: Tensor, b: Tensor) -> dict[str, float]:
    objective = VICReg(ConvNet(size=16, width=8, dim=5))
    objective.encoder, objective.head = Given(), Given()  # type: ignore[assignment]
    return {name: term.item() for name, term in objective.loss(a, b, progress=0).items()}


def test_the_terms_equal_those_of_lightly() -> None:
    """lightly 1.5, VICRegLoss: its three terms, times 25, 25 and 1."""
    terms = loss(wave(8, 5), wave(8, 5, speed=1.3, shift=0.4))
    assert terms["invariance"] == pytest.approx(26.1729, rel=1e-5)
    assert terms["variance"] == pytest.approx(11.5034, rel=1e-5)
    assert terms["covariance"] == pytest.approx(0.538521, rel=1e-5)


def test_by_hand() -> None:
    square = torch.tensor(
        [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    )  # variances 4/3, no covariance
    assert shrunk(square).item() == 0
    assert repeated(square).item() == pytest.approx(0, abs=1e-7)
    assert shrunk(square / 4).item() == pytest.approx(1 - (1 / 12 + 1e-4) ** 0.5)
    line = square[:, :1].expand(4, 2)  # both off-diagonal covariances are 4/3, over two dimensions
    assert repeated(line).item() == pytest.approx(2 * (4 / 3) ** 2 / 2)


def test_vectors_that_are_all_alike_cost_their_spread_and_can_still_move() -> None:
    alike = torch.ones(6, 3).requires_grad_()
    assert shrunk(alike).item() == pytest.approx(0.99)  # 1 - sqrt(1e-4)
    gradient = torch.autograd.grad(shrunk(alike) + repeated(alike), alike)[0]
    assert gradient.isfinite().all()
