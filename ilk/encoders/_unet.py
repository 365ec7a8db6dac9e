"""The network of a diffusion model (Ronneberger et al. 2015; Ho et al. 2020; Rombach et al. 2022).

Down to small maps and up again, each step up sees the map of its size on the way down; time scales and
shifts every map; on the smallest maps places look at each other and at a context (the words of a prompt).
Its parts stand in the order of diffusers' UNet2DConditionModel, so that weights can be handed over.

Legend: B batch, C channels, h x h cells of a map, W its channels, S tokens of a context, E their width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._attention import Block

GROUPS = 8  # of channels that are evened together: by batch, as elsewhere here, levels of noise would mix
HEAD = 32  # numbers of an attention head
INSTANTS = 1000.0  # of time, as the published models count it


class Net(nn.Module):
    """`widths`: channels of the maps, each half the side of the one before it."""

    def __init__(self, channels: int, widths: tuple[int, ...], context: int | None = None) -> None:
        super().__init__()
        first, last = widths[0], widths[-1]
        self.first, told = first, 4 * first
        self.time = nn.Sequential(nn.Linear(first, told), nn.SiLU(), nn.Linear(told, told))
        self.told = None if context is None else nn.Linear(context, told)
        self.start = nn.Conv2d(channels, first, 3, padding=1)
        self.down = nn.ModuleList(
            _Down(before, after, told, context, deepest=i + 1 == len(widths))
            for i, (before, after) in enumerate(zip((first, *widths), widths))
        )
        self.middle = nn.ModuleList([_Timed(last, last, told), _Mix(last, context), _Timed(last, last, told)])
        rising = widths[::-1]
        self.up = nn.ModuleList(
            _Up(before, after, passed, told, context, deepest=i == 0, top=i + 1 == len(widths))
            for i, (before, after, passed) in enumerate(zip((last, *rising), rising, (*rising[1:], first)))
        )
        self.even = nn.GroupNorm(GROUPS, first)
        self.paint = nn.Conv2d(first, channels, 3, padding=1)
        with torch.no_grad():
            self.paint.weight.mul_(0.1)  # begins near 0, as the mean of what is to be guessed

    def forward(
        self, x: Tensor, t: Tensor, context: Tensor | None = None, allowed: Tensor | None = None
    ) -> Tensor:  # (B, C, h, h), (B,), (B, S, E), (B, S) -> (B, C, h, h)
        told = self._told(t, context, allowed)
        x, passed = self._descend(x, told, context, allowed)  # (B, W, h', h')
        for level in self.up:
            x = level(x, passed, told, context, allowed)
        painted: Tensor = self.paint(F.silu(self.even(x)))
        return painted

    def features(
        self, x: Tensor, t: Tensor, context: Tensor | None = None, allowed: Tensor | None = None
    ) -> Tensor:  # -> (B, W, h', h'), the smallest map
        return self._descend(x, self._told(t, context, allowed), context, allowed)[0]

    def _told(self, t: Tensor, context: Tensor | None, allowed: Tensor | None) -> Tensor:  # (B, 4 * first)
        """Time, and the mean of the context: what it says of the whole picture."""
        told: Tensor = self.time(waves(t * INSTANTS - 1, self.first))
        if self.told is not None and context is not None:
            told = told + self.told(mean_of(context, allowed))
        return told

    def _descend(
        self, x: Tensor, told: Tensor, context: Tensor | None, allowed: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        x = self.start(x)
        passed = [x]
        for level in self.down:
            x = level(x, passed, told, context, allowed)
        one, mix, other = self.middle
        deep: Tensor = other(mix(one(x, told), context, allowed), told)
        return deep, passed


def waves(at: Tensor, width: int) -> Tensor:  # (B,) -> (B, width)
    """Cosines and sines of a number, ever slower (Vaswani et al. 2017)."""
    half = width // 2
    speed = torch.exp(-math.log(10_000.0) * torch.arange(half, device=at.device) / half)
    angle = at[:, None].float() * speed
    return torch.cat([angle.cos(), angle.sin()], 1)


def mean_of(context: Tensor, allowed: Tensor | None) -> Tensor:  # (B, S, E), (B, S) -> (B, E)
    if allowed is None:
        return context.mean(1)
    share = allowed / allowed.sum(1, keepdim=True)  # (B, S)
    return (context * share[..., None]).sum(1)


class _Timed(nn.Module):
    """Two convolutions beside the map itself, scaled and shifted by what the time tells."""

    def __init__(self, before: int, after: int, told: int) -> None:
        super().__init__()
        self.even1, self.conv1 = nn.GroupNorm(GROUPS, before), nn.Conv2d(before, after, 3, padding=1)
        self.told = nn.Linear(told, 2 * after)
        self.even2, self.conv2 = nn.GroupNorm(GROUPS, after), nn.Conv2d(after, after, 3, padding=1)
        self.past = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:  # (B, W, h, h), (B, 4 * first)
        change = self.conv1(F.silu(self.even1(x)))
        scale, shift = self.told(F.silu(told))[..., None, None].chunk(2, 1)  # (B, W, 1, 1) each
        change = self.conv2(F.silu(self.even2(change) * (1 + scale) + shift))
        out: Tensor = self.past(x) + change
        return out


class _Mix(nn.Module):
    """Cells look at each other and at the context."""

    def __init__(self, width: int, context: int | None) -> None:
        super().__init__()
        self.even = nn.GroupNorm(GROUPS, width, 1e-6)
        self.into, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.block = Block(width, max(1, width // HEAD), context=context, eps=1e-5, bias=False)

    def forward(self, x: Tensor, context: Tensor | None, allowed: Tensor | None) -> Tensor:  # (B, W, h, h)
        cells = self.into(self.even(x).flatten(2).mT)  # (B, W, h, h) -> (B, h * h, W)
        seen = None if allowed is None else allowed[:, None, None]  # (B, 1, 1, S)
        change: Tensor = self.out(self.block(cells, context, context_allowed=seen))
        return x + change.mT.reshape(x.shape)


class _Down(nn.Module):
    def __init__(self, before: int, after: int, told: int, context: int | None, *, deepest: bool) -> None:
        super().__init__()
        self.timed = _Timed(before, after, told)
        self.mix = _Mix(after, context) if deepest else None
        self.halve = None if deepest else nn.Conv2d(after, after, 3, 2, 1)

    def forward(
        self, x: Tensor, passed: list[Tensor], told: Tensor, context: Tensor | None, allowed: Tensor | None
    ) -> Tensor:
        x = self.timed(x, told)
        x = x if self.mix is None else self.mix(x, context, allowed)
        passed.append(x)
        if self.halve is not None:
            x = self.halve(x)
            passed.append(x)
        return x


class _Up(nn.Module):
    """`passed`: channels of the map from the level above."""

    def __init__(
        self,
        before: int,
        after: int,
        passed: int,
        told: int,
        context: int | None,
        *,
        deepest: bool,
        top: bool,
    ) -> None:
        super().__init__()
        self.timed = nn.ModuleList([_Timed(before + after, after, told), _Timed(after + passed, after, told)])
        self.mix = nn.ModuleList(_Mix(after, context) for _ in range(2)) if deepest else None
        self.smooth = None if top else nn.Conv2d(after, after, 3, padding=1)

    def forward(
        self, x: Tensor, passed: list[Tensor], told: Tensor, context: Tensor | None, allowed: Tensor | None
    ) -> Tensor:
        for i, timed in enumerate(self.timed):
            x = timed(torch.cat([x, passed.pop()], 1), told)
            x = x if self.mix is None else self.mix[i](x, context, allowed)
        if self.smooth is not None:
            x = self.smooth(F.interpolate(x, passed[-1].shape[2:]))
        return x
