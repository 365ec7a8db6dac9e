"""AdamW, and how fast it goes: warm-up, then half a cosine, over whatever the run is measured in."""

import math
from collections.abc import Iterator

from torch import Tensor, nn
from torch.optim import AdamW

from .recipe import Recipe

_FLOOR = 0.01  # of the learning rate, at the very start: the first step is not for nothing


def adamw(network: nn.Module, recipe: Recipe) -> AdamW:
    """Decays matrices and kernels only: biases and gains have no reason to be small."""
    learnt = [p for _, p in trainable(network)]
    groups = [
        {"params": [p for p in learnt if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learnt if p.ndim < 2], "weight_decay": 0.0},
    ]
    return AdamW([g for g in groups if g["params"]], recipe.learning_rate, recipe.betas, fused=True)


def trainable(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, p) for name, p in network.named_parameters() if p.requires_grad)


def set_rate(optimiser: AdamW, recipe: Recipe, progress: float) -> float:
    rate = recipe.learning_rate * schedule(progress, recipe.warmup)
    for one in optimiser.param_groups:
        one["lr"] = rate
    return rate


def schedule(progress: float, warmup: float) -> float:
    """Share of the learning rate at `progress` in [0, 1)."""
    if progress < warmup:
        return max(_FLOOR, progress / warmup)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
