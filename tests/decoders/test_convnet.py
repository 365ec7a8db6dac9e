import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.decoders.convnet import ConvNet


@given(dim=st.integers(1, 40), channels=st.integers(1, 6), size=st.integers(16, 224), width=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_any_dim_channels_size_and_width(dim: int, channels: int, size: int, width: int) -> None:
    decoder = ConvNet(dim, channels, size, width).eval()
    assert decoder(torch.randn(2, dim)).shape == (2, channels, size, size)


def test_no_checkerboard_at_the_start() -> None:
    """A cell of 4 x 4 pixels, painted by one sub-pixel convolution, starts even."""
    torch.manual_seed(0)
    out = ConvNet(10, channels=3, size=64, width=8).eval()(torch.randn(4, 10))
    cells = out.unfold(2, 4, 4).unfold(3, 4, 4)  # (4, 3, 16, 16, 4, 4)
    assert cells.std((-2, -1)).max() < 1e-6
    assert cells.mean((-2, -1)).std() > 1e-2


def test_gives_pictures_on_the_scale_it_was_shown() -> None:
    torch.manual_seed(0)
    decoder = ConvNet(10, channels=2, size=32, width=8)
    shown = torch.randn(50, 2, 32, 32) * torch.tensor([3.0, 0.01])[:, None, None] + 7
    standard = decoder.standardise(shown)
    assert abs(standard.mean()) < 1e-5
    torch.testing.assert_close(standard.std((0, 2, 3)), torch.ones(2), rtol=1e-3, atol=0)
    decoder.eval()
    z = torch.randn(20, 10)
    expected = (
        decoder.standard(z) * shown.std((0, 2, 3))[:, None, None] + shown.mean((0, 2, 3))[:, None, None]
    )
    torch.testing.assert_close(decoder(z), expected, rtol=1e-3, atol=1e-4)
