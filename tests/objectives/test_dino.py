import math

import pytest
import torch
from torch.nn import functional as F

from ilk.encoders.convnet import ConvNet
from ilk.objectives._heads import Prototypes
from ilk.objectives.dino import DINO, across

from .waves import wave


class Given(torch.nn.Module):
    """Instead of a network: the answers themselves, call by call."""

    def __init__(self, *answers: torch.Tensor) -> None:
        super().__init__()
        self.answers = list(answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answers.pop(0) if self.answers else x


def test_loss_and_centre_equal_those_of_the_papers_code() -> None:
    """facebookresearch/dino, DINOLoss: 3 samples, 2 wide and 2 narrow views, 6 prototypes."""
    student, teacher = wave(4 * 3, 6), wave(2 * 3, 6, speed=0.7, shift=1.0)
    torch.manual_seed(0)
    objective = DINO(
        ConvNet(size=16, width=8, dim=6), prototypes=6, teacher_start=0.05, teacher_temperature=0.05
    )
    objective.head, objective.encoder = Given(student[:6], student[6:]), Given()  # type: ignore[assignment]
    objective.teacher.forward = lambda x: teacher  # type: ignore[method-assign]
    objective.teacher.follow = lambda *told: None  # type: ignore[method-assign]
    objective.centre.copy_(0.1 * wave(6, speed=2.0))
    views = [torch.zeros(3, 1, side, side) for side in (16, 16, 8, 8)]
    assert objective.loss(*views, progress=0.5)["naming"].item() == pytest.approx(8.59005, rel=1e-5)
    objective.after_step(0.5)
    expected = [-0.00056834, 0.0816042, -0.0678997, -0.0245896, 0.0896828, -0.0485397]
    assert objective.centre.tolist() == pytest.approx(expected, rel=1e-4)


def test_by_hand() -> None:
    """Two views, one sample, two prototypes: view 0 is named a by all, view 1 b. Only crossed pairs count."""
    teacher = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # (T, B, K)
    sure = torch.tensor([[[0.9, 0.1]], [[0.2, 0.8]]]).log()
    assert across(teacher, sure).item() == pytest.approx(-(math.log(0.2) + math.log(0.1)) / 2)
    even = torch.full((4, 1, 2), 0.5).log()  # with narrow views: six pairs
    assert across(teacher, even).item() == pytest.approx(math.log(2))


def test_answers_are_cosines_with_the_prototypes() -> None:
    torch.manual_seed(0)
    head = Prototypes(5, (7, 3), 9)
    answers = head(torch.randn(20, 5))
    assert answers.abs().max() <= 1 + 1e-6
    with torch.no_grad():
        head.directions.mul_(7)
    z = torch.randn(20, 5)
    torch.testing.assert_close(
        head(z), F.cosine_similarity(head.layers(z)[:, None], head.directions[None], dim=2)
    )


def test_the_teacher_sees_only_the_wide_views() -> None:
    torch.manual_seed(0)
    objective = DINO(ConvNet(size=16, width=8, dim=6), prototypes=6, narrow=3)
    views = objective.views(torch.rand(4, 1, 16, 16))
    assert [tuple(v.shape[2:]) for v in views] == [(16, 16)] * 2 + [(8, 8)] * 3
    seen: list[int] = []
    objective.teacher.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    first = objective.loss(*views, progress=0)["naming"]
    assert seen == [8]
    assert objective.loss(*views[:2], progress=0)["naming"] != first


def test_centring_keeps_one_prototype_from_winning_always() -> None:
    objective = DINO(ConvNet(size=16, width=8, dim=6), prototypes=3, centre_momentum=0.5)
    objective.seen = torch.tensor([1.0, 0.0, -1.0])
    for _ in range(20):
        objective.after_step(0)
    torch.testing.assert_close(objective.centre, objective.seen)
    assert "centre" in objective.state_dict()
