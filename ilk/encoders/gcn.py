"""A graph convolutional network (Kipf & Welling 2017): each layer is a mean over neighbours, then a matrix.

Why D^-1/2 (A + 1) D^-1/2 is derived where it is made: source/_graph/structure.py.

Legend: P nodes asked for, P0, P1, ... those that each layer looks at, F features, W width, D dimensions.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..source._graph.nodes import Batch
from ..source._graph.structure import Part
from ._embed import device_of
from ._graph import GraphEncoder, Readout


class GCN(GraphEncoder):
    """`depth` layers: a node's vector tells of what is up to so many edges off. Also of nodes never met.

    readout  of a whole graph: the mean, sum or max of its nodes' vectors, or attention
    """

    def __init__(
        self, features: int = 16, dim: int = 128, width: int = 128, depth: int = 2, readout: str = "mean"
    ) -> None:
        super().__init__()
        self.features, self.dim, self.width, self.depth, self.readout = features, dim, width, depth, readout
        sizes = [features, *[width] * (depth - 1), dim]
        lines = [nn.Linear(a, b) for a, b in pairwise(sizes)]
        self.lines = nn.ModuleList(lines)
        self.bends = nn.ModuleList(nn.PReLU(size) for size in sizes[1:])
        self.read = Readout(dim, readout)
        for line in lines:
            nn.init.xavier_uniform_(line.weight)
            nn.init.zeros_(line.bias)

    def _nodes(self, x: Batch) -> Tensor:  # -> (P, D)
        self.fits(x)
        return self.through(x.around(self.depth).to(device_of(self)))

    def through(self, part: Part, order: Tensor | None = None) -> Tensor:  # (P0, F) sparse -> (P, D)
        """`order` (P0,): each node stands where another is, with its own features."""
        z = part.features
        for line, bend, step in zip(self.lines, self.bends, part.steps):
            assert isinstance(line, nn.Linear)
            z = torch.sparse.mm(z, line.weight.T) if z.is_sparse else z @ line.weight.T  # (P0, W)
            z = z if order is None else z[order]
            order = None  # only at the first layer
            z = bend(torch.sparse.mm(step, z) + line.bias)  # (P1, P0) x (P0, W)
        return z
