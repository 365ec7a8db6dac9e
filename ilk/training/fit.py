"""The one loop: an objective, a source and a recipe in; a trained encoder and a run folder out.

A run folder holds
    recipe.json             what was asked, frozen
    metrics.jsonl           one line a step: the losses; one line a check: health
    checkpoint.safetensors  the last moment that a run goes on from after a kill
    encoder.*, decoder.*    the best so far
    health.json             the verdict

Exact resume needs no random state: every step seeds torch anew from (seed, step), and the order of the
samples is a function of (seed, epoch).
"""

import math
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..console import Bar, progress
from ..encoders import Encoder
from ..encoders._embed import move
from ..encoders._precision import precision
from ..objectives import Objective
from ..source import Source
from ..source._prefetch import prefetched
from . import distributed
from .failure import enough_memory, not_a_number
from .folder import Folder, State
from .interrupt import interruptible
from .layout import channels_last, kernels_channels_last
from .optimiser import adamw, set_rate
from .order import Order, plan
from .recipe import Recipe
from .watch import Watch

_TWO_MINUTES = Recipe()


def fit(
    objective: Objective,
    source: Source,
    recipe: Recipe = _TWO_MINUTES,
    *,
    run: Path,
    resume: bool = True,
    watch: Watch | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Encoder:
    """Trains `objective.encoder` and returns the best one met, in evaluation mode.

    Kill it whenever you like: the same call goes on from the last checkpoint in `run`. Ctrl-C ends it
    after the step, with the encoder learnt so far. `watch` says what is measured on the held-out samples.
    `clock`: by what the recipe's minutes are counted, in seconds; `time.process_time` counts this process's
    work alone, however busy the machine is otherwise.
    """
    with distributed.group() as (rank, world), interruptible() as wish:
        order = plan(len(source), recipe, world)
        device = distributed.device()
        kernels_channels_last(objective.to(device).train())
        optimiser = adamw(objective, recipe)
        folder = Folder(Path(run), objective, optimiser, writes=rank == 0)
        state = folder.open(source, recipe, world, resume=resume)
        together = distributed.Parallel(objective, world)

        started = clock() - state.elapsed
        done, stopping = recipe.progress(state.step, state.elapsed, order.steps), False
        batches = _batches(objective, source, order, rank, state.step, device)
        with prefetched(batches) as ready, progress("learning", 1.0) as bar:
            meter = _Meter(bar, order.samples, done)
            while done < 1 and not stopping:
                rate = set_rate(optimiser, recipe, done)
                optimiser.zero_grad()
                parts: list[Tensor] = []  # losses, by term
                for part in range(order.accumulate):
                    batch, known = meter.wait(ready)
                    torch.manual_seed(_mix(recipe.seed, state.step, part, rank))
                    views = tuple(map(channels_last, objective.given(batch, *known)))
                    with together.last(part + 1 == order.accumulate), enough_memory(recipe, state.step):
                        with precision(device, recipe.precision):
                            terms = together.loss(*views, progress=done)
                            loss = torch.stack([t.float() for t in terms.values()])
                        (loss.sum() / order.accumulate).backward()  # type: ignore[no-untyped-call]
                    parts.append(loss.detach())
                norm = torch.nn.utils.clip_grad_norm_(objective.parameters(), recipe.clip or math.inf)

                told = torch.tensor([clock() - started, wish.to_stop], dtype=torch.float64)
                mine = torch.stack(parts).double()  # (accumulate, terms)
                *means, size, state.elapsed, stop = together.mean(
                    torch.cat([mine.mean(0), norm.detach().double()[None], told.to(device)])
                )
                if not all(map(math.isfinite, [*means, size])):
                    losses = [dict(zip(terms, p)) for p in mine.tolist()]
                    raise not_a_number(folder.path, source, order, recipe, state.step, rank, losses)
                optimiser.step()
                objective.after_step(done)

                state.step += 1
                before, done = done, recipe.progress(state.step, state.elapsed, order.steps)
                stopping = stop > 0  # wished in any process: all end together
                folder.log(state.step, loss=sum(means), terms=dict(zip(terms, means)), rate=rate, norm=size)
                meter.step(done, sum(means), state)
                if _due(recipe.checks, before, done) or (stopping and done < 1):
                    folder.check(state, watch or Watch(), source, order)
                    folder.checkpoint(state)
                elif time.monotonic() - folder.saved > recipe.checkpoint_seconds:
                    folder.checkpoint(state)
        folder.finish(state, stopped=done < 1)
        return objective.kept.eval()


def _batches(
    objective: Objective, source: Source, order: Order, rank: int, step: int, device: torch.device
) -> Iterator[Any]:
    """This process's batches from `step` on, and what is known beside each; without end, on the device."""
    for one in count(step):
        for part in range(order.accumulate):
            rows = order.rows(one, part, rank)
            yield move((source.batch(rows), objective.beside(source, rows)), device)


def _mix(*numbers: int) -> int:
    """One seed out of several: near numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _due(checks: int, before: float, now: float) -> bool:
    """Whether a check falls between these two moments of the run; one always falls at its end."""
    return int(checks * now) > int(checks * before)


class _Meter:
    """What the bar shows."""

    def __init__(self, bar: Bar, samples: int, done: float) -> None:
        self.bar, self.samples, self.done = bar, samples, done
        self.began = self.noted = time.monotonic()
        self.seen, self.waited = 0, 0.0
        bar.advance(done)

    def wait(self, ready: Iterator[Any]) -> Any:
        asked = time.monotonic()
        batch = next(ready)
        self.waited += time.monotonic() - asked
        return batch

    def step(self, done: float, loss: float, state: State) -> None:
        self.bar.advance(done - self.done)
        self.done = done
        self.seen += self.samples
        now = time.monotonic()
        if now - self.noted > 0.5:
            self.noted = now
            self.bar.note(self._note(now - self.began, loss, state))

    def _note(self, seconds: float, loss: float, state: State) -> str:
        parts = [
            f"loss {loss:.4g}",
            f"{self.seen / seconds:,.0f} samples/s",
            f"data wait {self.waited / seconds:.0%}",
        ]
        health = state.course.last
        if health is not None:
            parts.append(f"rank {health['rank']:.0f}")
            if health.get("map50") is not None:  # of a checkpoint from before, it is not known
                parts.append(f"mAP@50 {health['map50']:.0%}")
            elif health["view_retrieval"] is not None:
                parts.append(f"view retrieval {health['view_retrieval']:.0%}")
        parts.append(f"{state.elapsed * (1 - self.done) / self.done / 60:.1f} minutes left")
        return " · ".join(parts)
