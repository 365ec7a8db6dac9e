"""Graphs by the colours of their nodes (Weisfeiler & Leman 1968; kernel: Shervashidze et al. 2011).

A node's colour after a round stands for its colour before it and those of its neighbours, each with its edge.
A graph is how often each colour of each round comes, as a direction; some of its main axes are kept.

A colour is 64 bits that hang on nothing but what it stands for, so that those of graphs yet to come mean the
same. Two unlike ones out of n agree with a chance under n^2 / 2^65.

Legend: B graphs, P nodes of theirs, k arcs, c known colours, D dimensions.
"""

from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from ..errors import DataError
from ..source._graph.bits import mixed
from ..source._graph.nodes import Batch, Wholes
from ..source._graph.structure import Messages
from ._base import Encoder


class WL(Encoder):
    """Of whole graphs: cosines are the WL kernel, as far as `known` colours tell.

    rounds  of colouring; 0: how often each label comes
    labels  nodes begin with what their features say, else all alike; edges' features count with them
    """

    kind: ClassVar[str] = "graphs"

    def __init__(self, rounds: int = 3, labels: bool = True, known: int = 0, dim: int = 0) -> None:
        super().__init__()
        self.rounds, self.labels, self.known, self.dim = rounds, labels, known, dim
        self.register_buffer("colours", torch.zeros(known, dtype=torch.int64))  # rising
        self.register_buffer("axes", torch.zeros(known, dim))
        self.colours: Tensor
        self.axes: Tensor

    def forward(self, x: Batch) -> Tensor:  # -> (B, D)
        found, owner = self.coloured(x)
        counts = counted(found, owner, len(x), self.colours.cpu().numpy())  # (B, c)
        return torch.from_numpy(counts @ self.axes.cpu().numpy()).to(self.axes)

    def coloured(self, x: Batch) -> tuple[np.ndarray, np.ndarray]:
        """The colours of all nodes after each round, ((rounds + 1) P,) int64, and the graph of each."""
        if not isinstance(x, Wholes):
            do = (
                "Give many: a folder or a list of graphs. Nodes of one are told apart by isomorphism.colours."
            )
            raise DataError("the WL kernel compares whole graphs; these are nodes of one", do)
        seen, at = x.endless()
        owner = np.repeat(np.arange(len(x)), x.sizes)
        rounds = colours(seen, self.rounds, self.labels)
        return np.concatenate([one[at] for one in rounds]), np.tile(owner, len(rounds))


def colours(seen: Messages, rounds: int, labels: bool) -> list[np.ndarray]:
    """Of each of P nodes, before any round and after each, (P,) int64."""
    hop = seen.hops[0]
    source, target = hop.source.numpy(), hop.target.numpy()
    n = seen.features.shape[0]
    told = seen.features.coalesce()
    rows, columns = told.indices().numpy()
    code = np.zeros(n, np.uint64)
    edge = np.zeros(len(source), np.uint64)
    if labels:
        there = told.values().numpy() != 0
        code = _sums(_bits(columns[there], told.values().numpy()[there]), rows[there], n)
        for number, values in enumerate(hop.edges.numpy().T[1:]):  # behind the weight, which does not count
            edge += _bits(np.full(len(values), number), values)
    found = [mixed(code)]
    for number in range(1, rounds + 1):
        # The edge comes between two mixings: the sum of both would be the same for exchanged bits.
        said = mixed(found[-1][source] ^ mixed(edge + np.uint64(number)))
        found.append(mixed(mixed(found[-1]) + _sums(said, target, n)))
    return [one.view(np.int64) for one in found]


def counted(found: np.ndarray, owner: np.ndarray, graphs: int, known: np.ndarray) -> csr_array:
    """(g, c): how often each known colour comes in each graph, over the length of all its counts."""
    own, place = np.unique(found, return_inverse=True)
    counts = csr_array((np.ones(len(found)), (owner, place)), (graphs, len(own)))  # the same places add up
    length = np.sqrt(counts.power(2).sum(1))
    at = np.searchsorted(known, own).clip(max=max(len(known) - 1, 0))
    have = np.flatnonzero(known[at] == own) if len(known) else np.zeros(0, int)
    chosen = counts[:, have].tocoo()
    share = chosen.data / length[chosen.coords[0]]
    return csr_array((share, (chosen.coords[0], at[have][chosen.coords[1]])), (graphs, len(known)))


def _bits(place: np.ndarray, value: np.ndarray) -> np.ndarray:
    return mixed(mixed(place.astype(np.uint64)) ^ value.astype(np.float64).view(np.uint64))


def _sums(code: np.ndarray, to: np.ndarray, n: int) -> np.ndarray:
    """Modulo 2^64: of a multiset, whatever its order."""
    total = np.zeros(n, np.uint64)
    np.add.at(total, to, code)
    return total
