"""Cheaper attention is what its weights say it is."""

import pytest
import torch
from torch.nn import functional as F

from ilk.encoders._attention import Attention
from ilk.encoders._sparse_attention import Linear, Window, reach_of
from ilk.encoders.vit import ViT
from ilk.errors import OptionError, UnknownName


@pytest.mark.parametrize("tokens", [1, 5, 8, 9, 17, 40])
@pytest.mark.parametrize("first", [0, 1, 3])
def test_windows_are_full_attention_with_a_mask(tokens: int, first: int) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, first + tokens, 4) for _ in "qkv")
    near = torch.tensor(
        [[abs(i // 4 - j // 4) <= 1 or tokens <= 8 for j in range(tokens)] for i in range(tokens)]
    )
    near = F.pad(near, (first, 0, first, 0), value=True)
    expected = F.scaled_dot_product_attention(q, k, v, near)
    window = Window(4, first)
    torch.testing.assert_close(window.mix(q, k, v), expected)
    torch.testing.assert_close(window.weights(q, k) @ v, expected)


def test_linear_attention_is_its_weights() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 11, 4) for _ in "qkv")
    torch.testing.assert_close(Linear().mix(q, k, v), Linear().weights(q, k) @ v)
    # By hand: elu(0) + 1 = 1, elu(1) + 1 = 2, so the two values weigh 1 and 2
    q, k = torch.zeros(1, 1, 1, 1), torch.tensor([0.0, 1]).view(1, 1, 2, 1)
    found = Linear().mix(q, k, torch.tensor([0.0, 3]).view(1, 1, 2, 1))
    assert found.item() == pytest.approx(2)


@pytest.mark.parametrize("reach", ["window", "linear"])
def test_a_vision_transformer_with_it(reach: str) -> None:
    torch.manual_seed(0)
    vit = ViT(1, 24, 16, patch=3, width=16, depth=2, heads=2, reach=reach, span=8)
    x = torch.rand(3, 1, 24, 24)
    vit(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in vit.parameters())
    one, two = vit.attention(x)
    assert one.shape == (3, 2, 65, 65)
    torch.testing.assert_close(two.sum(-1), torch.ones(3, 2, 65))
    with pytest.raises(UnknownName, match="narrow"):
        reach_of("narrow", 4, 1)


def test_what_it_cannot_is_refused() -> None:
    attention = Attention(8, 2, reach=Linear())
    with pytest.raises(OptionError, match="mask"):
        attention(torch.rand(1, 5, 8), causal=True)
