"""Few numbers from many: a straight map and a small network beside it, over another encoder's vectors.

Legend: B batch, E the inner encoder's dimensions, D the dimensions kept.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ._base import Encoder


class Bent(Encoder):
    """Another encoder's vectors over their `spread`, mapped to `dim`: in a straight line, plus a bend.

    A bend follows what a picture does when it changes evenly (a ring that grows), which no axis does.
    """

    def __init__(self, encoder: Encoder, dim: int = 10, width: int = 192) -> None:
        super().__init__()
        self.encoder, self.dim, self.width = encoder, dim, width
        self.register_buffer("spread", torch.ones(1))
        self.spread: Tensor
        self.straight = nn.Linear(encoder.dim, dim)
        self.bend = nn.Sequential(
            nn.Linear(encoder.dim, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, dim),
        )

    def forward(self, x: Any) -> Tensor:  # batch -> (B, D)
        return self.mapped(self.encoder(x) / self.spread)

    def mapped(self, z: Tensor) -> Tensor:  # (B, E) of spread 1 -> (B, D)
        bent: Tensor = self.straight(z) + self.bend(z)
        return bent
