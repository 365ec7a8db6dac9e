"""Edges are given back from vectors: linked nodes have large products (Kipf & Welling 2016).

Legend: P nodes of a batch, k pairs, D dimensions.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders._graph import GraphEncoder
from ..errors import OptionError
from ..source._graph.nodes import Batch, Nodes, Wholes
from ._base import Objective
from ._heads import mlp
from .vae import divergence


class GraphAutoencoder(Objective):
    """Of each node a neighbour and a stranger are drawn: sigmoid(z_i z_j) is the chance of an edge.

    beta    above 0: variational. A vector is the middle of a cloud of which chance draws a point, and `beta`
            weighs how near the clouds stay to a standard normal, in nats for each number of a vector
    spread  widths of layers that tell the clouds' widths from their middles
    """

    kind: ClassVar[str] = "graphs"
    level: ClassVar[bool] = False  # products are what was learnt, and evening would change them
    encoder: GraphEncoder

    def __init__(self, encoder: GraphEncoder, *, beta: float = 0.0, spread: tuple[int, ...] = (64,)) -> None:
        super().__init__()
        if not beta >= 0:
            raise OptionError(f"beta is {beta}", "Give 0 or more.")
        self.encoder, self.beta, self.spread = encoder, beta, spread
        self.variance = mlp(encoder.dim, [*spread, encoder.dim]) if beta else None

    def views(self, batch: Batch) -> tuple[Batch]:
        return (batch,)

    def loss(self, *views: Batch, progress: float) -> dict[str, Tensor]:
        (batch,) = views
        pairs = drawn(batch)
        seen = Nodes(batch.structure, pairs.nodes, [""] * len(pairs.nodes), batch.look)
        mean = self.encoder.nodes(seen).float()  # (P', D)
        terms, z = {}, mean
        if self.variance is not None:
            log_variance = self.variance(mean).float()
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            terms["divergence"] = self.beta * divergence(mean, log_variance) / self.encoder.dim
        return {"edges": surprise(z, pairs), **terms}


@dataclass(frozen=True)
class Pairs:
    nodes: np.ndarray  # (P',) all that are in any pair, rising
    linked: np.ndarray  # (k, 2) places among these
    others: np.ndarray  # (k', 2)


def drawn(batch: Batch) -> Pairs:
    """For each of P nodes one of its neighbours, if it has any, and another node that is none.

    The stranger is of the same graph. A node that is drawn and turns out to be a neighbour is left out.
    """
    structure, own = batch.structure, batch.nodes
    starts = structure.arcs.indptr.astype(np.int64)
    degree = np.diff(starts)[own]
    chance = torch.rand(2, len(own), dtype=torch.float64).numpy()
    has = degree > 0
    arc = (starts[own] + np.floor(chance[0] * degree)).astype(np.int64)
    near = structure.arcs.indices[arc[has]].astype(np.int64)
    first, size = np.zeros(len(own)), np.full(len(own), structure.arcs.shape[0])
    if isinstance(batch, Wholes):
        first, size = (np.repeat(v, batch.sizes) for v in (batch.starts[batch.rows], batch.sizes))
    far = (first + np.floor(chance[1] * size)).astype(np.int64)
    arcs: Any = structure.arcs[own, far]
    strange = (far != own) & ((arcs if isinstance(arcs, np.ndarray) else arcs.toarray()) == 0)
    linked, others = np.stack([own[has], near], 1), np.stack([own[strange], far[strange]], 1)
    nodes = np.unique(np.concatenate([own, near, far[strange]]))
    return Pairs(nodes, np.searchsorted(nodes, linked), np.searchsorted(nodes, others))


def surprise(z: Tensor, pairs: Pairs) -> Tensor:  # (P', D) -> ()
    """Mean -log sigmoid(z z') of those linked, and of -z z' of the others, one half each."""
    linked, others = (torch.from_numpy(p).to(z.device) for p in (pairs.linked, pairs.others))
    there = F.softplus(-(z[linked[:, 0]] * z[linked[:, 1]]).sum(1)).sum() / max(len(linked), 1)
    not_there = F.softplus((z[others[:, 0]] * z[others[:, 1]]).sum(1)).sum() / max(len(others), 1)
    return (there + not_there) / 2
