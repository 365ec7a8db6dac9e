import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.encoders.convnet import ConvNet

from ..contract import samples


@pytest.mark.parametrize(("channels", "size"), [(1, 64), (3, 64), (1, 32), (1, 224)])
def test_about_a_million_parameters(channels: int, size: int) -> None:
    assert 0.8e6 < sum(p.numel() for p in ConvNet(channels, size).parameters()) < 1.2e6


@given(
    channels=st.integers(1, 6),
    size=st.integers(16, 224),
    other=st.integers(16, 224),
    dim=st.integers(1, 40),
    width=st.integers(1, 9),
)
@settings(max_examples=20, deadline=None)
def test_any_channels_size_dim_and_width(channels: int, size: int, other: int, dim: int, width: int) -> None:
    encoder = ConvNet(channels, size, dim, width).eval()
    for side in (size, other):  # built for one size, it takes another
        assert encoder(torch.rand(2, channels, side, side)).shape == (2, dim)


@pytest.mark.parametrize(("size", "side"), [(16, 16), (28, 14), (32, 16), (64, 16), (100, 13), (224, 14)])
def test_the_front_steps_down_to_about_sixteen(size: int, side: int) -> None:
    stem = ConvNet(size=size, width=4).stem
    assert stem(torch.rand(2, 1, size, size)).shape == (2, 4, side, side)


def test_the_scale_of_the_data_does_not_matter() -> None:
    torch.manual_seed(0)
    faint = ConvNet(size=16, width=8)
    bright = ConvNet(size=16, width=8)
    bright.load_state_dict(faint.state_dict())
    pictures = samples.images().batch([*range(64)])
    for encoder, scale, level in ((faint, 1e-3, 0.0), (bright, 1e4, -300.0)):
        encoder(pictures * scale + level)  # one look at the data in training mode
        encoder.eval()
    near = faint(pictures * 1e-3)
    torch.testing.assert_close(bright(pictures * 1e4 - 300), near, rtol=1e-3, atol=1e-3)


def test_where_a_thing_is_shows_in_the_vector() -> None:
    """2 x 2 places: a spot in another quarter moves the features to another quarter of the last map."""
    torch.manual_seed(0)
    encoder = ConvNet(size=64, width=8).eval()
    corner = torch.zeros(1, 1, 64, 64)
    corner[..., 4:12, 4:12] = 1
    features = encoder.body(encoder.stem(corner)) - encoder.body(encoder.stem(torch.zeros_like(corner)))
    strength = features.abs().sum(1)[0]  # (1, 8w, 2, 2) -> (2, 2)
    assert strength[0, 0] > 2 * strength[1, 1]
