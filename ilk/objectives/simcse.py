"""SimCSE (Gao et al. 2021): a text read twice, each time with other units dropped, finds itself again.

Legend: B texts, d the projection's dimensions.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..encoders.transformer import Transformer
from ..errors import OptionError
from ..source._text.halves import halves as parted
from ._base import Objective
from ._heads import mlp
from .simclr import nt_xent


class SimCSE(Objective):
    """Contrast at `temperature` between the texts' projections (`projector`: its layers' widths; []: none).

    `cropped`: not the whole text twice, but two spans of it, each of at least that share of its words
    (Izacard et al. 2021); 1: whole. `halves`: its two halves instead, which share no word, so that nothing is
    found by its spelling; a network that begins from nothing learns little from them (see `--start`).
    """

    kind: ClassVar[str] = "text"
    spelling: ClassVar[str] = "wordpiece"
    encoder: Transformer

    def __init__(
        self,
        encoder: Transformer,
        *,
        temperature: float = 0.05,
        cropped: float = 1.0,
        halves: bool = False,
        projector: tuple[int, ...] = (256, 128),
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Transformer):
            what = f"{type(encoder).__name__} drops nothing of a text"
            raise OptionError(what, "Give an encoder that does: --encoder transformer.")
        if cropped == 1 and not halves and not encoder.dropout:
            raise OptionError("a text twice, and no dropout", "Give a dropout above 0, or cropped under 1.")
        if not 0 < cropped <= 1:
            raise OptionError(f"cropped is {cropped}", "Give a share above 0, up to 1.")
        if halves and cropped < 1:
            raise OptionError("halves, and cropped", "Give one of them.")
        self.encoder, self.temperature, self.cropped = encoder, temperature, cropped
        self.halves, self.projector = halves, projector
        self.head = mlp(encoder.dim, projector)

    def views(self, batch: list[str]) -> tuple[list[str], list[str]]:
        if self.halves:
            return parted(batch)
        if self.cropped == 1:
            return batch, batch
        return [span(t, self.cropped) for t in batch], [span(t, self.cropped) for t in batch]

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        a, b = self.head(self.encoder([*views[0], *views[1]])).chunk(2)  # 2 x B texts -> 2 x (B, d)
        with torch.autocast(a.device.type, enabled=False):  # a cosine / temperature needs its digits
            return {"contrast": nt_xent(a.float(), b.float(), self.temperature)}


def span(text: str, least: float) -> str:
    """Words that stand together: a share of the text's between `least` and all, anywhere in it."""
    words = text.split()
    share = least + (1 - least) * float(torch.rand(()))
    some = max(1, round(share * len(words)))
    start = int(torch.randint(max(1, len(words) - some + 1), ()))
    return " ".join(words[start : start + some])
