"""A look inside, by hand: networks of which it is known where they look."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ilk.analysis.inside import Attention, attention, eye, features, origin, sinks
from ilk.encoders import Encoder, build
from ilk.encoders.projected import Projected
from ilk.encoders.vit import ViT

from ..contract import samples

TRAITS = {"channels": 1, "size": 16}


class _Corner(Encoder):
    """Sees nothing but the upper left quarter."""

    dim = 16

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, :4, :4].flatten(1)


def vit(**options: Any) -> ViT:
    torch.manual_seed(0)
    return ViT(1, 16, 8, 4, width=8, depth=3, heads=2, **options).eval()


@pytest.fixture
def x() -> Tensor:
    return samples.images().batch([*range(4)])


def test_the_vector_comes_from_where_the_network_looks() -> None:
    x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = origin(_Corner(), x, cells=4)
    assert found.shape == (3, 4, 4)
    assert (found[:, :2, :2] > 0).all()
    assert found[:, 2:].max() < 1e-5 > found[:, :, 2:].max()


def test_by_how_much_a_vector_turns_by_hand() -> None:
    """Four pixels 1, 1, 1, 0 of median 1: covering the last turns (1, 1, 1, 0) to (1, 1, 1, 1)."""
    x = torch.tensor([1.0, 1.0, 1.0, 0.0]).view(1, 1, 2, 2)
    found = origin(build("pixels", {"channels": 1, "size": 2}), x, cells=2)[0]
    torch.testing.assert_close(
        found, torch.tensor([[0.0, 0.0], [0.0, 1 - 3 / (3**0.5 * 2)]]), atol=1e-6, rtol=0
    )


def test_more_cells_than_pixels_and_odd_sides() -> None:
    x = torch.rand(1, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    assert origin(build("pixels", {"channels": 2, "size": 5}), x, cells=3).shape == (1, 3, 3)
    assert origin(build("pixels", {"channels": 2, "size": 5}), x, cells=8).gt(1e-6).sum() <= 25


def test_rollout_by_hand() -> None:
    """One layer, CLS and four patches: half of CLS's attention to each patch."""
    weights = torch.eye(5).repeat(1, 1, 1, 1)
    weights[0, 0, 0] = torch.tensor([0.2, 0.4, 0.0, 0.0, 0.4])
    one = Attention([weights], 1)
    torch.testing.assert_close(one.rollout()[0], torch.tensor([[0.2, 0.0], [0.0, 0.2]]))
    two = Attention([weights, weights], 1)  # CLS keeps (1 + 0.2) / 2 of itself for the second layer
    torch.testing.assert_close(two.rollout()[0, 0, 0], torch.tensor(0.2 * 0.6 + 0.2))
    torch.testing.assert_close(two.heads()[0, 0], torch.tensor([[0.4, 0.0], [0.0, 0.4]]))


def test_without_cls_all_tokens_are_asked() -> None:
    weights = torch.eye(4).repeat(1, 1, 1, 1)
    weights[0, 0, 1:] = torch.tensor([1.0, 0, 0, 0])
    torch.testing.assert_close(Attention([weights], 0).heads()[0, 0], torch.tensor([[1.0, 0.0], [0.0, 0.0]]))


def test_a_sink_by_hand() -> None:
    """All of 1 + 4 tokens look at the third patch alone: five even shares; or at CLS alone: none."""
    weights = torch.zeros(2, 3, 5, 5)
    weights[..., 3] = 1
    aside = torch.zeros(2, 3, 5, 5)
    aside[..., 0] = 1
    found = Attention([weights, aside], 1).sinks()
    assert (found.patch, found.special) == ([5.0, 0.0], [0.0, 1.0])
    assert found.table().column("layer").to_pylist() == [1, 2]
    assert found.sentence().startswith("In layer 1 one patch receives 5.0 times an even share;")


@pytest.mark.parametrize("options", [{}, {"registers": 2}, {"pool": "mean"}])
def test_of_a_vision_transformer(options: dict[str, Any], x: Tensor) -> None:
    encoder = vit(**options).train()
    found = attention(encoder, x)
    assert found is not None
    assert encoder.training
    assert [w.shape[1] for w in found.layers] == [2, 2, 2]
    assert found.heads(0).shape == (4, 2, 4, 4)
    assert found.rollout().shape == (4, 4, 4)
    measured = sinks(encoder, x)
    assert measured is not None
    assert all(1 - s <= p <= 20 for p, s in zip(measured.patch, measured.special))
    assert (sum(measured.special) > 0) == (encoder.specials > 0)


def test_a_patch_that_all_look_at_is_found(x: Tensor) -> None:
    """Keys that answer to brightness alone, and every query asks for it."""
    encoder = vit(positions="learned")
    with torch.no_grad():
        first = encoder.blocks[0].attention.work
        first.q.weight.zero_()
        first.q.bias.fill_(200.0)
    found = sinks(encoder, x)
    even = sinks(vit(), x)
    assert found is not None
    assert even is not None
    assert found.patch[0] > 3 > 1.5 > even.patch[0]


def test_of_a_model_of_transformers(x: Tensor) -> None:
    pytest.importorskip("transformers")
    encoder = build("hub", TRAITS, model=samples.seeing(samples.images()))
    found = attention(encoder, x)
    assert found is not None
    assert (found.specials, found.heads().shape) == (1, (4, 2, 4, 4))


def test_feature_maps_are_the_last_of_each_size(x: Tensor) -> None:
    torch.manual_seed(0)
    encoder = build("resnet", TRAITS, width=4)
    maps = features(encoder, x)
    assert [tuple(m.shape) for m in maps] == [(4, 4, 16, 16), (4, 8, 8, 8), (4, 16, 4, 4), (4, 32, 2, 2)]
    with torch.inference_mode():
        stages = nn.Sequential(encoder.standardise, encoder.front, *encoder.body[:4]).eval()
        torch.testing.assert_close(maps[1], stages(x))
    assert not any(part._forward_hooks for part in encoder.modules())


def test_what_is_put_on_axes_is_looked_into(x: Tensor) -> None:
    encoder = Projected(Projected(vit(), 4), 2)
    assert eye(encoder) is encoder.encoder.encoder  # type: ignore[union-attr]
    assert attention(encoder, x) is not None
    assert attention(build("convnet", TRAITS, width=4), x) is None
    assert sinks(build("pixels", TRAITS), x) is None
    assert features(build("pixels", TRAITS), x) == []
