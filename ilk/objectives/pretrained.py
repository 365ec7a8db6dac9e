"""Nothing is learnt: a published network looks at pictures or reads texts; its vectors are evened out."""

from typing import Any

from ..encoders import Encoder, build
from ..encoders.projected import project
from ..errors import OptionError
from ..source import Source
from ..source._kind import kind
from ._base import ClosedForm


class Pretrained(ClosedForm):
    """`model`: a vision model of `transformers` (`side`, `layer`: as its encoder `hub`), or a .onnx file.

    For texts a sentence encoder of `transformers` (`hub_text`); its vectors are good as they are, and kept.

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
        if kind(source) == "text":
            if self.side is not None or self.layer is not None:
                raise OptionError("side or layer for a model of texts", "Leave them out.")
            return build("hub_text", source.traits, model=self.model).eval()
        network = self._network(source)
        return project(network, source, min(self.dim, network.dim), whiten=self.whiten)

    def _network(self, source: Source) -> Encoder:
        if not str(self.model).endswith(".onnx"):
            return build("hub", source.traits, model=self.model, side=self.side, layer=self.layer)
        if self.side is not None or self.layer is not None:
            raise OptionError(
                "side or layer for an ONNX file", "It looks as it was exported; leave them out."
            )
        return build("onnx", source.traits, model=self.model)
