"""From noise to pictures: one sampler, in the view of stochastic differential equations (Song et al. 2021).

Noise is laid over a sample x by dx = -b x / 2 dt + sqrt(b) dw, which keeps its variance; at an angle a (see
encoders/_noise.py) it stands as z = cos(a) x + sin(a) e. All that a model has learnt is `clean(z)`, the mean
of the x that may lie under z; it gives the noise, e = (z - cos(a) x) / sin(a), and the score, -e / sin(a).

There are two ways back from noise that pass through the same distributions at every angle:

    dx = (-b x / 2 - b score) dt + sqrt(b) dw      chance in reverse
    dx = (-b x / 2 - b score / 2) dt               the flow of probability: no chance but the first noise

As an equation of the angle the second one is plain, dz/da = cos(a) e - sin(a) x: z turns from e to x. Between
two looks at the model, at a0 and a1 < a0, with x held fast, it is solved exactly:

    z1 = (sin(a1) z0 + sin(a0 - a1) x) / sin(a0)

ddim  that, with x as it is seen at a0 (Song, Meng & Ermon 2021): the error falls with the number of steps
dpm   with x gone on from the last two looks, along log cot(a): DPM-Solver++ (2M; Lu et al. 2022); the error
      falls with the square of the number of steps, for one look a step
heun  with the mean of x as it is seen at a0 and at a1: the square too, two looks a step
ddpm  chance in reverse, with x held fast: what z1 is, given z0 and x, is drawn (Ho, Jain & Abbeel 2020)

The angles of the looks are evenly spaced. At the last one, x is taken as it is seen.

Legend: B samples, of any shape.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from ..encoders._noise import Schedule, noised
from ..errors import OptionError, UnknownName

SAMPLERS = ("dpm", "heun", "ddim", "ddpm")
LAST = 1e-3  # the time of the last look

Clean: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # z (B, ...), its times (B,) -> x (B, ...)


def solve(
    clean: Clean,
    schedule: Schedule,
    z: Tensor,
    *,
    sampler: str = "dpm",
    steps: int = 25,
    begin: float = 1.0,
    chance: torch.Generator | None = None,
) -> Tensor:
    """Samples x out of z (B, ...), which is as noisy as at the time `begin`. `chance` is for ddpm."""
    if sampler not in SAMPLERS:
        raise UnknownName("sampler", sampler, SAMPLERS)
    if steps < 1 or not LAST < begin <= 1:
        raise OptionError(f"steps is {steps}, from the time {begin}", "Give 1 step or more, and a time to 1.")
    first, last = schedule.angle(torch.tensor([begin, LAST], dtype=torch.float64))
    angles = torch.linspace(first, last, steps + 1)
    times = schedule.time(angles).tolist()

    def look(z: Tensor, i: int) -> Tensor:
        return clean(z, z.new_full((len(z),), times[i]))

    before: tuple[float, Tensor] | None = None  # how far the last step went, and what was seen
    for i, (a0, a1) in enumerate(pairwise(angles.tolist())):
        x = look(z, i)
        if sampler == "ddpm":
            z = drawn(z, x, a0, a1, chance)
            continue
        far = math.log(math.tan(a0) / math.tan(a1))
        seen = x
        if sampler == "heun":
            x = (x + look(turned(z, x, a0, a1), i + 1)) / 2
        elif sampler == "dpm" and before is not None:
            x = x + (x - before[1]) * far / (2 * before[0])
        z, before = turned(z, x, a0, a1), (far, seen)
    return look(z, steps)


def turned(z: Tensor, x: Tensor, a0: float, a1: float) -> Tensor:
    """z from a0 to a1 towards x, which is held fast."""
    return (math.sin(a1) * z + math.sin(a0 - a1) * x) / math.sin(a0)


def drawn(z: Tensor, x: Tensor, a0: float, a1: float, chance: torch.Generator | None) -> Tensor:
    """What may have been at a1, given z at a0 and x: a normal distribution."""
    ratio = math.cos(a0) / math.cos(a1)
    added = math.sin(a0) ** 2 - (ratio * math.sin(a1)) ** 2  # variance of the noise laid on between a1 and a0
    mean = (ratio * math.sin(a1) ** 2 * z + math.cos(a1) * added * x) / math.sin(a0) ** 2
    spread = math.sqrt(added) * math.sin(a1) / math.sin(a0)
    noise = torch.randn(z.shape, generator=chance, dtype=z.dtype, device=z.device)
    return mean + spread * noise


def guided(told: Clean, untold: Clean, guidance: float) -> Clean:
    """Further from what would be seen with nothing told (Ho & Salimans 2022); 1: as told, 0: as untold."""
    if guidance == 1:
        return told
    if guidance == 0:
        return untold

    def clean(z: Tensor, t: Tensor) -> Tensor:
        other = untold(z, t)
        return other + guidance * (told(z, t) - other)

    return clean


def within(clean: Clean, x: Tensor, mask: Tensor) -> Clean:
    """What is seen where the mask is 1; elsewhere it is known to be x."""

    def seen(z: Tensor, t: Tensor) -> Tensor:
        return mask * clean(z, t) + (1 - mask) * x

    return seen


def from_picture(x: Tensor, noise: Tensor, schedule: Schedule, strength: float) -> Tensor:
    """x under as much noise as there is at the time `strength`, to begin from (Meng et al. 2022)."""
    return noised(x, noise, schedule.angle(x.new_full((), strength)))
