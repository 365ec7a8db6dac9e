"""Layers that stretch nothing by more than so much (spectral normalisation, Miyato et al. 2018)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FIRST = 15  # rounds of power iteration on the first weights; then one a step


class Bounded(nn.Module):
    """A convolution or a linear layer, its weights divided by their largest singular value, times `most`.

    A convolution's is that of its kernels as one matrix, as in the paper. The value is found by power
    iteration from the vector of the step before: `tighten` goes on with it, once the weights have changed.
    """

    u: Tensor  # (outputs,) of length 1

    def __init__(self, layer: nn.Conv2d | nn.Linear, most: float = 1.0) -> None:
        super().__init__()
        self.layer, self.most = layer, most
        self.register_buffer("u", F.normalize(torch.randn(len(layer.weight)), dim=0))
        self.tighten(FIRST)

    @torch.no_grad()
    def tighten(self, rounds: int = 1) -> None:
        matrix = self.layer.weight.flatten(1)  # (outputs, n)
        for _ in range(rounds):
            self.u.copy_(F.normalize(matrix @ F.normalize(matrix.T @ self.u, dim=0), dim=0))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            weight = self.layer.weight * (self.most / self.largest())
        if isinstance(self.layer, nn.Linear):
            return F.linear(x, weight, self.layer.bias)
        return F.conv2d(x, weight, self.layer.bias, self.layer.stride, self.layer.padding)

    def largest(self) -> Tensor:
        """The largest singular value, as far as it is found; its gradient is u v^T."""
        matrix, u = self.layer.weight.flatten(1), self.u.clone()  # `tighten` writes into the buffer itself
        with torch.no_grad():
            v = F.normalize(matrix.T @ u, dim=0)
        return u @ (matrix @ v)


def tighten(network: nn.Module) -> None:
    """All bounded layers in it, after a step."""
    for module in network.modules():
        if isinstance(module, Bounded):
            module.tighten()
