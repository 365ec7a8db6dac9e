"""Baseline: independent axes of the pixels (FastICA, Hyvaerinen 1999)."""

from typing import ClassVar

from ..encoders import Encoder
from ..source import Source
from ._base import ClosedForm
from ._turned import on_axes


class ICA(ClosedForm):
    """The `dim` directions in which pictures are as far from Gaussian as can be: mixed sources, parted."""

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 10) -> None:
        self.dim = dim

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return on_axes(source, "ica", self.dim, seed)
