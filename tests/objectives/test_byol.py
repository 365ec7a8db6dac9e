import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError
from ilk.objectives._teacher import Teacher
from ilk.objectives.byol import BYOL, apart
from ilk.training.fit import fit
from ilk.training.recipe import Recipe
from tests.contract import samples


def test_by_hand() -> None:
    a = torch.tensor([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0]])
    b = torch.tensor([[4.0, 3.0], [-5.0, 0.0], [0.0, 1.0]])  # cosines 24/25, -1, 0
    assert apart(a, a * 7).item() == pytest.approx(0, abs=1e-6)
    assert apart(a, b).item() == pytest.approx(2 - 2 * (0.96 - 1 + 0) / 3)


def test_each_view_foretells_the_other_of_the_same_sample() -> None:
    """With what stands still in between: student and teacher are one, and there is no predictor."""
    torch.manual_seed(0)
    objective = BYOL(ConvNet(size=16, width=8, dim=12), predictor=())
    a, b = torch.rand(2, 6, 1, 16, 16)
    z = objective.teacher(torch.cat([a, b]))
    expected = 2 - 2 * torch.cosine_similarity(z[:6], z[6:]).mean()
    torch.testing.assert_close(objective.loss(a, b, progress=0)["prediction"], expected)


def learnt(run: Path, objective: BYOL) -> dict[str, Any]:
    """What health says after a short run at a high rate."""
    fit(objective, samples.images(n=300), Recipe(steps=60, learning_rate=2e-2, batch=32, checks=1), run=run)
    told: dict[str, Any] = json.loads((run / "health.json").read_text())
    return told


def test_without_what_holds_it_apart_it_collapses_and_the_verdict_says_so(tmp_path: Path) -> None:
    torch.manual_seed(0)
    bare = BYOL(ConvNet(size=16, width=8, dim=16), predictor=(), momentum=0.0, augment="digits")
    bare.head = torch.nn.Linear(16, 16)  # type: ignore[assignment]  # no batch norm
    bare.teacher = Teacher(bare.encoder, bare.head)
    fallen = learnt(tmp_path / "bare", bare)
    assert fallen["verdict"].startswith("Collapsed: all samples lie nearly on one line")
    torch.manual_seed(0)
    whole = BYOL(ConvNet(size=16, width=8, dim=16), projector=(32, 16), predictor=(32, 16), augment="digits")
    stands = learnt(tmp_path / "whole", whole)
    assert stands["verdict"].startswith("Learnt for 60 steps")
    assert stands["last"]["rank"] > 2 * fallen["last"]["rank"]


def test_widths_that_are_no_list_are_refused() -> None:
    with pytest.raises(OptionError, match=r"widths of layers are 3\nGive a list, as \[512, 128\]"):
        BYOL(ConvNet(size=16, width=8), predictor=3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"widths of layers are \(\)"):
        BYOL(ConvNet(size=16, width=8), projector=())
