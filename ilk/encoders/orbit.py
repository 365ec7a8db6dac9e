"""Whatever the angle: another encoder looks at all turns of a picture, and its vectors are averaged.

The mean over a group does not change when the picture is turned by an element of that group; for quarter
turns and mirrors that is exact, since they only move pixels.

Legend: B batch, C channels, H x W pixels, G elements of the group, D dimensions.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from ._base import Encoder


class Orbit(Encoder):
    """Costs `turns` (times 2 with `mirror`) what the inner encoder costs.

    8 turns take in between the pixels, and show the inscribed disc only, so that no corner comes and goes.
    """

    def __init__(self, encoder: Encoder, turns: int = 4, mirror: bool = True) -> None:
        super().__init__()
        if turns not in (4, 8):
            raise OptionError(f"{turns} turns", "Give 4 or 8.")
        self.encoder, self.turns, self.mirror = encoder, turns, mirror
        self.dim = encoder.dim

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        seen = self.orbit(x)  # G x (B, C, H, W)
        vectors: Tensor = self.encoder(torch.cat(seen)).view(len(seen), x.shape[0], -1)  # (G, B, D)
        return vectors.mean(0)

    def orbit(self, x: Tensor) -> list[Tensor]:
        if self.turns == 8:
            x = disc(x)
        start = [x, eighth(x)] if self.turns == 8 else [x]
        turned = [one.rot90(k, (2, 3)) for one in start for k in range(4)]
        return turned + [one.flip(3) for one in turned] if self.mirror else turned


def disc(x: Tensor) -> Tensor:  # (B, C, H, W) -> the same
    """What lies in the inscribed disc; beyond it, and softly across its edge, each picture's mean there."""
    at = [torch.linspace(-1, 1, n, device=x.device) for n in x.shape[2:]]
    soft = 2 / min(x.shape[2:])  # one pixel
    share = ((1 - torch.hypot(at[0][:, None], at[1])) / soft).clamp(0, 1)  # (H, W)
    mean = (x * share).sum((2, 3), keepdim=True) / share.sum()  # (B, C, 1, 1)
    return mean + (x - mean) * share


def eighth(x: Tensor) -> Tensor:  # (B, C, H, W) -> the same
    """An eighth of a turn, between the pixels linearly."""
    c = math.sqrt(0.5)
    turn = torch.tensor([[c, -c, 0.0], [c, c, 0.0]], dtype=x.dtype, device=x.device)
    grid = F.affine_grid(turn.expand(x.shape[0], -1, -1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)
