"""AdamW, and how fast it goes: warm-up, then half a cosine, over whatever the run is measured in."""

import math
from collections.abc import Iterator

from torch import Tensor, nn
from torch.optim import AdamW

from ..objectives import Objective
from .recipe import Recipe

_FLOOR = 0.01  # of the learning rate, at the very start: the first step is not for nothing


def adamw(objective: Objective, recipe: Recipe) -> AdamW:
    """Each weight at its own pace. Decays matrices and kernels only: biases and gains need not be small."""
    alike: dict[tuple[float, bool], list[Tensor]] = {}
    for name, p in trainable(objective):
        alike.setdefault((objective.pace(name), p.ndim >= 2), []).append(p)
    groups = [
        {"params": weights, "pace": pace, "weight_decay": recipe.weight_decay if decays else 0.0}
        for (pace, decays), weights in alike.items()
    ]
    return AdamW(groups, recipe.learning_rate, _betas(objective, recipe), fused=True)


def _betas(objective: Objective, recipe: Recipe) -> tuple[float, float]:
    """Those of the recipe, if they were chosen; else with the first that the objective asks for."""
    if objective.inertia is None or recipe.betas != Recipe.betas:
        return recipe.betas
    return objective.inertia, recipe.betas[1]


def trainable(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return ((name, p) for name, p in network.named_parameters() if p.requires_grad)


def set_rate(optimiser: AdamW, recipe: Recipe, progress: float) -> float:
    rate = recipe.learning_rate * schedule(progress, recipe.warmup)
    for one in optimiser.param_groups:
        one["lr"] = rate * one["pace"]
    return rate


def schedule(progress: float, warmup: float) -> float:
    """Share of the learning rate at `progress` in [0, 1)."""
    if progress < warmup:
        return max(_FLOOR, progress / warmup)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
