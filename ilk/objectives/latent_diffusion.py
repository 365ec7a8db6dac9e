"""Latent diffusion (Rombach et al. 2022), the architecture of Stable Diffusion, whole and small.

An autoencoder gives each picture a small map; the U-Net learns what lies under noise on the maps, told words
by a network of text through cross-attention, and numbers. Theirs learns the one first, then the other. Here
both learn at once, so that one run does all; the U-Net sees the maps as they are, and no gradient goes back
from it, or maps would become what is easily guessed. Then the autoencoder is held, and the U-Net goes on.

Legend: B samples, C x H x W numbers in a picture, d x s x s in its map.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders._bounded import tighten
from ..encoders._convolution import restored
from ..encoders.latent import Latent
from ..encoders.unet import UNet
from ..errors import OptionError
from ..find import keywords
from ._denoising import Denoising, known
from ._frozen import Frozen
from ._rival import Rival
from .vae import divergence


class LatentDiffusion(Denoising):
    """The encoder is a `unet`; one that works on pixels is given an autoencoder: maps of `depth` and `side`.

    `beta` weighs how near the maps' clouds stay to a standard normal: only so near that chance does no harm.
    `judge`: the folder of an encoder whose vectors of a picture and of what comes back shall be alike, too
    (Johnson et al. 2016). `rival`: weight of deceiving a critic of what comes back, against soft pictures.
    `share` of the run in which the autoencoder learns. `ema`, `silent` are those of `diffusion`.
    """

    def __init__(
        self,
        encoder: UNet,
        *,
        depth: int = 4,
        side: int = 8,
        beta: float = 0.01,
        judge: str | None = None,
        rival: float = 0.0,
        share: float = 0.6,
        ema: float = 0.999,
        silent: float = 0.1,
    ) -> None:
        if not 0 < share <= 1 or not beta >= 0 or not rival >= 0:
            what = f"share is {share}, beta {beta}, rival {rival}"
            raise OptionError(what, "Give a share up to 1, and 0 or more of the others.")
        super().__init__(_on_maps(known(encoder), depth, side), ema, silent)
        self.depth, self.side, self.beta, self.share = depth, side, beta, share
        self.judge, self.rival = judge, rival
        latent = self.latent
        self.asked = None if judge is None else Frozen(judge, latent.channels, latent.size)
        self.critic = Rival(latent.channels) if rival else None

    @property
    def latent(self) -> Latent:
        assert isinstance(self.encoder.latent, Latent)
        return self.encoder.latent

    def views(self, batch: Tensor) -> tuple[Tensor, ...]:
        """As of diffusion; and what chance adds to each map, in standard deviations (B, d, s, s)."""
        x, t, noise, unsaid = super().views(batch)
        return x, t, noise, unsaid, torch.randn_like(noise)

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        x, t, noise, unsaid, chance, *beside = views
        terms, maps = self._autoencoder(x, chance, learns=progress < self.share)
        told = self.context(unsaid, beside)
        return terms | {"noise": self.wrong(self.encoder.laid(maps.detach()), t, noise, told)}

    def _autoencoder(self, x: Tensor, chance: Tensor, *, learns: bool) -> tuple[dict[str, Tensor], Tensor]:
        """Its terms, and the maps (B, d, s, s)."""
        latent = self.latent
        if not learns:
            latent.eval()
            with torch.no_grad():
                maps = latent.maps(x)
            # nothing, but of every weight: processes that share a step wait for the gradient of each
            held = [*latent.parameters(), *(() if self.critic is None else self.critic.parameters())]
            return {"held": torch.stack([0.0 * p.sum() for p in held]).sum()}, maps
        maps = latent.maps(x)
        wide = latent.wide(maps)  # (B, d, s, s)
        guess = latent.standard(maps + (0.5 * wide).exp() * chance).float()
        wanted = latent.standardise(x)
        apart = divergence(maps.float().flatten(1), wide.float().flatten(1))
        terms = {
            "reconstruction": F.mse_loss(guess, wanted),
            "divergence": self.beta * 2 / x[0].numel() * apart,
        }
        if self.asked is not None:
            judge = self.asked.encoder
            terms["judged"] = (
                1 - F.cosine_similarity(judge(restored(guess, latent.standardise)), judge(x)).mean()
            )
        if self.critic is not None:
            terms |= self.critic.terms(wanted.detach(), guess, self.rival)
        return terms, maps

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        if self.critic is not None and progress < self.share:
            tighten(self.critic)


def _on_maps(unet: UNet, depth: int, side: int) -> UNet:
    if unet.latent is not None:
        return unet
    latent = Latent(unet.channels, unet.size, depth, side)
    return UNet(**(keywords(unet) | {"latent": latent}))
