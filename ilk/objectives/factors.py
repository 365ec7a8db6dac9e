"""Baseline: factor analysis of the pixels (Spearman 1904)."""

from typing import ClassVar

from ..encoders import Encoder
from ..source import Source
from ._base import ClosedForm
from ._turned import on_axes


class Factors(ClosedForm):
    """What pixels have in common, on `dim` axes, each pixel with noise of its own; turned as by varimax."""

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 10) -> None:
        self.dim = dim

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return on_axes(source, "factor", self.dim, seed)
