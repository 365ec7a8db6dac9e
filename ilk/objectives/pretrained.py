"""Nothing is learnt: a published network looks at the pictures, and its vectors are evened out."""

from typing import Any

from ..encoders import Encoder, build
from ..encoders.projected import project
from ..source import Source
from ._base import ClosedForm


class Pretrained(ClosedForm):
    """A vision model of `transformers`, frozen (`model`, `side` and `layer` as in `ilk/encoders/hub.py`).

    `dim` of its main axes are kept, or as many as it has; `whiten` as in `Projected`.
    """

    def __init__(
        self,
        *,
        model: str | dict[str, Any] = "",
        side: int | None = None,
        layer: int | None = None,
        dim: int = 128,
        whiten: float = 0.5,
    ) -> None:
        self.model, self.side, self.layer, self.dim, self.whiten = model, side, layer, dim, whiten

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        network = build("hub", source.traits, model=self.model, side=self.side, layer=self.layer)
        return project(network, source, min(self.dim, network.dim), whiten=self.whiten)
