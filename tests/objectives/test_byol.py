import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ilk.encoders.convnet import ConvNet
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


def learnt(run: Path, **options: Any) -> dict[str, Any]:
    """What health says after a short run at a high rate."""
    torch.manual_seed(0)
    objective = BYOL(ConvNet(size=16, width=8, dim=16), projector=(16,), augment="digits", **options)
    fit(objective, samples.images(n=300), Recipe(steps=60, learning_rate=2e-2, batch=32, checks=1), run=run)
    told: dict[str, Any] = json.loads((run / "health.json").read_text())
    return told


def test_predictor_and_delay_keep_it_from_collapse_and_the_verdict_says_so(tmp_path: Path) -> None:
    without = learnt(tmp_path / "without", predictor=(), momentum=0.0)
    assert without["verdict"].startswith("Collapsed: all samples lie nearly on one line")
    whole = learnt(tmp_path / "whole", predictor=(32, 16), momentum=0.9)
    assert whole["verdict"].startswith("Learnt for 60 steps")
    assert whole["last"]["rank"] > 2 * without["last"]["rank"]
