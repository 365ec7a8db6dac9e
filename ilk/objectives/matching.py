"""ALBEF (Li et al. 2021): pictures and captions by themselves, as in clip; then both at once: do they match?

A caption is shown beside its own picture, and beside one of the batch that is easily taken for it; a picture
likewise. What looks at both at once learns to tell these apart. As the others are drawn by the softmax of the
two networks' own scores, what it learns is the logarithm of the truth over what these two believe: a score to
add to theirs (a residual energy, Deng et al. 2020), and nothing where they are right.

Legend: B pairs on this process, D dimensions.
"""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..encoders.fused import Fused
from ..errors import OptionError
from ..source import Source
from ..source.pairs import Pairs
from ._base import Objective
from .clip import STEEPEST, Shown, numbered, softmax


class Matching(Objective):
    """The temperature is learnt; `temperature` is where it begins. `augment`: as of clip."""

    kind: ClassVar[str] = "pairs"
    level: ClassVar[bool] = False  # evening the one half's vectors would move it away from the other
    encoder: Fused

    def __init__(
        self, encoder: Fused, *, temperature: float = 0.07, augment: str | None = "captioned"
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Fused):
            raise OptionError(f"{type(encoder).__name__} looks at one half alone", "Give Fused(Two(...)).")
        if not temperature >= 0.01:
            raise OptionError(f"temperature is {temperature}", "Give 0.01 or more.")
        self.encoder, self.temperature, self.augment = encoder, temperature, augment
        self.scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        encoder.scale.fill_(1 / temperature)
        self.views = Shown(augment)

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        pictures, captions = views
        seen, said = self.encoder.apart(pictures, captions)
        codes = numbered(captions).to(seen.vector.device)
        with torch.autocast(seen.vector.device.type, enabled=False):  # a cosine times a hundred needs digits
            a, b, scale = seen.vector.float(), said.vector.float(), self.scale.exp()
            contrast = softmax(a, b, codes, scale)
            near = (a @ b.T * scale).detach()  # (B, B)
        other = codes[:, None] != codes  # (B, B): says something else
        odds = self.encoder.beyond
        right = odds(seen, said)
        wrong = torch.stack(  # (2, B)
            [odds(seen, said.at(drawn(near, other))), odds(seen.at(drawn(near.T, other)), said)]
        )
        return {"contrast": contrast, "match": match(right, wrong, other.any(1))}

    def content(self, source: Source, encoder: Encoder) -> Source:
        """The pictures, to be searched with words."""
        return source.pictures if isinstance(source, Pairs) else source

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        self.scale.clamp_(max=STEEPEST)
        self.encoder.scale.fill_(self.scale.exp().item())


def drawn(near: Tensor, other: Tensor) -> Tensor:  # (B, B), (B, B) -> (B,)
    """Of each row one of the others, by the softmax of how near they are; any, where there is no other."""
    alone = ~other.any(1, keepdim=True)
    weights = near.masked_fill(~other & ~alone, -torch.inf).softmax(1)
    return torch.multinomial(weights, 1)[:, 0]


def match(right: Tensor, wrong: Tensor, told: Tensor) -> Tensor:
    """-log of the chance to be right, right ones as much as wrong; of `wrong` (2, B) those `told` (B,) of."""
    apart = F.softplus(wrong.float()).where(told, 0).sum() / (2 * told.sum()).clamp(min=1)
    return (F.softplus(-right.float()).mean() + apart) / 2
