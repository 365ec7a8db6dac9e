import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from ilk.encoders.convnet import ConvNet
from ilk.objectives.vae import VAE, divergence

from ..contract import samples


def small(**options: object) -> VAE:
    torch.manual_seed(0)
    return VAE(ConvNet(1, 16, 10, width=8), size=16, width=8, **options)  # type: ignore[arg-type]


def test_divergence_by_hand_and_by_torch() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert divergence(mean, log_variance).item() == pytest.approx((0.5 + (np.e - 2) / 2) / 2)
    mean, log_variance = torch.randn(2, 7, 5)
    cloud = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(cloud, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(divergence(mean, log_variance), expected)


def test_the_loss_is_the_lower_bound_of_the_evidence() -> None:
    """Times -2/n, up to a constant: by torch's own distributions."""
    objective, x = small().eval(), samples.images().batch(np.arange(20))
    objective.decoder.standardise(x)
    _, chance = objective.views(x)
    with torch.no_grad():
        terms = objective.loss(x, chance, progress=0.9)
        mean = objective.encoder(x)
        cloud = Normal(mean, (0.5 * objective.variance(mean)).exp())
        drawn = cloud.loc + cloud.scale * chance
        likely = Normal(objective.decoder.standard(drawn), 1.0).log_prob(objective.decoder.standardise(x))
        bound = likely.sum((1, 2, 3)).mean() - kl_divergence(cloud, Normal(0.0, 1.0)).sum(1).mean()
    expected = -2 / 256 * bound - torch.log(torch.tensor(2 * np.pi))
    torch.testing.assert_close(sum(terms.values()), expected.float(), rtol=1e-4, atol=1e-4)


def test_beta_grows_from_nothing() -> None:
    objective, x = small(beta=4.0, warmup=0.5).eval(), samples.images().batch(np.arange(20))
    views = objective.views(x)
    now = [objective.loss(*views, progress=p)["divergence"].item() for p in (0.0, 0.25, 0.5, 0.9)]
    whole = small(beta=1.0, warmup=0.0).eval().loss(*views, progress=0.0)["divergence"].item()
    assert now == pytest.approx([0, 2 * whole, 4 * whole, 4 * whole])


def test_clouds_come_to_fill_the_standard_one_and_it_decodes_to_pictures() -> None:
    x = samples.images(n=1500).batch(np.arange(1500))
    objective = small()
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    slower = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, 150)
    for step in range(150):
        torch.manual_seed(step)
        optimiser.zero_grad()
        terms = objective.loss(*objective.views(x[torch.randperm(1500)[:32]]), progress=step / 150)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimiser.step()
        slower.step()
    objective.eval()
    with torch.no_grad():
        mean = objective.encoder(x)
        drawn = mean + (0.5 * objective.variance(mean)).exp() * torch.randn_like(mean)
        painted = objective.decoder(torch.randn(300, 10))
        again = objective.decoder(mean)
    assert drawn.mean(0).square().mean() < 0.1
    assert ((drawn.std(0) > 0.6) & (drawn.std(0) < 1.6)).all()
    assert (again - x).square().mean() < 0.6 * x.var()
    apart = torch.cdist(painted.flatten(1), x.flatten(1)).min(1).values.mean()
    noise = torch.cdist(x[torch.randperm(300)].flatten(1)[:, torch.randperm(256)], x.flatten(1))
    assert apart < 0.6 * noise.min(1).values.mean()
