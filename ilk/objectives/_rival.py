"""A critic of places: tells each part of a picture from one that was given back (Isola et al. 2017).

What an autoencoder may leave out at little cost, grain and edges, is what gives it away (Esser et al. 2021).

Legend: B samples, C x H x W numbers in a picture, h x w places judged, W width.
"""

import torch
from torch import Tensor, nn

from ..encoders._bounded import Bounded
from ..encoders.critic import STRETCH
from .gan import of_critic, of_generator, still

WIDTH = 24


class Rival(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.judge = nn.Sequential(
            Bounded(nn.Conv2d(channels, WIDTH, 4, 2, 1), STRETCH),  # (B, W, H/2, W/2)
            nn.LeakyReLU(0.2),
            Bounded(nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1), STRETCH),
            nn.LeakyReLU(0.2),
            Bounded(nn.Conv2d(2 * WIDTH, 1, 3, 1, 1)),  # (B, 1, h, w)
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B * h * w,)
        told: Tensor = self.judge(x.contiguous(memory_format=torch.channels_last))
        return told.flatten().float()

    def terms(self, true: Tensor, back: Tensor, weight: float) -> dict[str, Tensor]:
        """What it learns from pictures and from those given back, and what these learn from it."""
        own = of_critic(self(true), self(back.detach()), "hinge")
        with still(self):
            fooled = of_generator(self(back), "hinge")
        return {"rival": own, "fooled": weight * fooled}
