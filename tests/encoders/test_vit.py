"""The vision transformer: tokens, what may be left out or masked, sizes it was not made for."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ilk.encoders import patchify, unpatchify
from ilk.encoders.vit import ViT, patch_for
from ilk.errors import OptionError, UnknownName

POSITIONS = ["learned", "sincos", "rotary"]


def made(**options: Any) -> ViT:
    torch.manual_seed(0)
    small = {"size": 16, "patch": 4, "width": 16, "depth": 2, "heads": 2, "dim": 10}
    return ViT(**(small | options)).eval()


@pytest.fixture
def x() -> Tensor:
    return torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_patches_row_by_row_and_back() -> None:
    x = torch.arange(2 * 3 * 4 * 6.0).view(2, 3, 4, 6)
    patches = patchify(x, 2)
    assert patches.shape == (2, 6, 12)
    assert torch.equal(patches[1, 4], x[1, :, 2:4, 2:4].flatten())
    assert torch.equal(unpatchify(patches, 2, 4, 6), x)


@pytest.mark.parametrize(("height", "width", "patches"), [(28, 28, 16), (5, 17, 3), (8, 9, 2)])
def test_sides_that_are_no_multiple_of_the_patch(height: int, width: int, patches: int) -> None:
    x = torch.rand(2, 1, height, width)
    assert patchify(x, 8).shape == (2, patches, 64)
    assert torch.equal(unpatchify(patchify(x, 8), 8, height, width), x)
    torch.testing.assert_close(patchify(x, 8).sum(), x.sum())  # the margin is empty


@pytest.mark.parametrize(
    ("preset", "millions", "width"), [("tiny", 5.5, 192), ("small", 21.7, 384), ("base", 85.8, 768)]
)
def test_presets_are_those_of_the_papers(preset: str, millions: float, width: int) -> None:
    """At 224 px, patch 16, three channels, without the classifier (Touvron et al. 2021, table 1)."""
    with torch.device("meta"):
        encoder = ViT(3, 224, width, 16, preset)
    assert sum(p.numel() for p in encoder.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)
    assert encoder.token_dim == encoder.dim == width


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(("pool", "registers", "specials"), [("cls", 0, 1), ("cls", 2, 3), ("mean", 0, 0)])
def test_tokens(positions: str, pool: str, registers: int, specials: int, x: Tensor) -> None:
    encoder = made(positions=positions, pool=pool, registers=registers)
    tokens = encoder.tokens(x)
    assert (encoder.specials, encoder.grid) == (specials, (4, 4))
    assert tokens.shape == (3, specials + 16, 16)
    pooled = tokens[:, 0] if pool == "cls" else tokens[:, specials:].mean(1)
    torch.testing.assert_close(encoder(x), encoder.head(pooled))
    weights = encoder.attention(x)
    assert [w.shape for w in weights] == [(3, 2, specials + 16, specials + 16)] * 2
    torch.testing.assert_close(weights[1].sum(-1), torch.ones(3, 2, specials + 16))


@pytest.mark.parametrize("positions", POSITIONS)
def test_what_is_left_out_is_not_seen(positions: str, x: Tensor) -> None:
    encoder = made(positions=positions)
    keep = torch.tensor([[0, 5, 6], [3, 1, 2], [15, 0, 9]])
    seen = encoder.tokens(x, keep=keep)
    assert seen.shape == (3, 1 + 3, 16)
    covered = patchify(x, 4)
    hidden = torch.ones(3, 16, dtype=torch.bool).scatter(1, keep, False)
    covered[hidden] += 5
    other = unpatchify(covered, 4, 16, 16)
    torch.testing.assert_close(encoder.tokens(other, keep=keep), seen)
    everything = torch.arange(16).expand(3, 16)
    torch.testing.assert_close(encoder.tokens(x, keep=everything), encoder.tokens(x))
    turned = encoder.tokens(x, keep=everything.flip(1))  # each token keeps its place, in whatever order
    torch.testing.assert_close(turned[:, 1:].flip(1), encoder.tokens(x)[:, 1:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_masked_patch_is_seen_by_its_place_alone(positions: str, x: Tensor) -> None:
    encoder, mask = made(positions=positions), torch.randn(16, requires_grad=True)
    masked = torch.zeros(3, 16, dtype=torch.bool)
    masked[:, [2, 7]] = True
    tokens = encoder.tokens(x, masked=masked, mask=mask)
    assert tokens.shape == (3, 17, 16)
    covered = patchify(x, 4)
    covered[masked] += 5
    other = unpatchify(covered, 4, 16, 16)
    torch.testing.assert_close(encoder.tokens(other, masked=masked, mask=mask), tokens)
    assert not torch.allclose(tokens[:, 1 + 2], tokens[:, 1 + 7])
    tokens.square().sum().backward()
    assert mask.grad is not None
    assert mask.grad.all()
    zeros = encoder.tokens(x, masked=masked, mask=torch.zeros(16))
    assert torch.equal(encoder.tokens(x, masked=masked), zeros)


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_size_it_was_not_made_for(positions: str, x: Tensor) -> None:
    """Twice as large, every patch finds a place between those it knows."""
    encoder = made(positions=positions)
    assert encoder(torch.rand(2, 1, 20, 36)).shape == (2, 10)
    places = encoder._places((8, 8), x.device).view(8, 8, 2)
    assert places[:2, 0, 0].tolist() == [-0.25, 0.25]
    torch.testing.assert_close(
        places.view(4, 2, 4, 2, 2).mean((1, 3)).view(16, 2), encoder._places((4, 4), x.device)
    )
    if positions == "learned":
        assert encoder.place is not None
        with torch.no_grad():
            encoder.place.copy_(torch.arange(16.0)[:, None].expand(16, 16) // 4)  # the row
        rows = encoder._position((8, 8), places).view(8, 8, 16)
        assert (rows.diff(dim=0) >= -0.1).all()
        assert rows.diff(dim=1).abs().max() < 1e-5


@pytest.mark.parametrize("positions", POSITIONS)
def test_place_matters_and_the_other_order_of_patches_is_another_picture(positions: str, x: Tensor) -> None:
    encoder = made(positions=positions)
    with torch.no_grad():  # at the start attention is nearly even: sharpen it
        for name, p in encoder.named_parameters():
            if ".q." in name or ".kv." in name or "embed" in name:
                p.mul_(20)
    assert (encoder(x) - encoder(x.flip(3))).abs().max() > 1e-3


def test_what_cannot_be() -> None:
    with pytest.raises(UnknownName, match="preset called 'tyni'"):
        ViT(preset="tyni")
    with pytest.raises(UnknownName, match="positions called 'rope'"):
        ViT(positions="rope")
    with pytest.raises(OptionError, match="2 axes with 6 dimensions a head"):
        made(width=12, positions="rotary")
    with pytest.raises(OptionError, match="with width 18"):
        made(width=18, positions="sincos")


@pytest.mark.parametrize(("size", "side"), [(16, 4), (28, 4), (32, 4), (64, 8), (224, 28)])
def test_small_pictures_are_cut_into_few_patches(size: int, side: int) -> None:
    assert -(-size // patch_for(size)) == side


def test_each_layer_goes_on_from_the_one_before() -> None:
    vit, x = ViT(1, 16, 8, 4, width=16, depth=3, heads=2).eval(), torch.randn(2, 1, 16, 16)
    layers = vit.layers(x)
    torch.testing.assert_close(layers[-1], vit.tokens(x))
    assert len(layers) == 3
    torch.testing.assert_close(vit.blocks[1](layers[0]), layers[1])
    torch.testing.assert_close(vit.norm(vit.blocks[2](layers[1])), layers[2])
