"""Draws from densities that are known but for a factor, by Hamiltonian dynamics (Neal 2011).

A point rolls over the energy (minus the logarithm of the density) with a momentum drawn anew each time. The
path is followed by leapfrog steps; what these get wrong is made good by Metropolis' choice, so that the draws
are of the density itself, not of something near it. A path of one step is the Metropolis-adjusted Langevin
algorithm; here a path is about as long as the density is wide, so that each draw is far from the last.

Many densities are drawn from at once, each by several chains, and all of it is one batch of points. In the
warm-up each density finds its own length of a step (dual averaging: Hoffman & Gelman 2014) and its own shape
(the covariance of what all of its chains have drawn), by its chains together.

Legend: P densities, c chains of each, D dimensions, s draws of a chain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from ..console import progress

WANTED = 0.8  # share of paths accepted: what the length of a step is made for
LONGEST = 24  # steps of a path
COOLED = 0.3  # of the warm-up, until the whole of the likelihood counts
COOL = 0.02  # share of it that counts at first: chains find their way before valleys are deep
WINDOWS = (0.1, 0.2, 0.3, 0.5, 0.75)  # of the warm-up: where a shape is told from the draws since the last
LEAN = 5.0  # a shape counts as if so many of its draws were of dimensions that know nothing of each other

Energy: TypeAlias = Callable[[Tensor, float], Tensor]  # points (P, c, D), share of likelihood -> (P, c)


@dataclass(frozen=True)
class Drawn:
    points: Tensor  # (P, c, s, D)
    accepted: Tensor  # (P,) share of the paths


def sample(energy: Energy, start: Tensor, *, warmup: int, draws: int, chance: torch.Generator) -> Drawn:
    """From `start` (P, c, D). `energy` may give infinity or no number where nothing can be."""
    walk = _Walk(energy, start, chance)
    turns = {int(share * warmup) for share in WINDOWS}
    kept: list[Tensor] = []
    accepted = []
    with progress("drawing from the posterior", warmup + draws) as bar:
        for i in range(warmup):
            if i in turns and kept:
                walk.reshape(torch.cat(kept, 1))
                kept = []
            walk.learn(COOL ** max(0.0, 1 - i / (COOLED * warmup)))
            kept.append(walk.at)
            bar.advance()
        kept = []
        for _ in range(draws):
            accepted.append(walk.go())
            kept.append(walk.at)
            bar.advance()
    return Drawn(torch.stack(kept, 2), torch.stack(accepted).mean(0))


class _Walk:
    def __init__(self, energy: Energy, start: Tensor, chance: torch.Generator) -> None:
        self.energy, self.at, self.chance = energy, start, chance
        P, _, D = start.shape
        self.shape = torch.eye(D, dtype=start.dtype).expand(P, D, D)  # lower: times its transpose, covariance
        self.pace = _Pace(start.new_full((P,), D**-0.25))
        self.share = math.nan  # for which these two were seen
        self.height, self.slope = start.new_empty(0), start.new_empty(0)  # (P, c), (P, c, D)

    def learn(self, share: float) -> None:
        if share != self.share:
            self.share = share
            self.height, self.slope = self._looked(self.at)
        self.pace.learn(self._path(self.pace.now)[0].mean(1))

    def go(self) -> Tensor:
        """One path of every chain; the share of each density's that were accepted (P,)."""
        return self._path(self.pace.mean)[1].to(self.at.dtype).mean(1)

    def reshape(self, x: Tensor) -> None:
        """To the covariance of draws (P, m, D)."""
        x = x - x.mean(1, keepdim=True)
        whole = x.mT @ x / (x.shape[1] - 1)
        own = torch.diag_embed(whole.diagonal(dim1=1, dim2=2).clamp(min=1e-12))
        lean = LEAN / (LEAN + x.shape[1])
        self.shape = torch.linalg.cholesky((1 - lean) * whole + lean * own)
        self.pace = _Pace(x.new_full((len(x),), x.shape[2] ** -0.25))

    def _path(self, pace: Tensor) -> tuple[Tensor, Tensor]:
        """How likely its end was to be accepted (P, c), and whether it was."""
        step = pace[:, None, None]
        length = math.pi * torch.rand((), generator=self.chance).item()  # on average a quarter of a turn
        leaps = max(1, min(LONGEST, math.ceil(length / float(pace.median()))))
        z, height, slope = self.at, self.height, self.slope
        start = torch.randn(z.shape, generator=self.chance, dtype=z.dtype)
        p = start - step / 2 * (slope @ self.shape)
        for left in reversed(range(leaps)):
            z = z + step * (p @ self.shape.mT)
            height, slope = self._looked(z)
            p = p - (step if left else step / 2) * (slope @ self.shape)
        gain = self.height - height + (start.square() - p.square()).sum(-1) / 2
        chance = torch.where(gain.isfinite(), gain, -torch.inf).clamp(max=0).exp()  # (P, c)
        won = torch.rand(chance.shape, generator=self.chance, dtype=z.dtype) < chance
        self.at = torch.where(won[..., None], z, self.at)
        self.height = torch.where(won, height, self.height)
        self.slope = torch.where(won[..., None], slope, self.slope)
        return chance, won

    def _looked(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The energy (P, c) and its slope (P, c, D)."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            found = self.energy(z, self.share)
            (slope,) = torch.autograd.grad(found.sum(), z)
        return found.detach(), slope


class _Pace:
    """The length of a step of each density (P,): it grows where more is accepted than wanted."""

    def __init__(self, first: Tensor) -> None:
        self.now, self.mean = first, first
        self.aim, self.off, self.n = (10 * first).log(), torch.zeros_like(first), 0

    def learn(self, accepted: Tensor) -> None:
        """Hoffman & Gelman 2014, algorithm 5, with their constants."""
        self.n += 1
        share, weight = 1 / (self.n + 10), self.n**-0.75
        self.off = (1 - share) * self.off + share * (WANTED - accepted)
        log = self.aim - math.sqrt(self.n) / 0.05 * self.off
        self.now = log.exp()
        self.mean = (weight * log + (1 - weight) * self.mean.log()).exp()
