import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from ilk.encoders.convnet import ConvNet
from ilk.encoders.projected import Projected
from ilk.errors import UnknownName
from ilk.objectives._labels import Labels
from ilk.objectives._tuning import paces
from ilk.training.optimiser import adamw, set_rate
from ilk.training.recipe import Recipe

from ..training.learning_parts import Digits, Small


def test_the_first_layer_learns_at_front_and_the_last_at_one() -> None:
    found = paces(Small(), 0.01)  # a convolution, batch norm, a linear layer
    assert found == {
        "encoder.layers.0.weight": pytest.approx(0.01),
        "encoder.layers.0.bias": pytest.approx(0.01),
        "encoder.layers.1.weight": pytest.approx(0.1),
        "encoder.layers.1.bias": pytest.approx(0.1),
        "encoder.layers.4.weight": 1,
        "encoder.layers.4.bias": 1,
    }
    within = paces(Projected(ConvNet(size=16, width=4), 8), 0.5)
    assert list(within.values()) == sorted(within.values())
    assert set(paces(Small(), 1.0).values()) == {1}


def test_the_optimiser_keeps_these_paces() -> None:
    objective = Labels(Small(), column="digit", classes=10, front=0.01)
    optimiser = adamw(objective, Recipe(learning_rate=0.5, warmup=0))
    set_rate(optimiser, Recipe(learning_rate=0.5, warmup=0), 0.0)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    names = dict(objective.named_parameters())
    assert len(rates) == len(names)
    assert rates[id(names["encoder.layers.0.weight"])] == pytest.approx(0.005)
    assert rates[id(names["head.weight"])] == 0.5
    decayed = [id(p) for group in optimiser.param_groups if group["weight_decay"] for p in group["params"]]
    assert sorted(decayed) == sorted(id(p) for p in names.values() if p.ndim >= 2)


def test_a_step_moves_each_layer_at_its_pace() -> None:
    """AdamW's first step is the rate itself, whatever the gradient."""
    torch.manual_seed(0)
    objective, source = Labels(Small(), column="digit", classes=10, front=0.01), Digits(64)
    optimiser = adamw(objective, Recipe(learning_rate=1e-3, warmup=0, weight_decay=0))
    set_rate(optimiser, Recipe(learning_rate=1e-3, warmup=0), 0.0)
    before = {n: p.detach().clone() for n, p in objective.named_parameters()}
    rows = np.arange(64)
    terms = objective.loss(
        *objective.views(source.batch(rows)), *objective.beside(source, rows), progress=0.0
    )
    terms["labels"].backward()
    optimiser.step()
    moved = {n: (p - before[n]).abs().max().item() for n, p in objective.named_parameters()}
    assert moved["encoder.layers.0.weight"] == pytest.approx(1e-5, rel=0.05)
    assert moved["encoder.layers.1.weight"] == pytest.approx(1e-4, rel=0.05)
    assert moved["head.weight"] == pytest.approx(1e-3, rel=0.05)


def test_the_loss_is_the_cross_entropy_of_the_labels() -> None:
    source = Digits(30)
    objective = Labels(Small(), column="digit", classes=10)
    nn.init.zeros_(objective.head.weight)
    objective.start(torch.zeros(10, 16), torch.zeros(10))
    rows = np.array([3, 4, 9])
    (codes,) = objective.beside(source, rows)
    assert codes.tolist() == source.labels[rows].tolist()
    given = objective.views(source.batch(rows))
    assert objective.loss(*given, codes, progress=0.0)["labels"].item() == pytest.approx(math.log(10))
    objective.start(torch.zeros(10, 16), torch.eye(10)[3] * 50)
    one = objective.loss(*given, torch.tensor([3, 3, 3]), progress=0.0)["labels"].item()
    assert one == pytest.approx(0, abs=1e-6)


def test_batch_norm_stands_still_unless_it_is_let_go() -> None:
    source, rows = Digits(32), np.arange(32)
    for still in (True, False):
        objective = Labels(Small(), column="digit", classes=10, still=still).train()
        before = objective.encoder.layers[1].running_mean.clone()
        objective.loss(*objective.views(source.batch(rows)), *objective.beside(source, rows), progress=0.0)
        assert torch.equal(objective.encoder.layers[1].running_mean, before) is still


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    class Bare(Digits):
        def metadata(self) -> pa.Table:
            return pa.table({"kind": self.labels})

    objective = Labels(Small(), column="digit", classes=10)
    with pytest.raises(UnknownName, match="kind"):
        objective.beside(Bare(20), np.arange(4))
