"""Variational autoencoder (Kingma & Welling 2014): vectors as a cloud, every spot of which is a picture.

Legend: B samples, D the vector's dimensions, n = C * H * W numbers in a picture.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..decoders.convnet import ConvNet
from ..encoders import Encoder
from ._base import Objective
from ._heads import mlp
from ._teacher import warmed


class VAE(Objective):
    """The vector is the mean of what the decoder may be given; a normal vector decodes to a likely picture.

    `beta` weighs how near all stays to a standard normal (Higgins et al. 2017): more of it gives fewer, more
    separate dimensions and softer pictures. It grows from 0 over the `warmup` share of the run, or
    dimensions would be given up before the decoder can use them (Sonderby et al. 2016). `width` is the
    decoder's, `spread` the widths of layers that tell the variances from the means.
    """

    dim: ClassVar[int] = 10  # what its users expect; the encoder's own dim decides
    prior: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: int = 1,
        size: int = 64,
        width: int = 16,
        beta: float = 1.0,
        warmup: float = 0.3,
        spread: tuple[int, ...] = (64,),
    ) -> None:
        super().__init__()
        self.encoder, self.channels, self.size, self.width = encoder, channels, size, width
        self.beta, self.warmup, self.spread = beta, warmup, spread
        self.decoder: ConvNet = ConvNet(encoder.dim, channels, size, width)
        self.variance = mlp(encoder.dim, [*spread, encoder.dim])

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures, and for each what chance adds to its vector, in standard deviations (B, D)."""
        return batch, torch.randn(len(batch), self.encoder.dim, device=batch.device)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        """-2/n of the evidence's lower bound, for noise as strong as the pictures' own spread."""
        x, chance = views  # (B, C, H, W), (B, D)
        mean = self.encoder(x)  # (B, D)
        log_variance = self.variance(mean)  # (B, D)
        guess = self.decoder.standard(mean + (0.5 * log_variance).exp() * chance)  # (B, C, H, W)
        beta = warmed(0.0, self.beta, self.warmup, progress)
        return {
            "reconstruction": F.mse_loss(guess.float(), self.decoder.standardise(x)),
            "divergence": beta * 2 / x[0].numel() * divergence(mean.float(), log_variance.float()),
        }


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """How far normal clouds (B, D) are from the standard one, in nats a sample (Kullback & Leibler)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
