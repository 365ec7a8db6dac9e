"""What stands on an encoder while it learns, and is thrown away after."""

from collections.abc import Sequence

from torch import nn


def mlp(dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths on a vector of `dim`, batch norm and ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in zip([dim, *widths], widths):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-2])  # the last layer is linear
