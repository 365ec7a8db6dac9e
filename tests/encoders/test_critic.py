import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ilk.encoders._bounded import Bounded, tighten
from ilk.encoders.critic import STRETCH, Critic


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 8, 4, 2, 1), nn.Linear(20, 7)])
def test_the_largest_singular_value_is_found_and_divided_out(layer: nn.Conv2d | nn.Linear) -> None:
    torch.manual_seed(0)
    bounded = Bounded(layer)
    bounded.tighten(3000)  # the two largest may lie near each other
    expected = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    torch.testing.assert_close(bounded.largest(), expected)
    with torch.no_grad():
        layer.weight.mul_(3.0)
    torch.testing.assert_close(
        bounded.largest(), 3 * expected
    )  # the vector is the same: nothing to find anew


def test_it_is_torchs_own_spectral_norm() -> None:
    """Values and gradients, once both have found the vector."""
    torch.manual_seed(0)
    ours, theirs = nn.Conv2d(2, 5, 4, 2, 1), nn.Conv2d(2, 5, 4, 2, 1)
    theirs.load_state_dict(ours.state_dict())
    bounded, reference = Bounded(ours, 2.0), spectral_norm(theirs, n_power_iterations=200)
    bounded.tighten(200)
    x = torch.randn(3, 2, 8, 8)
    one, other = bounded(x), reference(x)
    bias = ours.bias[:, None, None]
    torch.testing.assert_close(one - bias, 2 * (other - bias))
    (one - bias).square().sum().backward()
    (4 * (other - bias).square().sum()).backward()
    torch.testing.assert_close(
        ours.weight.grad, theirs.parametrizations.weight.original.grad, rtol=1e-4, atol=1e-4
    )


def test_one_round_a_step_follows_weights_that_change() -> None:
    torch.manual_seed(0)
    critic = Critic(1, 16, 8, width=4)
    layer = next(m for m in critic.modules() if isinstance(m, Bounded))
    for _ in range(50):
        with torch.no_grad():
            layer.layer.weight.add_(0.01 * torch.randn_like(layer.layer.weight))
        tighten(critic)
    found = layer.largest() / torch.linalg.matrix_norm(layer.layer.weight.flatten(1), 2)
    assert 0.95 < found.item() <= 1.0001


def test_a_layer_stretches_by_no_more_than_so_much() -> None:
    """Of a convolution the bound is that of its kernels' matrix: a linear layer shows it plainly."""
    torch.manual_seed(0)
    layer = Bounded(nn.Linear(30, 30, bias=False), STRETCH)
    layer.tighten(200)
    x = torch.randn(1000, 30)
    assert (layer(x).norm(dim=1) / x.norm(dim=1)).max() <= STRETCH * 1.0001


def test_features_come_from_standardised_pictures() -> None:
    critic = Critic(2, 20, 6, width=4).eval()
    x = torch.rand(5, 2, 20, 20)
    features = critic.features(critic.standardise(x))
    assert features.shape == (5, critic.features_dim)
    torch.testing.assert_close(critic(x), critic.head(features))
