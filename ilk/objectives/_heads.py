"""What stands on an encoder while it learns, and is thrown away after."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError


def mlp(dim: int, widths: Sequence[int], *, even: bool = False) -> nn.Sequential:
    """Linear layers of these widths on a vector of `dim`, batch norm and ReLU between them.

    `even`: what comes out has mean 0 and spread 1 in each dimension (Chen et al. 2021). Without it cosines
    start out near 1, all of them, and what learns from its own answers hardly gets away from there.
    """
    given = isinstance(widths, Sequence) and all(isinstance(w, int) and w > 0 for w in widths)
    if not given or (even and not widths):
        raise OptionError(f"widths of layers are {widths}", "Give a list, as [512, 128].")
    layers: list[nn.Module] = []
    for before, after in zip([dim, *widths], widths):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    layers = layers[:-2]  # the last layer is linear
    return nn.Sequential(*layers, *([nn.BatchNorm1d(widths[-1], affine=False)] if even else []))


class Prototypes(nn.Module):
    """Cosines with `number` learnt directions, after layers of these widths (Caron et al. 2021)."""

    def __init__(self, dim: int, widths: Sequence[int], number: int) -> None:
        super().__init__()
        self.layers = mlp(dim, widths, even=True)
        self.directions = nn.Parameter(torch.randn(number, widths[-1]))

    def forward(self, z: Tensor) -> Tensor:  # (..., D) -> (..., K)
        z = self.layers(z)  # (..., d)
        return F.linear(F.normalize(z, dim=-1), F.normalize(self.directions, dim=-1))
