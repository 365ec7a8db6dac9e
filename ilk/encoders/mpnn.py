"""Messages along edges (Gilmer et al. 2017): each node gathers what its neighbours say, and takes it in.

In each of T rounds  m_i = gather over arcs j -> i of M(h_i, h_j, e_ij),  h_i <- U(h_i, m_i).

Legend: P nodes asked for, P0, P1, ... those that each round looks at, k arcs, F features, E of edges (their
weight before them), W width, D dimensions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, UnknownName
from ..source._graph.nodes import Batch
from ..source._graph.structure import Hop
from ._embed import device_of
from ._graph import GraphEncoder, Readout
from ._segments import check, gathered

MESSAGES, UPDATES = ("line", "mlp"), ("gru", "mlp")


class MPNN(GraphEncoder):
    """`steps` rounds of messages: a node's vector tells of what is up to so many edges off, and of the edges.

    Messages go along edges in their direction.

    message  what an edge says: line, of the neighbour and the edge; mlp, two layers, of the node too
    update   how it is taken in: gru, a gated recurrent unit; mlp, two layers, added to what was there
    gather   the sum, mean or max over the neighbours, or attention: a mean by learnt weights
    readout  of a whole graph: the mean, sum or max of its nodes' vectors, or attention
    """

    def __init__(
        self,
        features: int = 16,
        edge_features: int = 0,
        dim: int = 128,
        width: int = 64,
        steps: int = 3,
        message: str = "mlp",
        update: str = "gru",
        gather: str = "sum",
        readout: str = "mean",
    ) -> None:
        super().__init__()
        for what, name, known in (("message", message, MESSAGES), ("update", update, UPDATES)):
            if name not in known:
                raise UnknownName(what, name, known)
        check(gather, "way to gather")
        if steps < 1:
            raise OptionError(f"steps is {steps}", "Give 1 or more.")
        self.features, self.edge_features, self.dim, self.width = features, edge_features, dim, width
        self.steps, self.message, self.update = steps, message, update
        self.gather, self.readout = gather, readout
        self.first = nn.Linear(features, width)
        self.rounds = nn.ModuleList(_Round(width, 1 + edge_features, self) for _ in range(steps))
        self.last = nn.Linear(width, dim)
        self.read = Readout(dim, readout)

    def _nodes(self, x: Batch) -> Tensor:  # -> (P, D)
        self.fits(x, self.edge_features)
        seen = x.messages(self.steps).to(device_of(self))
        h = F.relu(torch.sparse.mm(seen.features, self.first.weight.T) + self.first.bias)  # (P0, W)
        for round_, hop in zip(self.rounds, seen.hops):
            h = round_(h, hop)  # (P1, W), (P2, W), ...
        vectors: Tensor = self.last(h)
        return vectors


class _Round(nn.Module):
    def __init__(self, width: int, edges: int, of: MPNN) -> None:
        super().__init__()
        self.gather = of.gather
        self.near, self.edge = nn.Linear(width, width), nn.Linear(edges, width, bias=False)
        self.own = nn.Linear(width, width, bias=False) if of.message == "mlp" else None
        self.said = nn.Linear(width, width) if of.message == "mlp" else None
        self.score = nn.Linear(width, 1, bias=False) if of.gather == "attention" else None
        self.gru = nn.GRUCell(width, width) if of.update == "gru" else None
        both = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.taken = both if of.update == "mlp" else None

    def forward(self, h: Tensor, hop: Hop) -> Tensor:  # (P0, W) -> (P1, W)
        own = h[hop.own]  # (P1, W)
        # A matrix times what stands at an arc's ends: a product for each node is less than one for each arc.
        m = self.near(h)[hop.source] + self.edge(hop.edges)  # (k, W)
        if self.own is not None and self.said is not None:
            m = self.said(F.relu(m + self.own(own)[hop.target]))
        m = F.relu(m)
        m = gathered(m, hop.target, len(own), self.gather, hop.share, lambda: self._scores(m))  # (P1, W)
        if self.taken is not None:
            return own.add(self.taken(torch.cat([own, m], 1)))
        assert self.gru is not None
        taken: Tensor = self.gru(m, own)
        return taken

    def _scores(self, m: Tensor) -> Tensor:  # (k, W) -> (k, 1)
        assert self.score is not None
        bent: Tensor = F.leaky_relu(self.score(m), 0.2)
        return bent
