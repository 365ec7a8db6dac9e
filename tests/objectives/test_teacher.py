import pytest
import torch
from torch import nn

from ilk.encoders import build
from ilk.encoders.convnet import ConvNet
from ilk.objectives._heads import mlp
from ilk.objectives._teacher import Teacher, towards_one, warmed


def student() -> tuple[ConvNet, nn.Module]:
    torch.manual_seed(0)
    encoder = ConvNet(size=16, width=8, dim=12)
    return encoder, mlp(12, (10, 6))


def test_every_tensor_is_the_average_of_the_students() -> None:
    encoder, head = student()
    teacher = Teacher(encoder, head)
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    with torch.no_grad():
        for p in (*encoder.parameters(), *head.parameters()):
            p.add_(torch.randn_like(p))
    head(encoder(torch.rand(16, 1, 16, 16) * 9))  # moves the statistics of batch norm
    teacher.follow(encoder, head, 0.75)
    after = {f"encoder.{k}": v for k, v in encoder.state_dict().items()}
    after |= {f"head.{k}": v for k, v in head.state_dict().items()}
    assert {k.rpartition(".")[2] for k in after} >= {"weight", "running_mean", "running_var"}
    for name, tensor in teacher.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, 0.75 * before[name] + 0.25 * after[name])
        else:
            assert tensor.item() == after[name].item() == 1  # batches counted
    teacher.follow(encoder, head, 0.0)
    assert all(torch.equal(tensor, after[name]) for name, tensor in teacher.state_dict().items())


def test_goes_by_the_batch_as_the_student_does_and_is_not_moved_by_it() -> None:
    encoder, head = student()
    teacher = Teacher(encoder, head)
    before = {k: v.clone() for k, v in teacher.state_dict().items() if v.is_floating_point()}
    x = torch.rand(16, 1, 16, 16) * 9 + 5  # far from the statistics so far: 0 and 1
    torch.testing.assert_close(teacher(x), head(encoder(x)))
    assert all(torch.equal(teacher.state_dict()[name], tensor) for name, tensor in before.items())
    assert not torch.allclose(teacher.eval()(x), teacher.train()(x), atol=0.1)


def test_no_gradient_reaches_it() -> None:
    encoder, head = student()
    teacher = Teacher(encoder, head)
    x = torch.rand(4, 1, 16, 16, requires_grad=True)
    assert not teacher(x).requires_grad
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in encoder.parameters())  # the student still learns
    assert {p.data_ptr() for p in teacher.parameters()}.isdisjoint(p.data_ptr() for p in encoder.parameters())


def test_drops_nothing_at_random() -> None:
    vit = build("vit", {"channels": 1, "size": 16}, width=32, depth=3, heads=2, patch=4, drop_path=0.9)
    teacher, x = Teacher(vit, nn.Identity()).train(), torch.rand(8, 1, 16, 16)
    assert torch.equal(teacher(x), teacher(x))
    assert not torch.equal(vit(x), vit(x))


def test_schedules_by_hand() -> None:
    assert [towards_one(0.9, at) for at in (0, 0.5, 1)] == pytest.approx([0.9, 0.95, 1])
    assert towards_one(0.9, 1 / 3) == pytest.approx(0.925)  # (1 + cos 60 degrees) / 2 = 3/4
    assert [warmed(0.04, 0.07, 0.3, at) for at in (0, 0.1, 0.3, 0.9)] == pytest.approx(
        [0.04, 0.05, 0.07, 0.07]
    )
    assert warmed(0.04, 0.07, 0.0, 0.0) == 0.07
