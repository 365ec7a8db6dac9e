"""Which samples a step learns from: a new permutation each epoch, the same in every process and rerun."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..console import say
from ..errors import DataError
from .recipe import Recipe

_ENOUGH = 1024  # held-out samples: the health figures are no sharper with more
_TINY = 64  # below this many samples all are needed for learning


@dataclass(frozen=True)
class Order:
    train: np.ndarray  # rows of the source to learn from
    held: np.ndarray  # rows never learnt from; empty when the data are tiny
    batch: int  # over all processes: how many they are changes no step
    accumulate: int
    world: int
    seed: int

    @property
    def samples(self) -> int:
        """Of a step, over all batches and processes."""
        return self.batch * self.accumulate

    @property
    def steps(self) -> int:
        """Of an epoch; what is left over differs from epoch to epoch."""
        return len(self.train) // self.samples

    def rows(self, step: int, part: int, rank: int) -> np.ndarray:
        """This process's share of a batch of the step: (batch / world,) rows of the source."""
        epoch, position = divmod(step, self.steps)
        share = self.batch // self.world
        start = position * self.samples + part * self.batch + rank * share
        rows: np.ndarray = self.train[_permutation(self.seed, epoch, len(self.train))[start : start + share]]
        return rows


def plan(n: int, recipe: Recipe, world: int) -> Order:
    """Splits `n` samples; a batch is made smaller, aloud, where a step cannot be filled or shared evenly."""
    shuffled = np.random.default_rng([recipe.seed, n]).permutation(n)
    held = 0 if n < _TINY or recipe.held_out == 0 else min(_ENOUGH, max(16, round(recipe.held_out * n)))
    filled = min(recipe.batch, (n - held) // recipe.accumulate)
    batch = filled - filled % world
    if filled < min(2, recipe.batch) * world or n < 2:
        raise DataError(
            f"{n} samples are too few for {recipe.accumulate * world} batches a step"
            if filled < recipe.batch or n < 2
            else f"a batch of {recipe.batch} is too few for {world} processes",
            "Give more data, a larger batch, fewer processes or accumulate=1. Learning needs two samples.",
        )
    if filled < recipe.batch:
        say(f"{n - held} samples to learn from: the batch is {batch} instead of {recipe.batch}.")
    elif batch < filled:
        say(f"{filled} samples cannot be shared evenly by {world} processes: the batch is {batch}.")
    return Order(
        np.sort(shuffled[held:]), np.sort(shuffled[:held]), batch, recipe.accumulate, world, recipe.seed
    )


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, 1 + epoch]).permutation(n)
