"""Baseline: what is said of each node, without the graph."""

from typing import ClassVar

from ..encoders import Encoder, build
from ..source import Source
from ._base import ClosedForm


class NodeFeatures(ClosedForm):
    """Nothing is learned: each feature is a dimension."""

    kind: ClassVar[str] = "graphs"

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return build("features", source.traits).eval()
