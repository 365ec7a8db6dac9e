"""Nodes of one graph with a vector each, as node2vec makes them. Legend: B batch, n nodes, D dimensions."""

from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import DataError
from ..source._graph.nodes import Batch, Nodes
from ._base import Encoder


class NodeVectors(Encoder):
    """Of the nodes called `ids`. Any other node is the zero vector: what stands around it does not matter."""

    kind: ClassVar[str] = "graphs"

    def __init__(self, ids: list[str], dim: int = 128) -> None:
        super().__init__()
        self.ids, self.dim = ids, dim
        self.register_buffer("vectors", torch.zeros(len(ids), dim))
        self.vectors: Tensor

    def forward(self, x: Batch) -> Tensor:  # (B,) nodes -> (B, D)
        if not isinstance(x, Nodes):
            do = "Ask with the graph whose nodes they are: ilk.graphs(..., many=False)."
            raise DataError("whole graphs meet the vectors of a graph's nodes", do)
        none = len(self.ids)
        at = torch.tensor([self._places.get(i, none) for i in x.ids], device=self.vectors.device)
        return F.pad(self.vectors, (0, 0, 0, 1))[at] if (at == none).any() else self.vectors[at]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.ids)}
