import math

import pytest
import torch
from torch.nn import functional as F

from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError
from ilk.objectives.moco import MoCo, info_nce

from .waves import wave


def small(**options: object) -> MoCo:
    torch.manual_seed(0)
    return MoCo(ConvNet(size=16, width=8, dim=12), projector=(10, 6), **options)  # type: ignore[arg-type]


def test_the_loss_equals_that_of_the_papers_code() -> None:
    """facebookresearch/moco, builder.py, and cross-entropy; 4 queries, 7 in the queue, 3 dimensions."""
    rows, keys = (F.normalize(x) for x in (wave(4, 3), wave(4, 3, speed=0.8, shift=0.2)))
    queue = F.normalize(wave(7, 3, speed=1.7, shift=0.5))
    assert info_nce(rows, keys, queue, 0.07).item() == pytest.approx(6.81636, rel=1e-5)
    assert info_nce(rows, keys, queue, 0.2).item() == pytest.approx(2.84175, rel=1e-5)


def test_by_hand() -> None:
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert info_nce(x, x, x.expand(9, 2), 0.1).item() == pytest.approx(math.log(10))
    assert info_nce(x, x, y.expand(9, 2), 0.5).item() == pytest.approx(math.log(1 + 9 * math.exp(-2)))


def keys_of(objective: MoCo, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return F.normalize(objective.teacher(torch.cat([a, b])))


def test_the_queue_takes_the_newest_and_drops_the_oldest() -> None:
    objective = small(queue=10)
    first = objective.keys.clone()
    a, b, c, d = torch.rand(4, 3, 1, 16, 16)
    one = keys_of(objective, a, b)
    objective.loss(a, b, progress=0)
    assert torch.equal(objective.keys, first)  # a sample is not among its own negatives
    objective.after_step(0)
    torch.testing.assert_close(objective.keys, torch.cat([one, first[6:]]))
    two = keys_of(objective, c, d)
    objective.loss(c, d, progress=0)
    objective.after_step(0)
    torch.testing.assert_close(objective.keys, torch.cat([two[4:], one[2:], two[:4]]))
    assert objective.at.item() == 2
    assert {"keys", "at"} <= objective.state_dict().keys()  # part of every checkpoint


def test_all_parts_of_a_step_enter_the_queue_and_more_than_it_holds_is_no_harm() -> None:
    objective = small(queue=8)
    a, b, c = torch.rand(3, 3, 1, 16, 16)
    expected = torch.cat([keys_of(objective, a, b), keys_of(objective, b, c)])[-8:]
    objective.loss(a, b, progress=0)
    objective.loss(b, c, progress=0)
    objective.after_step(0)
    assert sorted(objective.keys[:, 0].tolist()) == pytest.approx(sorted(expected[:, 0].tolist()), abs=1e-6)
    objective.eval().loss(a, b, progress=0)  # only looked at: leaves no trace
    assert objective.fresh == []


def test_keys_come_from_the_slow_copy() -> None:
    objective = small(momentum=1.0)
    before = keys_of(objective, *torch.ones(2, 3, 1, 16, 16))
    with torch.no_grad():
        for p in objective.encoder.parameters():
            p.add_(1)
    objective.loss(*torch.rand(2, 3, 1, 16, 16), progress=0)
    objective.after_step(0)
    assert torch.equal(keys_of(objective, *torch.ones(2, 3, 1, 16, 16)), before)


def test_an_empty_queue_is_refused() -> None:
    with pytest.raises(OptionError, match="queue is 0; expected 1 or more"):
        small(queue=0)
