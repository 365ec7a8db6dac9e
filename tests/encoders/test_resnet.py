"""Residual networks and VGG: the papers' sizes, any channels, the right front."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ilk.encoders.resnet import ResNet
from ilk.encoders.vgg import VGG
from ilk.errors import OptionError, UnknownName


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("depth", "features", "whole"), [(18, 512, 11689512), (34, 512, 21797672), (50, 2048, 25557032)]
)
def test_resnets_of_the_papers_sizes(depth: int, features: int, whole: int) -> None:
    """As published with a classifier of 1000 classes, which here is the vector."""
    with torch.device("meta"):
        assert parameters(ResNet(3, 224, 1000, depth)) == whole
        assert isinstance(ResNet(3, 224, features, depth).head, nn.Identity)


@pytest.mark.parametrize(
    ("depth", "convolutions", "channels"), [(11, 9_220_480, 2752), (16, 14_714_688, 4224)]
)
def test_vggs_of_the_papers_sizes(depth: int, convolutions: int, channels: int) -> None:
    """As published, but for the biases, which batch norm's shift (and scale) replace."""
    with torch.device("meta"):
        assert parameters(VGG(3, 224, 512, depth)) == convolutions + channels


@settings(max_examples=12, deadline=None)
@given(
    channels=st.integers(1, 7),
    size=st.integers(8, 100),
    other=st.integers(8, 100),
    dim=st.integers(1, 40),
    depth=st.sampled_from([11, 16, 18, 34, 50]),
)
def test_any_channels_size_and_dim(channels: int, size: int, other: int, dim: int, depth: int) -> None:
    encoder = (VGG if depth < 18 else ResNet)(channels, size, dim, depth, width=2).eval()
    for side in (size, other):
        assert encoder(torch.rand(2, channels, side, side)).shape == (2, dim)


@pytest.mark.parametrize(
    ("stem", "size", "side"), [("auto", 28, 28), ("auto", 64, 16), ("small", 64, 64), ("large", 28, 7)]
)
def test_the_front_suits_the_size(stem: str, size: int, side: int) -> None:
    encoder = ResNet(size=size, stem=stem, width=2).eval()
    x = torch.rand(2, 1, size, size)
    assert encoder.front(x).shape == (2, 2, side, side)
    last = -(-side // 8)
    assert encoder.body(encoder.front(x)).shape == (2, 16, last, last)


def test_a_block_by_hand() -> None:
    """All convolutions zero: what is left is relu of the way past them."""
    encoder = ResNet(size=16, width=2, dim=16).eval()
    with torch.no_grad():
        for name, p in encoder.body.named_parameters():
            if "change" in name:
                p.zero_()
    x = torch.randn(1, 2, 8, 8)
    first, second = encoder.body[0], encoder.body[1]
    torch.testing.assert_close(second(first(x)), x.relu())
    step = encoder.body[2].short[0].weight[:, :, 0, 0]  # (4, 2)
    expected = torch.einsum("oc,bchw->bohw", step, x[:, :, ::2, ::2]).relu()
    torch.testing.assert_close(encoder.body[2](x), expected, rtol=1e-4, atol=1e-4)


def test_vgg_layer_by_layer() -> None:
    torch.manual_seed(0)
    encoder = VGG(2, 16, 5, width=3).eval()
    x = z = torch.rand(2, 2, 16, 16)
    weights = [p for p in encoder.body.parameters() if p.ndim == 4]
    for i, weight in enumerate(weights):  # fresh batch norm does nothing but divide by sqrt(1 + eps)
        z = nn.functional.conv2d(z, weight, padding=1).relu() / (1 + 1e-5) ** 0.5
        if i in (0, 1, 3, 5) or i == 7:
            z = nn.functional.max_pool2d(z, 2) if z.shape[-1] > 1 else z
    expected = z.mean((2, 3)) @ encoder.head.weight.T + encoder.head.bias
    torch.testing.assert_close(encoder(x), expected, rtol=1e-4, atol=1e-5)


def test_what_cannot_be() -> None:
    with pytest.raises(OptionError, match="of 20 layers"):
        ResNet(depth=20)
    with pytest.raises(OptionError, match="of 19 layers"):
        VGG(depth=19)
    with pytest.raises(UnknownName, match="stem called 'tiny'"):
        ResNet(stem="tiny")
