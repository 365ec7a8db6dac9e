"""Baseline: main axes of the pixels, turned so that each pixel weighs on few of them (Kaiser 1958)."""

from typing import ClassVar

from ..encoders import Encoder
from ..source import Source
from ._base import ClosedForm
from ._turned import on_axes


class Varimax(ClosedForm):
    """The `dim` main axes turned: parts of a picture, rather than waves over all of it."""

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 10) -> None:
        self.dim = dim

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return on_axes(source, "varimax", self.dim, seed)
