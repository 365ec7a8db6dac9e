"""Baseline: the main axes of the pixels."""

from ..encoders import Encoder, build
from ..encoders.projected import project
from ..source import Source
from ._base import ClosedForm


class PCA(ClosedForm):
    """The `dim` directions along which the pixels differ most; `whiten` and `root` as in `Projected`."""

    def __init__(self, *, dim: int = 10, whiten: float = 0.0, root: bool = False) -> None:
        self.dim, self.whiten, self.root = dim, whiten, root

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return project(build("pixels", source.traits), source, self.dim, whiten=self.whiten, root=self.root)
