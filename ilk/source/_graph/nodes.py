"""Batches of graphs: some nodes of one; or some of many graphs, as one whose parts do not touch.

Legend: B samples, P nodes that they are made of (P = B where nodes are the samples).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .structure import Look, Messages, Part, Structure

ALL = Look()


class Batch(ABC):
    """What is seen of it can be changed (`seen`); a slice of it is a batch of fewer samples."""

    structure: Structure
    look: Look
    nodes: np.ndarray  # (P,) which of the structure's

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: slice) -> Batch: ...

    @abstractmethod
    def seen(self, **how: Any) -> Batch:
        """The same, looked at otherwise: the fields of `Look`."""

    @abstractmethod
    def owner(self) -> Tensor | None:
        """(P,) which of the B samples each node is of; None where each is one."""

    @abstractmethod
    def closed(self) -> np.ndarray:
        """Nodes, rising, that hold those of the batch, and all that an edge leads to from any of them."""

    def around(self, hops: int) -> Part:
        """What a network of so many layers looks at."""
        return self.structure.around(self.nodes, hops, self.look)

    def messages(self, hops: int) -> Messages:
        """The same, arc by arc."""
        return self.structure.messages(self.nodes, hops, self.look)

    def endless(self) -> tuple[Messages, np.ndarray]:
        """One round among nodes that no arc leaves, to be gone again and again; where the P are there."""
        rows = self.closed()
        return self.structure.messages(rows, 1, self.look), np.searchsorted(rows, self.nodes)


class Nodes(Batch):
    """The nodes at `rows` (B,) of a graph, with their ids."""

    def __init__(self, structure: Structure, rows: np.ndarray, ids: list[str], look: Look = ALL) -> None:
        self.structure, self.nodes, self.ids, self.look = structure, np.asarray(rows, np.int64), ids, look

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, rows: slice) -> Nodes:
        return Nodes(self.structure, self.nodes[rows], self.ids[rows], self.look)

    def seen(self, **how: Any) -> Nodes:
        return Nodes(self.structure, self.nodes, self.ids, replace(self.look, **how))

    def owner(self) -> None:
        return None

    def closed(self) -> np.ndarray:
        return np.arange(self.structure.arcs.shape[0])


class Wholes(Batch):
    """The graphs at `rows` (B,), each of the nodes from its start to the next: `starts` (g + 1,)."""

    def __init__(self, structure: Structure, starts: np.ndarray, rows: np.ndarray, look: Look = ALL) -> None:
        self.structure, self.starts, self.look = structure, starts, look
        self.rows = np.asarray(rows, np.int64)
        self.sizes = np.diff(starts)[self.rows]  # (B,)
        first = np.cumsum(self.sizes) - self.sizes
        self.nodes = np.arange(self.sizes.sum()) + np.repeat(starts[self.rows] - first, self.sizes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> Wholes:
        return Wholes(self.structure, self.starts, self.rows[rows], self.look)

    def seen(self, **how: Any) -> Wholes:
        return Wholes(self.structure, self.starts, self.rows, replace(self.look, **how))

    def owner(self) -> Tensor:
        return torch.from_numpy(np.repeat(np.arange(len(self)), self.sizes))

    def closed(self) -> np.ndarray:
        return np.unique(self.nodes)
