"""Deep CCA: correlations as linear CCA has them; what is kept puts both halves into one frame."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ilk
from ilk.analysis._maps import canonical
from ilk.analysis.retrieval import both_ways
from ilk.encoders import Encoder, build
from ilk.encoders.two import Two
from ilk.errors import OptionError
from ilk.objectives.deep_cca import DeepCCA
from ilk.training.recipe import Recipe

from .test_clip import COLOURS, coloured


class Given(Encoder):
    """The numbers themselves."""

    def __init__(self, dim: int = 4) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return torch.as_tensor(x)


def plain(dim: int = 4, ridge: float = 0.01) -> DeepCCA:
    two = Two(Given(dim), Given(dim), dim)
    torch.nn.init.eye_(two.of_pictures.weight)
    torch.nn.init.eye_(two.of_words.weight)
    return DeepCCA(two, ridge=ridge, augment=None)


def two_sides(n: int, noise: float) -> tuple[Tensor, Tensor]:
    """The same four numbers, each mixed in a way of its own."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(n, 4))
    x, y = (truth @ rng.normal(size=(4, 4)) + noise * rng.normal(size=(n, 4)) + 3 for _ in range(2))
    return torch.from_numpy(x).float(), torch.from_numpy(y).float()


@pytest.mark.parametrize("ridge", [0.001, 0.1])
def test_the_correlations_are_those_of_linear_cca(ridge: float) -> None:
    x, y = two_sides(200, 0.5)
    told = plain(ridge=ridge).loss(x, y, progress=0.0)["apart"].item()
    known = canonical(x.numpy(), y.numpy(), ridge=ridge).correlations
    assert told == pytest.approx(1 - known.mean(), abs=1e-3)
    assert 0.5 < known.mean() < 1


def test_what_is_kept_puts_both_halves_into_one_frame() -> None:
    objective = plain()
    x, y = two_sides(500, 0.05)
    names = [str(i) for i in range(500)]
    before = both_ways(objective.encoder(x).detach().numpy(), _words(objective.encoder, y), names)
    objective.loss(x, y, progress=0.0)
    objective.after_step(0.0)
    kept = objective.kept
    assert isinstance(kept, Two)
    after = both_ways(kept(x).detach().numpy(), _words(kept, y), names)
    assert before.ways[0].recall[1] < 0.1
    assert after.ways[0].recall[1] > 0.9
    assert after.alignment < 0.1 < before.alignment


def _words(two: Two, y: Tensor) -> np.ndarray:
    found = torch.nn.functional.normalize(two.of_words(two.words(y)))
    return found.detach().numpy()


def test_words_find_pictures(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.manual_seed(0)
    space = ilk.learn(
        coloured(),
        "deep_cca",
        out=tmp_path_factory.mktemp("cca") / "colours",
        dim=3,
        width=8,
        vocabulary=100,
        recipe=Recipe(steps=24, batch=32, checks=1),
    )
    assert space.in_words
    found = {
        name: [str(i).partition("-")[0] for i in space.search(f"a {name} square", 5).ids[0]]
        for name in COLOURS
    }
    assert sum(answers == [name] * 5 for name, answers in found.items()) >= 3


def test_what_is_refused() -> None:
    with pytest.raises(OptionError):
        DeepCCA(build("pixels", {}))  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="ridge"):
        plain(ridge=0.0)
