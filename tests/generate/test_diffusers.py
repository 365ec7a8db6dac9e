"""What is handed over to diffusers tells the same there, and its sampler draws the same with it."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from ilk.encoders._unet import mean_of
from ilk.encoders.latent import Latent
from ilk.encoders.unet import UNet
from ilk.generate.diffusion import solve
from ilk.generate.drawing import Drawing

diffusers = pytest.importorskip("diffusers")
NUMBERS = {n: {"mean": 0.0, "spread": 1.0, "low": -2.0, "high": 2.0} for n in ("a", "b")}


def made(**options: object) -> UNet:
    torch.manual_seed(0)
    unet = UNet(**{"size": 16, "width": 16, "levels": 2, **options}).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for p in unet.parameters():  # what begins at 0 or 1 shall be seen, too
            p.add_(0.05 * torch.randn_like(p))
    return unet


@pytest.mark.filterwarnings("ignore")  # of theirs
@pytest.mark.parametrize(
    "options",
    [
        {"numbers": NUMBERS},
        {"guess": "noise", "schedule": "linear", "patch": 2, "levels": 3},
        {"latent": Latent(size=16, depth=3, side=8, width=8), "numbers": NUMBERS},
    ],
)
def test_the_same_is_told_there(options: dict[str, object], tmp_path: Path) -> None:
    unet = made(**options)
    folder = Drawing(unet, {}).export(tmp_path / "handed over")
    theirs = diffusers.UNet2DConditionModel.from_pretrained(folder, subfolder="unet").eval()
    x = torch.randn(3, unet.net.start.in_channels, 8, 8)
    t = torch.tensor([0.02, 0.5, 1.0])
    told = unet.context(3, torch.tensor([[0.5, -1], [torch.nan, 1], [2, 0]]))
    context = torch.randn(3, 1, 8) if told.tokens is None else told.tokens
    labels = None if told.tokens is None else mean_of(told.tokens, told.real)
    with torch.no_grad():
        ours = unet.net(x, t, told.tokens, told.real)
        found = theirs(x, t * 1000 - 1, encoder_hidden_states=context, class_labels=labels).sample
    torch.testing.assert_close(found, ours, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("guess", ["v", "noise"])
def test_their_ddim_draws_about_the_same(guess: str, tmp_path: Path) -> None:
    unet = made(guess=guess, patch=2)
    folder = Drawing(unet, {}).export(tmp_path / "handed over")
    scheduler = diffusers.DDIMScheduler.from_pretrained(folder, subfolder="scheduler")
    scheduler.set_timesteps(100)
    z = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        ours = solve(unet.clean, unet.noise, z, sampler="ddim", steps=100)
        x = z
        for t in scheduler.timesteps:
            told = unet.told_of(x, ((t + 1) / 1000).expand(2))
            x = scheduler.step(told, t, x).prev_sample
    assert F.mse_loss(x, ours) < 0.01 * ours.square().mean()
