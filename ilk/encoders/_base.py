"""What every encoder is: a network that turns a batch of samples into vectors."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F


class Encoder(nn.Module, ABC):
    """The constructor's keywords are the configuration: stored unchanged, JSON-able (or an Encoder)."""

    kind: ClassVar[str] = ""  # of data that it takes; empty: its keywords tell, or any
    dim: int  # D

    @abstractmethod
    def forward(self, x: Any) -> Tensor:  # batch -> (B, D)
        ...


class TokenEncoder(Encoder, ABC):
    """An encoder that also gives a vector for each token (patch, word), for objectives that mask.

    Legend: B batch, P patches, T = specials + P tokens, D the tokens' width (`token_dim`).
    """

    specials: int  # CLS and register tokens, which come first
    grid: tuple[int, int]  # rows and columns of patches, at the size it was made for
    patch: int  # pixels a side
    token_dim: int  # D: of a token; the vector of `forward` has `dim`

    @abstractmethod
    def tokens(
        self,
        x: Any,
        *,
        keep: Tensor | None = None,
        masked: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # batch -> (B, T, D)
        """`keep` (B, K): indices of the patches to be looked at, the others are left out (T = specials + K).

        `masked` (B, P): True for patches replaced by the vector `mask` (D,), or by zeros. A learnt mask is
        the objective's own, as heads are: nobody needs it after.
        """

    @abstractmethod
    def vector(self, tokens: Tensor) -> Tensor:  # (B, T, D) -> (B, dim)
        """What `forward` makes of these tokens."""

    @abstractmethod
    def attention(self, x: Any) -> list[Tensor]:
        """The weights of each layer, (B, heads, T, T), from a token (third) to those it looks at."""


class MapEncoder(Encoder, ABC):
    """An encoder that also gives maps of what it sees, for what finds things at their places.

    Legend: B batch, w channels of a map, s pixels to a cell of it; H / s is rounded up.
    """

    strides: tuple[int, ...]  # s of each map, the finest first
    widths: tuple[int, ...]  # w of each
    head: nn.Module  # of the vector alone: the maps are made without it
    channels: int  # C

    @abstractmethod
    def maps(self, x: Tensor) -> list[Tensor]:  # (B, C, H, W) -> (B, w, H / s, W / s) each
        ...

    @abstractmethod
    def vector(self, maps: list[Tensor]) -> Tensor:  # -> (B, dim)
        """What `forward` makes of these maps."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, dim)
        return self.vector(self.maps(x))


def grid_of(x: Tensor, patch: int) -> tuple[int, int]:
    """Rows and columns of patches of pictures (B, C, H, W)."""
    return -(-x.shape[2] // patch), -(-x.shape[3] // patch)


def patchify(x: Tensor, patch: int) -> Tensor:  # (B, C, H, W) -> (B, P, C * patch * patch)
    """Patches row by row. A side that is no multiple of `patch` is first widened evenly, with zeros."""
    return F.unfold(F.pad(x, _margins(x.shape[2], x.shape[3], patch)), patch, stride=patch).mT


def unpatchify(patches: Tensor, patch: int, height: int, width: int) -> Tensor:
    """The way back: (B, P, C * patch * patch) -> (B, C, height, width)."""
    left, right, top, bottom = _margins(height, width, patch)
    whole = (top + height + bottom, left + width + right)
    x = F.fold(patches.mT, whole, patch, stride=patch)
    return x[..., top : top + height, left : left + width]


def _margins(height: int, width: int, patch: int) -> tuple[int, int, int, int]:
    """What is missing to whole patches: left, right, top, bottom."""
    across, down = -width % patch, -height % patch
    return across // 2, across - across // 2, down // 2, down - down // 2
