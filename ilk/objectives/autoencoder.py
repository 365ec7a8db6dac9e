"""Autoencoder: a vector so short that a picture must be understood to pass through it.

Denoising (Vincent et al. 2008) when `noise` is given: the encoder sees a noisy picture, the decoder has to
give the clean one.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..decoders.convnet import ConvNet
from ..encoders import Encoder
from ._base import Objective


class Autoencoder(Objective):
    """Encoder and decoder together give each picture back.

    `noise` is in standard deviations of the pixels. `width` is the decoder's: narrower than the encoder's by
    default, since within minutes more steps gave better pictures than more channels.
    """

    dim: ClassVar[int] = 10  # what its users expect; the encoder's own dim decides

    def __init__(
        self, encoder: Encoder, *, channels: int = 1, size: int = 64, width: int = 16, noise: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder, self.channels, self.size, self.width, self.noise = encoder, channels, size, width, noise
        self.decoder: ConvNet = ConvNet(encoder.dim, channels, size, width)

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """What goes in, and what shall come out."""
        if not self.noise:
            return batch, batch
        spread = batch.std((0, 2, 3), keepdim=True)  # (1, C, 1, 1)
        return batch + self.noise * spread * torch.randn_like(batch), batch

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        given, wanted = views  # (B, C, H, W) each
        # In standard deviations, so that the scale of the data does not matter: 1 is a flat picture's error.
        guess = self.decoder.standard(self.encoder(given))
        return {"reconstruction": F.mse_loss(guess, self.decoder.standardise(wanted))}
