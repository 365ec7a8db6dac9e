"""A teacher: a copy of the student that follows it slowly. No gradient ever reaches it."""

import math
from copy import deepcopy
from typing import Generic, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..encoders import Encoder

E = TypeVar("E", bound=Encoder)


class Teacher(nn.Module, Generic[E]):
    """An encoder and a head whose every tensor is the moving average of the student's.

    That includes the statistics of batch norm, by which the teacher would stand on its own feet
    (Cai et al. 2021). While learning it goes by the batch, as the student does.
    """

    def __init__(self, encoder: E, head: nn.Module) -> None:
        super().__init__()
        self.encoder: E = deepcopy(encoder)
        self.head = deepcopy(head)
        self.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.momentum = 0.0  # its own batches leave no trace: `follow` alone moves it
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Nothing is dropped at random: only batch norm is told that this is learning."""
        super().train(False)
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.training = mode
        return self

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:  # (B, ...) -> (B, d)
        z: Tensor = self.head(self.encoder(x))
        return z

    @torch.no_grad()
    def follow(self, encoder: nn.Module, head: nn.Module, momentum: float) -> None:
        """momentum * teacher + (1 - momentum) * student; what is counted is copied."""
        for mine, theirs in ((self.encoder, encoder), (self.head, head)):
            follow(mine, theirs, momentum)


@torch.no_grad()
def follow(mine: nn.Module, theirs: nn.Module, momentum: float) -> None:
    """Each tensor: momentum * mine + (1 - momentum) * theirs; what is counted is copied."""
    student = theirs.state_dict()
    for name, tensor in mine.state_dict().items():
        if tensor.is_floating_point():
            tensor.lerp_(student[name], 1 - momentum)
        else:
            tensor.copy_(student[name])


def towards_one(momentum: float, progress: float) -> float:
    """Half a cosine from `momentum` to 1 (Grill et al. 2020): what is well learnt is forgotten slowly."""
    return 1 - (1 - momentum) * (1 + math.cos(math.pi * progress)) / 2


def warmed(first: float, last: float, share: float, progress: float) -> float:
    """From the first to the last number, evenly over the first `share` of the run."""
    return last if progress >= share else first + (last - first) * progress / share
