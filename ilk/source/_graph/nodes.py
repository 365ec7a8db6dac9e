"""What an encoder gets of a graph: some of its nodes, and as much around them as it asks for.

Legend: B nodes asked for, P nodes of the part around them, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array, eye_array
from torch import Tensor

WHOLE = 0.5  # of the graph; a larger part is not cut out


@dataclass(frozen=True)
class Part:
    places: Tensor  # (B,) int64: where in the part the nodes asked for are
    steps: Tensor  # (P, P) sparse: D^-1/2 (A + 1) D^-1/2, see `normalised`
    features: Tensor  # (P, F) sparse


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
        return tensor(self.steps), tensor(self.features)

    def around(self, rows: np.ndarray, hops: int) -> Part:
        """All that lies up to `hops` edges off: what so many layers of a network can see, exactly."""
        steps, met = self.steps, np.unique(rows)
        for _ in range(hops):
            if len(met) > WHOLE * steps.shape[0]:
                break
            met = np.unique(steps[met].indices)  # each node is its own neighbour
        if len(met) > WHOLE * steps.shape[0]:
            return Part(torch.from_numpy(rows.astype(np.int64)), *self._whole)
        places = torch.from_numpy(np.searchsorted(met, rows))
        return Part(places, tensor(steps[met][:, met]), tensor(self.features[met]))


class Nodes:
    """A batch: the nodes at `rows` (B,) of a graph, with their ids."""

    def __init__(self, structure: Structure, rows: np.ndarray, ids: list[str]) -> None:
        self.structure, self.rows, self.ids = structure, rows, ids

    def __len__(self) -> int:
        return len(self.rows)

    def around(self, hops: int) -> Part:
        return self.structure.around(self.rows, hops)
