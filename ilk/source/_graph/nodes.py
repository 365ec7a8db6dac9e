"""What an encoder gets of a graph: some of its nodes, and as much around them as it asks for.

Legend: n nodes, B nodes asked for, P0 and P1 nodes that a first and a second layer look at, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, eye_array
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """What so many layers of a network see of a graph, exactly; the first layer's nodes are the most."""

    features: Tensor  # (P0, F) sparse
    steps: list[Tensor]  # (P1, P0), (P2, P1), ... sparse, of each layer; see `normalised`

    def to(self, device: torch.device) -> Part:
        return Part(self.features.to(device), [s.to(device) for s in self.steps])


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
    """The edges and features of a whole graph: (n, n) and (n, F)."""

    def __init__(self, arcs: csr_array, features: csr_array) -> None:
        self.arcs, self.features = arcs, features

    @cached_property
    def steps(self) -> csr_array:
        return normalised(self.arcs)

    @cached_property
    def _whole(self) -> tuple[Tensor, Tensor]:
        return tensor(self.features), tensor(self.steps)

    def whole(self, hops: int) -> Part:
        """For vectors of all nodes, in order; made once."""
        features, steps = self._whole
        return Part(features, [steps] * hops)

    def around(self, rows: np.ndarray, hops: int) -> Part:
        """For vectors of the nodes at `rows`: all that lies up to `hops` edges off."""
        place = np.zeros(self.arcs.shape[0], np.int64)
        steps: list[Tensor] = []
        for _ in range(hops):
            cut = self.steps[rows]
            rows = np.unique(cut.indices)  # each node is its own neighbour
            place[rows] = np.arange(len(rows))
            steps.insert(
                0, tensor(csr_array((cut.data, place[cut.indices], cut.indptr), (cut.shape[0], len(rows))))
            )
        return Part(tensor(self.features[rows]), steps)


class Nodes:
    """A batch: the nodes at `rows` (B,) of a graph, with their ids."""

    def __init__(self, structure: Structure, rows: np.ndarray, ids: list[str]) -> None:
        self.structure, self.rows, self.ids = structure, rows, ids

    def __len__(self) -> int:
        return len(self.rows)

    def around(self, hops: int) -> Part:
        """What a network of so many layers looks at."""
        return self.structure.around(self.rows, hops)
