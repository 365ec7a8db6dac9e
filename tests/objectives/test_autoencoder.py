import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from ilk.encoders.convnet import ConvNet
from ilk.objectives.autoencoder import Autoencoder

from ..contract import samples


def small(noise: float = 0.0, dim: int = 10, size: int = 16) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(ConvNet(1, size, dim, width=8), size=size, width=8, noise=noise)


def train(objective: Autoencoder, pictures: torch.Tensor, steps: int) -> Autoencoder:
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    torch.manual_seed(0)
    for step in range(steps):
        batch = pictures[torch.randperm(len(pictures))[:32]]
        optimiser.zero_grad()
        objective.loss(*objective.views(batch), progress=step / steps)["reconstruction"].backward()
        optimiser.step()
        schedule.step()
    return objective.eval()


def test_the_loss_is_in_units_of_a_flat_picture() -> None:
    """A decoder that paints the mean everywhere, worked by hand: the loss is the variance over itself, 1."""
    objective = small()
    for p in objective.decoder.paint.parameters():
        torch.nn.init.zeros_(p)
    for scale in (1.0, 1e-3, 500.0):
        loss = objective.loss(*objective.views(samples.images().batch(np.arange(64)) * scale), progress=0)
        assert loss["reconstruction"].item() == pytest.approx(1, abs=1e-3)


def test_beats_principal_components_of_as_many_dimensions() -> None:
    pictures = samples.images(n=1797).batch(np.arange(1797))
    known, unseen = pictures[:1500], pictures[1500:]
    objective = train(small(dim=4), known, 120)
    with torch.inference_mode():
        ours = (objective.decoder(objective.encoder(unseen)) - unseen).square().mean().item()
    pca = PCA(4, random_state=0).fit(known.flatten(1).numpy())
    flat = unseen.flatten(1).numpy()
    theirs = float(np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean())
    assert ours < theirs


def test_noise_goes_in_and_clean_comes_out() -> None:
    batch = samples.images(3).batch(np.arange(64)) * 100 + 5
    given, wanted = small(noise=0.5).views(batch)
    assert torch.equal(wanted, batch)
    noise = ((given - batch) / batch.std((0, 2, 3), keepdim=True)).std((0, 2, 3))
    torch.testing.assert_close(noise, torch.full((3,), 0.5), rtol=0.05, atol=0)
    given, wanted = small().views(batch)
    assert given is wanted is batch


def test_learns_to_remove_noise() -> None:
    pictures = samples.images(n=1500).batch(np.arange(1500))
    objective = train(small(noise=1.0), pictures, 100)
    given, wanted = objective.views(pictures[:300])
    with torch.inference_mode():
        cleaned = objective.decoder(objective.encoder(given))
    assert (cleaned - wanted).square().mean() < 0.5 * (given - wanted).square().mean()
