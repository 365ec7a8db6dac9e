"""What DINO and iBOT share: a student names what a slow copy of it sees, by prototypes that nobody gave.

Two forces keep the answers apart. The teacher's mean answer, the centre, is taken off, so that no prototype
wins always; and the teacher is sharper than the student, so that they do not all win alike.

Legend: K prototypes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..encoders import Encoder
from ._base import Objective
from ._teacher import Teacher, towards_one, warmed


class Naming(Objective):
    """Whoever is one gives `head` and `teacher`, and a `centre` (..., K) as a buffer."""

    centre: Tensor
    head: nn.Module
    teacher: Teacher[Any]

    def __init__(
        self,
        encoder: Encoder,
        prototypes: int,
        temperature: float,
        teacher: tuple[float, float, float],
        momentum: float,
        centre_momentum: float,
        projector: tuple[int, ...],
    ) -> None:
        """`teacher`: its temperature, the one it starts from, and the share of the run that it warms up."""
        super().__init__()
        self.encoder, self.prototypes, self.projector = encoder, prototypes, projector
        self.temperature, self.momentum, self.centre_momentum = temperature, momentum, centre_momentum
        self.teacher_temperature, self.teacher_start, self.warmup = teacher

    def sharp(self, answers: Tensor, centre: Tensor, progress: float) -> Tensor:
        """The teacher's probabilities (..., K)."""
        cold = warmed(self.teacher_start, self.teacher_temperature, self.warmup, progress)
        return ((answers - centre) / cold).softmax(-1)

    def log(self, answers: Tensor) -> Tensor:
        """The logarithm of the student's probabilities (..., K)."""
        return (answers / self.temperature).log_softmax(-1)

    @torch.no_grad()
    def follow(self, mean: Tensor, progress: float) -> None:
        """After a step in which the teacher's mean answer, of all processes, was `mean`."""
        self.centre.lerp_(mean, 1 - self.centre_momentum)
        self.teacher.follow(self.encoder, self.head, towards_one(self.momentum, progress))
