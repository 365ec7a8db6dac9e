"""What holds for every encoder: each file in ilk/encoders, and whatever a closed form solves to."""

import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import encoders, saved
from ilk.encoders import Encoder, encode
from ilk.find import keywords
from ilk.objectives import find
from ilk.source import Source

from . import samples

Made = tuple[Encoder, Source]


def built(name: str, made: Callable[[], Source]) -> Made:
    return samples.encoder(name, source := made()), source


def solved(name: str, made: Callable[[], Source]) -> Made:
    return samples.solved(name, source := made()), source


CASES: dict[str, Callable[[], Made]] = {
    f"{name}-{i}": partial(built, name, made)
    for name in encoders.names()
    for i, made in enumerate(samples.sources(encoders.find(name)))
} | {
    f"solved-{name}-{i}": partial(solved, name, made)
    for name in samples.closed_forms()
    for i, made in enumerate(samples.sources(find(name)))
}


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest) -> Made:
    torch.manual_seed(0)
    return CASES[request.param]()


@pytest.fixture
def encoder(made: Made) -> Encoder:
    return made[0]


@pytest.fixture
def batch(made: Made) -> Any:
    return made[1].batch(np.arange(8))


def close(a: Tensor, b: Tensor) -> bool:
    """Equal to 1e-5 of the vectors' own size."""
    return bool((a - b).abs().max() <= 1e-5 * b.abs().max().clamp(min=1e-3))


@pytest.mark.parametrize("name", encoders.names())
def test_one_documented_class_a_file(name: str) -> None:
    cls = encoders.find(name)  # raises unless there is exactly one
    assert (vars(cls)["__doc__"] or "").strip()
    assert all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(cls).parameters.values())


def test_a_batch_becomes_finite_vectors(encoder: Encoder, batch: Any) -> None:
    vectors = encode(encoder, batch)
    assert vectors.shape == (8, encoder.dim)
    assert vectors.dtype == torch.float32
    assert vectors.isfinite().all()


def test_different_samples_get_different_vectors(encoder: Encoder, batch: Any) -> None:
    assert len(encode(encoder, batch).unique(dim=0)) == 8


def test_a_vector_does_not_depend_on_its_batch(made: Made) -> None:
    encoder, source = made
    together = encode(encoder, source.batch(np.arange(8)))
    alone = torch.cat([encode(encoder, source.batch(np.array([i]))) for i in range(8)])
    assert close(alone, together)
    assert torch.equal(encode(encoder, source.batch(np.arange(8))), together)


def test_saved_and_loaded_it_is_the_same(encoder: Encoder, batch: Any, tmp_path: Path) -> None:
    saved.save(encoder, tmp_path, Encoder)
    again = saved.load(tmp_path, Encoder)
    assert saved.fingerprint(again) == saved.fingerprint(encoder)
    assert torch.equal(encode(again, batch), encode(encoder, batch))


def test_another_weight_is_another_fingerprint(encoder: Encoder, tmp_path: Path) -> None:
    saved.save(encoder, tmp_path, Encoder)
    other = saved.load(tmp_path, Encoder)
    tensors = [(name, tensor) for name, tensor in other.state_dict().items() if tensor.numel()]
    if not tensors:
        pytest.skip("has no weights")
    for name, tensor in (tensors[0], tensors[len(tensors) // 2], tensors[-1]):
        before = tensor.clone()
        tensor[(0,) * tensor.ndim] += 1
        assert saved.fingerprint(other) != saved.fingerprint(encoder), name
        tensor.copy_(before)
    assert saved.fingerprint(other) == saved.fingerprint(encoder)


def test_keywords_are_kept_as_given(encoder: Encoder) -> None:
    given = keywords(encoder)
    again = type(encoder)(**given)
    assert all(getattr(again, name) is value for name, value in given.items())
    assert json.loads(json.dumps(saved.describe(encoder))) == saved.describe(encoder)


def test_the_gradient_reaches_every_parameter(encoder: Encoder, batch: Any) -> None:
    parameters = {n: p for n, p in encoder.named_parameters() if p.requires_grad}
    parameters = {n: p for n, p in parameters.items() if not n.startswith("says.")}  # a detector's, of boxes
    if not parameters:
        pytest.skip("nothing here is learned by gradient")
    torch.manual_seed(0)
    encoder.train()
    state = {k: v.clone() for k, v in encoder.state_dict().items()}
    vectors = encoder(batch)
    (vectors * torch.randn_like(vectors)).sum().backward()
    encoder.load_state_dict(state)
    encoder.eval()
    behind = samples.BEHIND.get(type(encoder).__module__.rpartition(".")[2], ())
    missed = [n for n, p in parameters.items() if p.grad is None or not p.grad.any()]
    assert [n for n in missed if not n.startswith(behind)] == []
