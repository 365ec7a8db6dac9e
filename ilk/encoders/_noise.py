"""Noise laid over samples little by little, in continuous time: a variance-preserving process.

    x_t = cos(angle) x + sin(angle) e,  e standard normal,  time t from 0 (clean) to 1 (hardly but noise)

It is the solution of the stochastic differential equation dx = -b(t) x / 2 dt + sqrt(b(t)) dw (Song et al.
2021) with cos(angle)^2 = exp(-B(t)), B the integral of b. A schedule says how fast the angle grows with time.

Legend: x a sample, e the noise, v = cos(angle) e - sin(angle) x, the direction in which x_t turns.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..errors import UnknownName

LEAST, MOST = 0.1, 20.0  # b(t) of the linear schedule (Ho et al. 2020: 1e-4 to 0.02 in a thousand steps)
LEFT = math.exp(-(LEAST + MOST) / 4)  # cos(angle) at time 1, about 1/150, of both schedules
OFFSET = 0.008  # of the cosine schedule: the first noise is about as coarse as a byte's steps
GUESSES = ("v", "noise", "clean")


class Schedule(ABC):
    """How far the angle is at a time, and back. Both for tensors of any shape."""

    @abstractmethod
    def angle(self, t: Tensor) -> Tensor: ...

    @abstractmethod
    def time(self, angle: Tensor) -> Tensor: ...


class Linear(Schedule):
    """b(t) grows evenly (Ho et al. 2020)."""

    def angle(self, t: Tensor) -> Tensor:
        whole = LEAST * t + (MOST - LEAST) / 2 * t**2  # B(t)
        return torch.atan2((-torch.expm1(-whole)).sqrt(), (-whole / 2).exp())

    def time(self, angle: Tensor) -> Tensor:
        whole, slope = -2 * angle.cos().log(), MOST - LEAST
        return ((LEAST**2 + 2 * slope * whole).sqrt() - LEAST) / slope


class Cosine(Schedule):
    """The angle grows (nearly) evenly (Nichol & Dhariwal 2021), but ends where the linear one does.

    Theirs ends at nothing but noise, of which a guess of the noise tells nothing.
    """

    first = OFFSET / (1 + OFFSET) * math.pi / 2
    last = math.acos(LEFT * math.cos(first))

    def angle(self, t: Tensor) -> Tensor:
        turn = self.first + t * (self.last - self.first)
        # sin(angle)^2 = 1 - cos(turn)^2 / cos(first)^2, written so that small angles keep their digits
        sine = ((turn - self.first).sin() * (turn + self.first).sin()).sqrt()
        return torch.atan2(sine, turn.cos())

    def time(self, angle: Tensor) -> Tensor:
        turn = (angle.cos() * math.cos(self.first)).acos()
        return (turn - self.first) / (self.last - self.first)


SCHEDULES: dict[str, Schedule] = {"linear": Linear(), "cosine": Cosine()}


def schedule_of(name: str) -> Schedule:
    if name not in SCHEDULES:
        raise UnknownName("schedule of noise", name, SCHEDULES)
    return SCHEDULES[name]


def noised(x: Tensor, noise: Tensor, angle: Tensor) -> Tensor:
    return angle.cos() * x + angle.sin() * noise


def truth(x: Tensor, noise: Tensor, angle: Tensor, guess: str) -> Tensor:
    """What a network is to guess."""
    if guess == "noise":
        return noise
    return x if guess == "clean" else angle.cos() * noise - angle.sin() * x


def clean_of(seen: Tensor, guess: Tensor, angle: Tensor, kind: str) -> Tensor:
    """The sample that follows from what is seen and the network's guess."""
    if kind == "noise":
        return (seen - angle.sin() * guess) / angle.cos()
    return guess if kind == "clean" else angle.cos() * seen - angle.sin() * guess
