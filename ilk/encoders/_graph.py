"""What the encoders of graphs have in common: a vector for each node, and out of these one for a whole graph.

Legend: B samples, P nodes that they are made of (P = B where nodes are the samples), D dimensions.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..errors import DataError
from ..source._graph.nodes import Batch
from ._base import Encoder
from ._embed import device_of
from ._segments import check, gathered


class Readout(nn.Module):
    """`how`: the sum, mean or largest of its nodes' vectors; attention: a mean by learnt weights."""

    def __init__(self, dim: int, how: str) -> None:
        super().__init__()
        check(how, "readout")
        self.how = how
        self.score = nn.Linear(dim, 1) if how == "attention" else None

    def forward(self, z: Tensor, x: Batch) -> Tensor:  # (P, D) -> (B, D)
        owner = x.owner()
        if owner is None:
            return z
        one = torch.ones(len(z), dtype=z.dtype, device=z.device)
        return gathered(z, owner.to(z.device), len(x), self.how, one, lambda: self._scores(z))

    def _scores(self, z: Tensor) -> Tensor:  # (P, D) -> (P, 1)
        assert self.score is not None
        scores: Tensor = self.score(z)
        return scores


class GraphEncoder(Encoder):
    """Of nodes and of whole graphs: what `nodes` gives goes through the `readout`."""

    kind: ClassVar[str] = "graphs"
    features: int
    read: Readout

    def forward(self, x: Batch) -> Tensor:  # -> (B, D)
        vectors: Tensor = self.read(self.nodes(x), x)
        return vectors

    def nodes(self, x: Batch) -> Tensor:  # -> (P, D)
        """A vector for each node of the batch."""
        with torch.autocast(device_of(self).type, enabled=False):  # sparse products know no half precision
            return self._nodes(x)

    @abstractmethod
    def _nodes(self, x: Batch) -> Tensor:  # -> (P, D)
        ...

    def fits(self, x: Batch, edges: int | None = None) -> None:
        """Refuses a graph of which other things are said than of what it was made for (`edges` None: any)."""
        structure = x.structure
        for what, given, wanted in (
            ("nodes", structure.features.shape[1], self.features),
            ("edges", structure.edges.shape[1], edges),
        ):
            if wanted not in (None, given):
                raise DataError(
                    f"{what} with {given} features meet an encoder that takes {wanted}",
                    "Give what it was learnt from: the same features, in the same order.",
                )
