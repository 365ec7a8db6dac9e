"""Diffusion (Ho et al. 2020): pictures under noise of any strength; the network tells what noise there is.

What it learns gives new pictures (`ilk generate`), cleans noisy ones, and a vector as a by-product. Pictures
may be learnt with what is said of them, numbers and words, which is sometimes held back: so it can draw after
it, after some of it, or after nothing (classifier-free guidance, Ho & Salimans 2022).

Legend: B samples, C x H x W numbers in a picture.
"""

from typing import Any

from torch import Tensor

from ..encoders.unet import UNet
from ..errors import OptionError
from ._denoising import Denoising, known


class Diffusion(Denoising):
    """The encoder is a `unet`; what is kept is its moving average, of which `ema` stays at each step.

    `silent`: how often nothing is said of a picture; besides, each single number is left out as often.
    """

    def __init__(self, encoder: UNet, *, ema: float = 0.999, silent: float = 0.1) -> None:
        super().__init__(known(encoder), ema, silent)
        if encoder.latent is not None:
            raise OptionError("this U-Net works on maps", "Learn with --objective latent_diffusion.")

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        x, t, noise, unsaid, *beside = views  # (B, C, H, W), (B,), (B, C, H, W), (B, 1 + K)
        return {"noise": self.wrong(self.encoder.given(x), t, noise, self.context(unsaid, beside))}
