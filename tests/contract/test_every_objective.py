"""What holds for every objective: each file in ilk/objectives, neural or closed form.

What a closed form solves to is held to the encoders' contract, in test_every_encoder.py.
"""

import inspect
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import objectives, saved
from ilk.encoders import Encoder, embed, encode
from ilk.find import keywords, parameters
from ilk.learning.usual import takes
from ilk.objectives import Objective
from ilk.source import Source
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

from . import samples

neural = [name for name in objectives.names() if name not in samples.closed_forms()]


@pytest.fixture(params=neural)
def cls(request: pytest.FixtureRequest) -> type[Objective]:
    found = objectives.find(request.param)
    assert issubclass(found, Objective)
    return found


@pytest.fixture
def source(cls: type[Objective]) -> Source:
    return samples.sources(cls)[0]()


def made(cls: type[Objective], source: Source) -> Objective:
    torch.manual_seed(0)
    return samples.objective(cls, source)


def read(objective: Objective, source: Source, rows: np.ndarray) -> tuple[Any, ...]:
    """A batch, and what stands beside it."""
    return (source.batch(rows), *objective.beside(source, rows))


def step(objective: Objective, batch: tuple[Any, ...], seed: int) -> dict[str, Tensor]:
    """The loss as the loop takes it: everything random hangs on this seed."""
    torch.manual_seed(seed)
    return objective.loss(*objective.given(*batch), progress=0.5)


def total(objective: Objective, batch: tuple[Any, ...], seed: int) -> Tensor:
    return torch.stack(list(step(objective, batch, seed).values())).sum()


def learn(objective: Objective, source: Source, steps: int) -> list[float]:
    optimiser = torch.optim.AdamW(objective.parameters(), 2e-3)
    draw = np.random.default_rng(0)
    losses = []
    for n in range(steps):
        batch = read(objective, source, np.sort(draw.permutation(len(source))[:32]))
        loss = total(objective, batch, n)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        objective.after_step(n / steps)
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", objectives.names())
def test_one_documented_class_a_file(name: str) -> None:
    cls = objectives.find(name)  # raises unless there is exactly one
    assert (vars(cls)["__doc__"] or "").strip()
    assert all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(cls).parameters.values())


def test_keywords_are_kept_as_given(cls: type[Objective], source: Source) -> None:
    given = keywords(made(cls, source))
    encoder = given.pop("encoder")
    json.dumps(given)
    again = cls(encoder, **given)
    assert all(getattr(again, name) is value for name, value in given.items())
    assert again.encoder is encoder


def test_no_keyword_hides_what_the_loop_asks_of_every_objective(cls: type[Objective]) -> None:
    asked = {name for base in (Objective, objectives.ClosedForm) for name in vars(base) if name[0] != "_"}
    assert not {*parameters(cls)} & (asked - {"kind", "dim"})


def test_the_loss_is_named_finite_numbers(cls: type[Objective], source: Source) -> None:
    objective = made(cls, source)
    terms = step(objective, read(objective, source, np.arange(32)), 0)
    assert terms
    assert all(isinstance(name, str) and t.shape == () and t.isfinite() for name, t in terms.items())


def test_the_gradient_reaches_the_encoder(cls: type[Objective], source: Source) -> None:
    objective = made(cls, source)
    total(objective, read(objective, source, np.arange(32)), 0).backward()
    assert [n for n, p in objective.encoder.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert all(p.grad.isfinite().all() for p in objective.parameters() if p.grad is not None)


def test_half_precision_changes_the_loss_little(cls: type[Objective], source: Source) -> None:
    objective = made(cls, source)
    views = objective.given(*read(objective, source, np.arange(32)))

    def loss() -> Tensor:
        torch.manual_seed(0)
        return torch.stack(list(objective.loss(*views, progress=0.5).values())).sum()

    whole = loss()
    with torch.autocast("cpu", torch.bfloat16):
        half = loss()
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(whole.item(), rel=0.03)


def test_no_gradient_reaches_what_only_follows(cls: type[Objective], source: Source) -> None:
    """Teachers are moved by `after_step`; all else by the gradient, every part of it."""
    objective = made(cls, source)
    follows = {name: p.clone() for name, p in objective.named_parameters() if not p.requires_grad}
    learn(objective, source, 1)
    assert [n for n, p in objective.named_parameters() if (p.grad is None) != (n in follows)] == []
    assert all(name.startswith("teacher.") for name in follows)
    moved = [not torch.equal(objective.get_parameter(name), p) for name, p in follows.items()]
    assert not moved or any(moved)


@pytest.mark.parametrize("channels", [3, 7])
def test_works_with_any_number_of_channels(cls: type[Objective], channels: int) -> None:
    if takes(cls) not in (None, "images"):
        pytest.skip("reads no pictures alone")
    source = samples.images(channels)
    objective = made(cls, source)
    loss = total(objective, read(objective, source, np.arange(8)), 0)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in objective.parameters() if p.grad is not None)


def test_within_thirty_steps_sixteen_samples_are_learnt_by_heart(
    cls: type[Objective], source: Source
) -> None:
    """The same views each time; teachers, queues and centres stand still, or the loss would not compare."""
    objective = made(cls, source)
    optimiser = torch.optim.AdamW(objective.parameters(), 2e-3)
    batch, losses = read(objective, source, np.arange(16)), list[float]()
    while len(losses) <= 30 and (len(losses) < 3 or max(losses[-2:]) >= 0.85 * losses[0]):
        loss = total(objective, batch, 1)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.85 * losses[0]


def test_the_same_seed_gives_the_same_losses(cls: type[Objective], source: Source) -> None:
    first, second = (learn(made(cls, source), source, 3) for _ in range(2))
    assert first == second


def test_from_its_state_it_goes_on_as_if_never_stopped(cls: type[Objective], source: Source) -> None:
    objective, other = made(cls, source), samples.objective(cls, source)
    learn(objective, source, 3)
    other.load_state_dict(objective.state_dict())
    assert learn(objective, source, 3) == learn(other, source, 3)


def test_survives_pictures_that_are_all_alike(cls: type[Objective], source: Source) -> None:
    assert np.isfinite(learn(made(cls, source), samples.flat(source), 3)).all()


def test_what_it_decodes_looks_like_what_came(cls: type[Objective], source: Source) -> None:
    objective = made(cls, source)
    if objective.decoder is None or takes(cls) == "text":
        pytest.skip("learns no way back, or one to text")
    if objective.made(2) is not None:
        pytest.skip("is to make new ones, not to give these back")
    learn(objective, source, 30)
    batch = source.batch(np.arange(len(source)))
    with torch.inference_mode():
        out = objective.eval().decoder(encode(objective.encoder, batch))
    assert out.shape == batch.shape
    assert (out - batch).square().mean() < batch.var()  # less than of a flat picture, so the scale is right


def test_learns_in_the_one_loop(cls: type[Objective], source: Source, tmp_path: Path) -> None:
    objective = made(cls, source)
    before = saved.fingerprint(objective.encoder)
    encoder = fit(objective, source, Recipe(steps=4, batch=16, checks=1, held_out=0.25), run=tmp_path)
    assert not encoder.training
    assert saved.fingerprint(encoder) != before
    assert saved.fingerprint(saved.load(tmp_path, Encoder)) == saved.fingerprint(encoder)
    assert np.isfinite(embed(encoder, source)).all()


@pytest.mark.parametrize("name", samples.closed_forms())
class TestClosedForm:
    def source(self, name: str) -> Source:
        return samples.sources(objectives.find(name))[0]()

    def test_the_same_seed_gives_the_same_bits(self, name: str) -> None:
        solve = partial(samples.solved, name, self.source(name))
        assert saved.fingerprint(solve(seed=3)) == saved.fingerprint(solve(seed=3))

    def test_survives_pictures_that_are_all_alike(self, name: str) -> None:
        grey = samples.flat(self.source(name))
        assert np.isfinite(embed(samples.solved(name, grey), grey)).all()

    def test_keywords_are_kept_as_given(self, name: str) -> None:
        cls = objectives.find(name)
        given = keywords(cls())
        json.dumps(given)
        again = cls(**given)
        assert all(getattr(again, key) is value for key, value in given.items())
