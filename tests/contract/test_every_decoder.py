"""What holds for every decoder: each file in ilk/decoders."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import decoders, saved
from ilk.decoders import Decoder
from ilk.find import keywords
from ilk.source import Source

from . import samples

DIM = 6
Made = tuple[Decoder, Source]


def built(name: str, made: Callable[[], Source]) -> Made:
    source = made()
    return samples.decoder(name, source, DIM), source


CASES: dict[str, Callable[[], Made]] = {
    f"{name}-{i}": partial(built, name, made)
    for name in decoders.names()
    for i, made in enumerate(samples.sources(decoders.find(name)))
}


@pytest.fixture(params=CASES)
def made(request: pytest.FixtureRequest) -> Made:
    torch.manual_seed(0)
    decoder, source = CASES[request.param]()
    return decoder.eval(), source


@pytest.fixture
def decoder(made: Made) -> Decoder:
    return made[0]


@pytest.fixture
def vectors() -> Tensor:
    return torch.randn(4, DIM, generator=torch.Generator().manual_seed(1))


def assert_same(one: Tensor | str, other: Tensor | str) -> None:
    if isinstance(one, str):
        assert one == other
    else:
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", decoders.names())
def test_one_documented_class_a_file(name: str) -> None:
    assert (vars(decoders.find(name))["__doc__"] or "").strip()


@torch.inference_mode()
def test_gives_what_the_source_gives(made: Made, vectors: Tensor) -> None:
    decoder, source = made
    out, real = decoder(vectors), source.batch(np.arange(4))
    assert decoder.dim == DIM
    if isinstance(real, list):
        assert [type(one) for one in out] == [type(one) for one in real]
    else:
        assert (out.shape, out.dtype) == (real.shape, real.dtype)
        assert out.isfinite().all()


@torch.inference_mode()
def test_a_sample_does_not_depend_on_its_batch(decoder: Decoder, vectors: Tensor) -> None:
    together = decoder(vectors)
    for i, v in enumerate(vectors):
        assert_same(decoder(v[None])[0], together[i])


@torch.inference_mode()
def test_saved_and_loaded_it_is_the_same(decoder: Decoder, vectors: Tensor, tmp_path: Path) -> None:
    saved.save(decoder, tmp_path, Decoder)
    again = saved.load(tmp_path, Decoder)
    assert saved.fingerprint(again) == saved.fingerprint(decoder)
    for one, same in zip(decoder(vectors), again(vectors), strict=True):
        assert_same(one, same)


def test_keywords_are_kept_as_given(decoder: Decoder) -> None:
    given = keywords(decoder)
    assert all(getattr(type(decoder)(**given), name) is value for name, value in given.items())
    assert json.loads(json.dumps(saved.describe(decoder))) == saved.describe(decoder)


def test_the_gradient_reaches_every_parameter_and_the_vector(decoder: Decoder, vectors: Tensor) -> None:
    decoder.train()
    vectors.requires_grad_()
    out = decoder(vectors)
    if not isinstance(out, Tensor):
        pytest.skip("writes piece by piece, which no gradient passes")
    out.square().mean().backward()
    assert vectors.grad is not None
    assert vectors.grad.any(1).all()
    assert [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.any()] == []
