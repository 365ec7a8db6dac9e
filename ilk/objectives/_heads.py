"""What stands on an encoder while it learns, and is thrown away after."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths on a vector of `dim`, batch norm and ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in zip([dim, *widths], widths):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-2])  # the last layer is linear


class Prototypes(nn.Module):
    """Cosines with `number` learnt directions, after layers of these widths (Caron et al. 2021)."""

    def __init__(self, dim: int, widths: Sequence[int], number: int) -> None:
        super().__init__()
        self.layers = mlp(dim, widths)
        self.directions = nn.Parameter(torch.randn(number, widths[-1]))

    def forward(self, z: Tensor) -> Tensor:  # (..., D) -> (..., K)
        z = self.layers(z)  # (..., d)
        return F.linear(F.normalize(z, dim=-1), F.normalize(self.directions, dim=-1))
