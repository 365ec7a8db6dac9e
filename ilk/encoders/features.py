"""What is said of a node, without its neighbours: what every representation of a graph must beat."""

from typing import ClassVar

from torch import Tensor

from ..source._graph.nodes import Nodes
from ._base import Encoder


class Features(Encoder):
    """Each feature is a dimension."""

    kind: ClassVar[str] = "graphs"

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.features = self.dim = features

    def forward(self, x: Nodes) -> Tensor:  # (B,) nodes -> (B, D)
        return x.around(0).features.to_dense()
