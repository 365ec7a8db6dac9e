"""The run folder while its run goes on: opened, logged to, checkpointed, finished."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from .. import files, saved
from ..console import say
from ..decoders import Decoder
from ..encoders import Encoder
from ..objectives import Objective
from ..source import Source
from . import checkpoint, distributed, frozen
from .course import Course
from .order import Order
from .recipe import Recipe
from .watch import Watch


@dataclass
class State:
    """How far a run is: what a checkpoint records beside the tensors."""

    step: int = 0
    elapsed: float = 0.0  # seconds, over all its processes' lives
    logged: int = 0  # bytes of metrics.jsonl that belong to it
    course: Course = field(default_factory=Course)


class Folder:
    """Only one of many processes writes; the others call the same methods, which then do nothing."""

    def __init__(self, path: Path, objective: Objective, optimiser: Optimizer, *, writes: bool) -> None:
        self.path, self.objective, self.optimiser, self.writes = path, objective, optimiser, writes
        self.lines: list[str] = []  # of metrics.jsonl, not yet written
        self.saved = time.monotonic()  # when the last checkpoint was made

    def open(self, source: Source, recipe: Recipe, world: int, *, resume: bool) -> State:
        """The state to go on from, the network and optimiser put back into it."""
        if self.writes:
            with files.room(self.path):
                self.path.mkdir(parents=True, exist_ok=True)
            if not resume:
                frozen.clear(self.path)
            frozen.freeze(self.path, self.objective, source, recipe, world)
        distributed.wait()  # for what is cleared
        if not self.writes:
            frozen.agree(self.path, self.objective, source, recipe)
        record = checkpoint.load(self.path, self.objective, self.optimiser)
        distributed.wait()  # until all have read
        if record is None:
            state = State()
            self._cut_log(0)
            self.checkpoint(state)  # so that a kill before the next one starts from the same weights
            return state
        course = Course(**record["course"])
        state = State(record["step"], record["elapsed"], record["logged"], course)
        self._cut_log(state.logged)
        say(f"Going on from step {state.step} of the run in {self.path}.")
        return state

    def log(self, step: int, **figures: Any) -> None:
        self.lines.append(json.dumps({"step": step, **figures}) + "\n")

    def check(self, state: State, watch: Watch, source: Source, order: Order) -> None:
        """Measures health, and keeps the encoder (and decoder) when it is as good as any before."""
        if not self.writes:
            return
        encoder, decoder = self.objective.kept, self.objective.decoder
        health = watch.measure(encoder, source, order.held, order.train, self.objective)
        self.log(state.step, health=health.as_json())
        if state.course.takes(state.step, health):
            saved.save(encoder, self.path, Encoder)
            if decoder is not None:
                saved.save(decoder, self.path, Decoder)

    def checkpoint(self, state: State) -> None:
        self.saved = time.monotonic()
        if self.writes:
            state.logged = self._write_log()
            checkpoint.save(self.path, self.objective, self.optimiser, asdict(state))

    def finish(self, state: State, *, stopped: bool) -> None:
        """The best encoder (and its decoder) back into the objective, and the verdict said and written."""
        distributed.wait()  # until it is written
        best(self.path, self.objective)
        if self.writes:
            course = state.course
            verdict = course.verdict(state.step, stopped=stopped)
            told = {"verdict": verdict, "step": state.step, "stopped": stopped, **asdict(course)}
            files.write(self.path / "health.json", json.dumps(told, indent=1).encode())
            say(verdict)

    def _write_log(self) -> int:
        """Appends what is new and returns the size of the whole; on the disk when this returns."""
        with files.room(self.path / "metrics.jsonl"), open(self._log, "ab", buffering=0) as f:
            data = memoryview("".join(self.lines).encode())
            while data:
                data = data[f.write(data) :]
            os.fsync(f.fileno())
            self.lines.clear()
            return f.tell()

    def _cut_log(self, size: int) -> None:
        """Forgets lines of steps that will be taken again."""
        if self.writes and self._log.exists() and self._log.stat().st_size > size:
            os.truncate(self._log, size)

    @property
    def _log(self) -> Path:
        return self.path / "metrics.jsonl"


def best(run: Path, objective: Objective) -> Encoder:
    """The best encoder that a run has met (and its decoder) back into the objective, in evaluation mode."""
    if (run / "encoder.json").exists():  # else nothing was measured
        kept = saved.load(run, Encoder)  # type: ignore[type-abstract]
        objective.kept.load_state_dict(kept.state_dict())
        if objective.decoder is not None:
            way_back = saved.load(run, Decoder)  # type: ignore[type-abstract]
            objective.decoder.load_state_dict(way_back.state_dict())
    return objective.kept.eval()
