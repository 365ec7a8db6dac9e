"""What is said of a node, without its neighbours: what every representation of a graph must beat."""

from torch import Tensor

from ..source._graph.nodes import Batch
from ._graph import GraphEncoder, Readout


class Features(GraphEncoder):
    """Each feature is a dimension; of a whole graph, its nodes' mean."""

    def __init__(self, features: int = 16) -> None:
        super().__init__()
        self.features = self.dim = features
        self.read = Readout(features, "mean")

    def _nodes(self, x: Batch) -> Tensor:  # -> (P, F)
        self.fits(x)
        return x.around(0).features.to_dense()
