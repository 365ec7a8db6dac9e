"""Baseline: the pictures as they are."""

from typing import ClassVar

from ..encoders import Encoder, build
from ..source import Source
from ._base import ClosedForm


class Pixels(ClosedForm):
    """Nothing is learned: each pixel is a dimension."""

    kind: ClassVar[str] = "images"

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        return build("pixels", source.traits).eval()
