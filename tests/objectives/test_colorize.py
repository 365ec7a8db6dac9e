import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError
from ilk.objectives.colorize import Colorize

from ..contract import samples


def small(channels: int = 3) -> Colorize:
    torch.manual_seed(0)
    encoder = ConvNet(channels, 16, 12, width=8)
    return Colorize(encoder, channels=channels, size=16, width=8, augment="digits")


def test_only_grey_goes_in_and_what_it_lacks_is_asked() -> None:
    x = torch.tensor([0.9, 0.3, 0.0]).view(1, 3, 1, 1).expand(2, 3, 16, 16)
    grey, colour = small().views(x)  # cropped and turned, but of its own colours
    torch.testing.assert_close(colour, x)
    torch.testing.assert_close(grey, torch.full((2, 3, 16, 16), 0.4))


def test_the_loss_is_in_units_of_colours_that_are_all_alike() -> None:
    """A painter with one answer everywhere, worked by hand: the loss is the variance over itself, 1."""
    for channels, scale in ((3, 1.0), (2, 1e-2), (5, 500.0)):
        objective = small(channels)
        for p in objective.paint.paint.parameters():
            torch.nn.init.zeros_(p)
        batch = samples.images(channels).batch(np.arange(64)) * scale
        loss = objective.loss(*objective.views(batch), progress=0)["colours"]
        assert loss.item() == pytest.approx(1, abs=1e-3)


def test_learns_which_shape_has_which_colour() -> None:
    """Ones are red, sevens are blue, and zeros green; asked of digits that it has not seen."""
    labels = load_digits().target
    chosen = np.flatnonzero(np.isin(labels, [1, 7, 0]))
    grey = samples.images(n=1797).batch(chosen)  # (n, 1, 16, 16)
    hue = torch.eye(3)[torch.from_numpy(np.searchsorted([0, 1, 7], labels[chosen]))]
    x = grey * hue[..., None, None]
    objective = small()
    optimiser = torch.optim.AdamW(objective.parameters(), 4e-3)
    for step in range(60):
        torch.manual_seed(step)
        optimiser.zero_grad()
        views = objective.views(x[torch.randperm(400)[:32]])
        objective.loss(*views, progress=0)["colours"].backward()
        optimiser.step()
    with torch.no_grad():
        assert objective.eval().loss(*objective.views(x[400:]), progress=0)["colours"] < 0.6


def test_one_channel_is_refused_and_told_why() -> None:
    with pytest.raises(OptionError, match=r"have one channel only\nTake another objective"):
        small(1)
