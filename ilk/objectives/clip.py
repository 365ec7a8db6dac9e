"""CLIP (Radford et al. 2021): a picture and its caption find each other among those of all others.

softmax  each picks its other half out of the batch, by cross-entropy, both ways
sigmoid  each picture and each caption: do they belong together? (SigLIP, Zhai et al. 2023)

Pairs with the same caption are not each other's opposites: between them nothing is asked.

Legend: B pairs on this process, N on all of them, D dimensions.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..encoders.two import Two
from ..errors import OptionError, UnknownName
from ..source import Source
from ..source.pairs import Pairs
from ..source.views import Views
from ._base import Objective
from ._cached import in_parts
from ._gather import gather, rank

LOSSES = ("softmax", "sigmoid")
STEEPEST = math.log(100)  # of the learnt scale: beyond, a step goes astray
FIRST = {"softmax": 1 / 0.07, "sigmoid": 10.0}  # scale of cosines, as in the papers
SELDOM = -10.0  # log odds of belonging together before anything is learnt, as in the paper


class CLIP(Objective):
    """`how`: softmax or sigmoid. The temperature is learnt; `temperature` is where it begins.

    augment  how pictures are changed while it learns (see `ilk.source.views`); None: not at all
    part     so many pairs go through the networks at once, in their memory alone, however large the batch
             (see `_cached`); None: all of them
    """

    kind: ClassVar[str] = "pairs"
    level: ClassVar[bool] = False  # evening the one half's vectors would move it away from the other
    encoder: Two

    def __init__(
        self,
        encoder: Two,
        *,
        how: str = "softmax",
        temperature: float | None = None,
        augment: str | None = "captioned",
        part: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Two):
            raise OptionError(
                f"{type(encoder).__name__} takes pictures or words", "Give both: Two(pictures, words)."
            )
        if how not in LOSSES:
            raise UnknownName("loss of clip", how, LOSSES)
        if temperature is not None and not temperature >= 0.01:
            raise OptionError(f"temperature is {temperature}", "Give 0.01 or more.")
        if part is not None and part < 1:
            raise OptionError(f"part is {part}", "Give 1 pair or more.")
        self.encoder, self.how, self.temperature, self.augment = encoder, how, temperature, augment
        self.part = part
        first = FIRST[how] if temperature is None else 1 / temperature
        self.scale = nn.Parameter(torch.tensor(math.log(first)))
        self.odds = nn.Parameter(torch.tensor(SELDOM)) if how == "sigmoid" else None
        encoder.scale.fill_(first)
        self.views = Shown(augment)

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        pictures, captions = views
        a, b = (in_parts(self.encoder, x, self.part) for x in (pictures, captions))  # 2 x (B, D)
        codes = numbered(captions).to(a.device)
        with torch.autocast(a.device.type, enabled=False):  # a cosine times a hundred needs its digits
            a, b, scale = a.float(), b.float(), self.scale.exp()
            if self.odds is None:
                return {"contrast": softmax(a, b, codes, scale)}
            return {"contrast": sigmoid(a, b, codes, scale, self.odds)}

    def content(self, source: Source, encoder: Encoder) -> Source:
        """The pictures, to be searched with words."""
        return source.pictures if isinstance(source, Pairs) else source

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        self.scale.clamp_(max=STEEPEST)
        self.encoder.scale.fill_(self.scale.exp().item())


class Shown:
    """Views of pairs: the pictures changed, the captions as they are."""

    def __init__(self, augment: str | None) -> None:
        self.change = None if augment is None else Views(augment, copies=1)

    def __call__(self, batch: tuple[Tensor, list[str]]) -> tuple[Tensor, list[str]]:
        pictures, captions = batch
        return pictures if self.change is None else self.change(pictures)[0], captions


def softmax(a: Tensor, b: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """Rows of `a` and `b` (B, D) are of length 1; `codes` (B,): which captions are the same."""

    def pick(rows: Tensor, others: Tensor) -> Tensor:
        logits = rows @ gather(others).T * scale  # (B, D) x (D, N) -> (B, N)
        return F.cross_entropy(logits.masked_fill(~own & same, -torch.inf), own.int().argmax(1))

    own, same = _matches(codes)
    return (pick(a, b) + pick(b, a)) / 2


def sigmoid(a: Tensor, b: Tensor, codes: Tensor, scale: Tensor, odds: Tensor) -> Tensor:
    """As above; the sum over all captions, averaged over the pictures."""
    own, same = _matches(codes)
    logits = a @ gather(b).T * scale + odds  # (B, N)
    asked = F.softplus(torch.where(own, -logits, logits))  # -log sigmoid(+-logits)
    return asked.masked_fill(~own & same, 0).sum() / len(a)


def numbered(captions: Sequence[str]) -> Tensor:  # (B,) int64
    """The same number for the same caption, in every process."""
    digests = (hashlib.blake2b(c.encode("utf-8", "replace"), digest_size=8).digest() for c in captions)
    return torch.tensor([int.from_bytes(d, "big", signed=True) for d in digests], dtype=torch.int64)


def _matches(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Of each of the own B pairs and all N: whether they are one pair; whether they say the same (B, N)."""
    everyone = gather(codes)
    at = rank() * len(codes) + torch.arange(len(codes), device=codes.device)
    own = at[:, None] == torch.arange(len(everyone), device=codes.device)
    return own, codes[:, None] == everyone
