"""A graph as networks look at it: what lies around some nodes, exactly, or as much of it as is to be seen.

Legend: n nodes, m arcs (an undirected edge is two), P0, P1, ... nodes that a first, second, ... layer looks
at, k arcs that lead there, F features, E features of edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, eye_array
from torch import Tensor

from .bits import mixed, share
from .sampling import drawn


@dataclass(frozen=True)
class Look:
    """How much of a graph is seen. Which edges, features and neighbours those are, the seed says."""

    most: int | None = None  # neighbours of a node, by one layer; None: all
    drop: float = 0.0  # share of the edges that are not seen
    hide: float = 0.0  # share of the features, of all nodes alike
    blind: np.ndarray | None = None  # (n,) bool: nodes whose features are not seen
    seed: int = 0

    def keeps(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Of edges between these nodes (k,) each; an edge is seen from both its ends or from neither."""
        low, high = np.minimum(one, other).astype(np.uint64), np.maximum(one, other).astype(np.uint64)
        return np.asarray(share(mixed(mixed(low + _seed(self.seed)) ^ high)) >= self.drop)

    def shows(self, features: int) -> np.ndarray:
        """Which of them, (F,) bool: one at least."""
        chance = share(mixed(np.arange(features, dtype=np.uint64) + mixed(_seed(self.seed))))
        return np.asarray((chance >= self.hide) | (chance == chance.max(initial=0)))


def _seed(seed: int) -> np.ndarray:
    return mixed(np.array([seed], np.uint64))


@dataclass(frozen=True)
class Part:
    """What so many layers of a network see of a graph; the first layer's nodes are the most."""

    features: Tensor  # (P0, F) sparse
    steps: list[Tensor]  # (P1, P0), (P2, P1), ... sparse, of each layer; see `normalised`

    def to(self, device: torch.device) -> Part:
        return Part(self.features.to(device), [s.to(device) for s in self.steps])


@dataclass(frozen=True)
class Hop:
    """The arcs that a round of messages takes from P0 nodes to P1 of them."""

    source: Tensor  # (k,) places among the P0
    target: Tensor  # (k,) among the P1, rising
    own: Tensor  # (P1,): where each of the P1 is among the P0
    edges: Tensor  # (k, 1 + E) weight and features
    share: Tensor  # (k,) how many arcs this one stands for: above 1 where some are drawn of many

    def to(self, device: torch.device) -> Hop:
        return Hop(*(t.to(device) for t in (self.source, self.target, self.own, self.edges, self.share)))


@dataclass(frozen=True)
class Messages:
    features: Tensor  # (P0, F) sparse
    hops: list[Hop]

    def to(self, device: torch.device) -> Messages:
        return Messages(self.features.to(device), [h.to(device) for h in self.hops])


@dataclass(frozen=True)
class _Cut:
    """Arcs that lead to some rows of a matrix."""

    target: np.ndarray  # (k,) which of the rows
    columns: np.ndarray  # (k,) where the arc comes from
    at: np.ndarray  # (k,) its place in the matrix
    share: np.ndarray  # (k,)


def normalised(arcs: csr_array) -> csr_array:
    """D^-1/2 (A + 1) D^-1/2 with A made symmetric, D the row sums of A + 1 (Kipf & Welling 2017).

    A filter of a signal x on the graph is g(L) x, L = 1 - D^-1/2 A D^-1/2 with eigenvalues in [0, 2]. The
    first-order g with one free number w is w (2 - L) x = w (1 + D^-1/2 A D^-1/2) x. Its eigenvalues reach 2,
    so that layer upon layer would blow up; to count each node as its own neighbour before normalising
    (A + 1 for A, its sums for D) brings them into (-1, 1] with the same neighbours. It is D^-1/2 on both
    sides, and not D^-1 (A + 1), for the sake of symmetry: real eigenvalues, and the gradient's way back is
    the same matrix.
    """
    both = arcs.maximum(arcs.T) + eye_array(arcs.shape[0], dtype=np.float32)  # (n, n)
    root = diags_array(1 / np.sqrt(both.sum(1)), dtype=np.float32)
    found: csr_array = (root @ both @ root).tocsr()
    return found


def tensor(matrix: csr_array) -> Tensor:
    """Sparse of torch, by coordinates: its rows by pointers still warn at every use."""
    plain = matrix.tocoo()
    at = torch.from_numpy(np.stack(plain.coords).astype(np.int64))
    values = torch.from_numpy(plain.data.astype(np.float32))
    return torch.sparse_coo_tensor(at, values, plain.shape, is_coalesced=True, check_invariants=False)


class Structure:
    """The edges and features of a whole graph: (n, n), (n, F), and (m, E) in the order of the arcs."""

    def __init__(self, arcs: csr_array, features: csr_array, edges: np.ndarray | None = None) -> None:
        self.arcs, self.features = arcs, features
        self.edges = np.zeros((arcs.nnz, 0), np.float32) if edges is None else edges

    @cached_property
    def steps(self) -> csr_array:
        return normalised(self.arcs)

    @cached_property
    def _others(self) -> tuple[csr_array, np.ndarray]:
        """`steps`, what leads from a node to itself apart: (n, n), (n,)."""
        own = self.steps.diagonal()
        rest: csr_array = (self.steps - diags_array(own)).tocsr()
        rest.eliminate_zeros()
        return rest, own

    @cached_property
    def _incoming(self) -> csr_array:
        """(n, n): at (i, j) the number of the arc from j to i."""
        numbers = np.arange(self.arcs.nnz)
        arcs = csr_array((numbers, self.arcs.indices, self.arcs.indptr), self.arcs.shape)
        found: csr_array = arcs.T.tocsr()
        return found

    @cached_property
    def _whole(self) -> tuple[Tensor, Tensor]:
        return tensor(self.features), tensor(self.steps)

    def whole(self, hops: int) -> Part:
        """For vectors of all nodes, in order; made once."""
        features, steps = self._whole
        return Part(features, [steps] * hops)

    def around(self, rows: np.ndarray, hops: int, look: Look) -> Part:
        """For vectors of the nodes at `rows`: all that lies up to `hops` edges off."""
        rest, own = self._others
        steps: list[Tensor] = []
        for hop in range(hops):
            cut = _cut(rest, rows, look, hop)
            seen, place = self._places(rows, cut.columns)
            values = np.concatenate([rest.data[cut.at] * cut.share / (1 - look.drop), own[rows]])
            to = np.concatenate([cut.target, np.arange(len(rows))])
            fro = place[np.concatenate([cut.columns, rows])]
            steps.insert(0, tensor(csr_array((values, (to, fro)), (len(rows), len(seen)))))
            rows = seen
        return Part(self._features(rows, look), steps)

    def messages(self, rows: np.ndarray, hops: int, look: Look) -> Messages:
        """As `around`, arc by arc, in the arcs' own direction."""
        found: list[Hop] = []
        for hop in range(hops):
            cut = _cut(self._incoming, rows, look, hop)
            seen, place = self._places(rows, cut.columns)
            arcs = self._incoming.data[cut.at]
            told = np.column_stack([self.arcs.data[arcs], self.edges[arcs]]).astype(np.float32)
            numbers = (place[cut.columns], cut.target, place[rows], told, cut.share.astype(np.float32))
            found.insert(0, Hop(*map(torch.from_numpy, numbers)))
            rows = seen
        return Messages(self._features(rows, look), found)

    def _places(self, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nodes that are either, rising; and where each is among them, (n,)."""
        seen = np.unique(np.concatenate([rows, others]))
        place = np.zeros(self.arcs.shape[0], np.int64)
        place[seen] = np.arange(len(seen))
        return seen, place

    def _features(self, rows: np.ndarray, look: Look) -> Tensor:
        found = self.features[rows]
        if look.hide:
            found.data = found.data * look.shows(found.shape[1])[found.indices]
        if look.blind is not None:
            found.data = found.data * np.repeat(~look.blind[rows], np.diff(found.indptr))
        return tensor(found)


def _cut(matrix: csr_array, rows: np.ndarray, look: Look, hop: int) -> _Cut:
    starts = matrix.indptr.astype(np.int64)
    size = np.diff(starts)[rows]
    if look.most is None or size.max(initial=0) <= look.most:
        taken = size
        at = np.arange(size.sum()) + np.repeat(starts[rows] - np.cumsum(size) + size, size)
    else:
        taken = np.minimum(size, look.most)
        at = np.empty(taken.sum(), np.int64)
        drawn(starts, np.asarray(rows, np.int64), look.most, look.seed * 64 + hop, at)
    target = np.repeat(np.arange(len(rows)), taken)
    stands = np.repeat(size / np.maximum(taken, 1), taken)
    found = _Cut(target, matrix.indices[at].astype(np.int64), at, stands)
    if not look.drop:
        return found
    kept = look.keeps(rows[target], found.columns)
    return _Cut(found.target[kept], found.columns[kept], found.at[kept], found.share[kept])
