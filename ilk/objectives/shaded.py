"""Contrast on main axes: a picture stays where it is when light and shade pass over it.

What one picture shows once and another time not (a cloud, a hot spot, turbulence) moves along the same main
axes as what it is. So smooth random shades are laid over every picture, its place, turn and size are measured
again where they were taken out of the source (a shade moves those too), and a small network learns to bring
the shades of one picture together and those of different ones apart: cross-entropy over distances, as in
InfoNCE (van den Oord, Li & Vinyals 2018). It looks at main axes, not at pixels: seconds, not minutes.

Legend: n pictures, B batch, V versions of a picture, E axes, D dimensions of a vector, C x H x W pixels.
"""

from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..console import progress
from ..encoders import Encoder, build, encode
from ..encoders.bent import Bent
from ..encoders.projected import project
from ..source import Source
from ..source.normalise import normalise
from ._base import ClosedForm

VERSIONS = 4  # shaded ones of each picture, beside the picture itself
MOST = 20_000  # pictures that are shaded
SIDE = 32  # pixels a side that are looked at: shades are smooth, and finer grain is noise
SMOOTH = 0.1  # width of the shades' Gaussian, share of the picture's shorter side
NOISE = 0.3  # of the axes' spread, added anew at every step
TEMPERATURE = 0.5
BATCH, RATE, DECAY = 512, 2e-3, 1e-2
_ROWS = 1024  # pictures held in memory at once


class Shaded(ClosedForm):
    """`dim` numbers that say of a picture what smooth light and shade over it do not change.

    shade  the shades' standard deviation, of the brightness's logarithm, is drawn up to this
    axes   main axes the network looks at, half whitened
    """

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 10, shade: float = 0.3, axes: int = 40, steps: int = 500) -> None:
        self.dim, self.shade, self.axes, self.steps = dim, shade, axes, steps

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        axes = project(build("pixels", source.traits, largest=SIDE), source, self.axes, whiten=0.5)
        rows = np.random.default_rng(seed).permutation(len(source))[:MOST]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            seen = self._seen(axes, source, np.sort(rows))  # (V, n, E)
            encoder = Bent(axes, self.dim)
            encoder.spread.fill_(float(seen[0].std(0, correction=0).mean()) or 1.0)
            self._learn(encoder, seen / encoder.spread)
        return encoder.eval()

    def _seen(self, axes: Encoder, source: Source, rows: np.ndarray) -> Tensor:
        """Each picture and its shaded versions on the axes; (V, n, E)."""
        parts = []
        with progress("shading", len(rows)) as bar:
            for start in range(0, len(rows), _ROWS):
                x = source.batch(rows[start : start + _ROWS])
                versions = [x, *(_again(source, x, self._shaded(x)) for _ in range(VERSIONS))]
                parts.append(torch.stack([encode(axes, v) for v in versions]))
                bar.advance(len(x))
        return torch.cat(parts, 1)

    def _shaded(self, x: Tensor) -> Tensor:  # (B, C, H, W), the channels alike
        depth = self.shade * torch.rand(len(x), 1, 1, 1)
        return x * (depth * _smooth(x)).exp()

    def _learn(self, encoder: Bent, seen: Tensor) -> None:
        n, size = seen.shape[1], min(BATCH, seen.shape[1])
        learnt = [*encoder.straight.parameters(), *encoder.bend.parameters()]
        optimiser = torch.optim.AdamW(learnt, RATE, weight_decay=DECAY)
        pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=self.steps)
        same = torch.arange(size)
        with progress("contrast", self.steps) as bar:
            for _ in range(self.steps):
                rows = torch.randperm(n)[:size]
                which = torch.randint(0, len(seen), (2, size))
                x = seen[which, rows].flatten(0, 1)  # (2B, E)
                a, b = encoder.mapped(x + NOISE * torch.randn_like(x)).chunk(2)  # (B, D) each
                apart = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T  # (B, B)
                near = -apart / TEMPERATURE
                loss = F.cross_entropy(near, same) + F.cross_entropy(near.T, same)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                pace.step()
                bar.advance()


def _smooth(x: Tensor) -> Tensor:
    """Gaussian random fields of mean 0 and spread 1; (B, 1, H, W)."""
    high, wide = x.shape[2:]
    width = SMOOTH * min(high, wide)
    waves = torch.fft.fftfreq(high)[:, None] ** 2 + torch.fft.rfftfreq(wide) ** 2
    blur = torch.exp(-2 * (torch.pi * width) ** 2 * waves)
    field = torch.fft.irfft2(torch.fft.rfft2(torch.randn(len(x), 1, high, wide)) * blur, s=(high, wide))
    field = field - field.mean((2, 3), keepdim=True)
    even: Tensor = field / field.std((2, 3), keepdim=True).clamp_min(1e-12)
    return even


def _again(source: Source, x: Tensor, shaded: Tensor) -> Tensor:
    """Normalised again as the source was, and as bright as the picture was."""
    options: Any = source.reading.get("normalise")
    if options is None:
        return shaded
    done = torch.from_numpy(normalise(shaded.numpy(), **options)[0])
    was, now = x.sum((1, 2, 3), keepdim=True), done.sum((1, 2, 3), keepdim=True)
    return done * torch.where(now > 0, was / now.clamp_min(1e-12), 1.0)
