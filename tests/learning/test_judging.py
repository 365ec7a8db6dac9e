"""Encoders compared without labels, and with them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from ilk.encoders import Encoder, build
from ilk.encoders.pixels import Pixels
from ilk.learning.judging import Judge, Judged, found_again, table
from ilk.source.images import Images
from ilk.training.recipe import Recipe


class Blind(Encoder):
    """Sees only how much ink there is: (B, 1, H, W) -> (B, 4)."""

    def __init__(self, by: float = 1.0) -> None:
        super().__init__()
        self.dim, self.by = 4, by

    def forward(self, x: Tensor) -> Tensor:
        ink = self.by * x.mean((1, 2, 3))[:, None]  # (B, 1)
        return torch.cat([torch.ones_like(ink), ink, ink**2, ink**3], 1)


def digits(n: int = 400) -> Images:
    data = load_digits()
    columns = pa.table({"kind": [str(t) for t in data.target[:n]]})
    return Images((data.images[:n, None] * 15).astype(np.uint8), [str(i) for i in range(n)], columns=columns)


def judge(label: str | None = None) -> Judge:
    return Judge(digits(), Recipe(held_out=0.25), label)


def test_pictures_are_found_by_what_sees_them() -> None:
    source, asked, bank = digits(), np.arange(100), np.arange(100, 400)
    pixels = found_again(build("pixels", source.traits).eval(), source, asked, bank)
    blind = found_again(Blind(), source, asked, bank)
    assert pixels is not None
    assert blind is not None
    assert 0.3 < pixels < 1
    assert blind < pixels / 2  # one number tells few of a hundred apart
    assert found_again(Blind(0), source, asked, bank) == 0  # all alike: nobody is found
    assert pixels == found_again(build("pixels", source.traits).eval(), source, asked, bank)


def test_the_scale_of_axes_does_not_count() -> None:
    """Whitening takes it away, so that an encoder is not preferred for stretching some of them."""

    class Stretched(Pixels):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * torch.linspace(1, 30, self.dim)

    source, asked, bank = digits(), np.arange(100), np.arange(400)
    plain, stretched = (found_again(cls(1, 8), source, asked, bank) for cls in (Pixels, Stretched))
    assert plain is not None
    # 50 of 64 axes are kept: which, stretching does change
    assert stretched == pytest.approx(plain, abs=0.1)


def test_what_are_no_pictures_has_no_such_score() -> None:
    class Words(Images):
        def batch(self, rows: np.ndarray) -> Tensor:
            return super().batch(rows).flatten(1)

        def views(self) -> None:
            return None

    source = digits()
    words = Words(source.pixels, source.ids)
    assert found_again(Blind(), words, np.arange(9), np.arange(50)) is None


def test_a_label_decides_first() -> None:
    one = judge("kind")("pixels", build("pixels", digits().traits).eval())
    assert one.health.knn is not None
    assert (one.score, one.by) == (one.health.knn, "right kind by kNN")
    assert one.health.samples == 100
    unlabelled = replace(one, health=replace(one.health, knn=None, label=None))
    assert (unlabelled.score, unlabelled.by) == (one.found, "found again")
    assert replace(one, health=replace(one.health, spread=0.0)).score == 0  # collapsed


def test_the_baselines_beside_each_other() -> None:
    judged = list(judge("kind").baselines())
    assert [j.name for j in judged] == ["pca", "pixels", "random"]
    best: Judged = max(judged, key=lambda j: j.score)
    lines = table(judged)
    assert lines[0].split("  ")[-1] == "right kind"
    assert lines[1].split()[0] == best.name
    assert lines[1].split()[-1] == f"{best.health.knn:.1%}"
    assert len({len(line) for line in lines}) == 1  # the columns stand in line
    assert {j.name: j.encoder.dim for j in judged} == {"pca": 64, "pixels": 64, "random": 128}
    assert next(judge().baselines(7)).encoder.dim == 7
