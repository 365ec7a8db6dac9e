"""Baseline: the main axes of the pixels."""

from typing import ClassVar

from ..encoders import Encoder, build
from ..encoders.projected import project
from ..source import Source
from ._base import ClosedForm


class PCA(ClosedForm):
    """The `dim` directions along which the pixels to the `power` differ most; `whiten` as in `Projected`."""

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 10, whiten: float = 0.0, power: float = 1.0) -> None:
        self.dim, self.whiten, self.power = dim, whiten, power

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        pixels = build("pixels", source.traits, power=self.power)
        return project(pixels, source, self.dim, whiten=self.whiten)
