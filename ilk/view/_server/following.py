"""What `ilk learn` writes into NAME.run while it learns, read as it grows."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEPT, TOLD = 4000, 400  # points of a series: in memory, in an answer
ALIVE = 60.0  # seconds since the last line within which a run counts as running
READ = 4 << 20  # bytes of a log at a time


@dataclass
class Series:
    """Every `stride`-th value; thinned where it grows long."""

    step: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    stride: int = 1
    met: int = 0

    def add(self, step: int, value: float) -> None:
        if self.met % self.stride == 0:
            self.step.append(step)
            self.value.append(value)
        self.met += 1
        if len(self.step) > KEPT:
            self.step, self.value, self.stride = self.step[::2], self.value[::2], self.stride * 2

    def told(self) -> tuple[list[int], list[float]]:
        """Evenly thinned, with the last."""
        every = max(1, -(-len(self.step) // TOLD))
        last = len(self.step) - 1
        at = sorted({*range(last, -1, -every)})
        return [self.step[i] for i in at], [self.value[i] for i in at]


class Run:
    """One folder with metrics.jsonl."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        self.log = folder / "metrics.jsonl"
        self._forget()

    def _forget(self) -> None:
        self.figures: dict[str, Series] = {}
        self.step, self._at = 0, 0

    def read(self) -> None:
        """What came since; from the start where the log was cut, as a run that goes on does."""
        size = self.log.stat().st_size
        if size < self._at:
            self._forget()
        with open(self.log, "rb") as f:
            f.seek(self._at)
            while data := f.read(READ):
                whole, newline, _ = data.rpartition(b"\n")
                if not newline:
                    break  # half a line: the rest is being written
                self._at += len(whole) + 1
                f.seek(self._at)
                for line in whole.splitlines():
                    self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            self.step = int(told.pop("step"))
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # a damaged line must not end the page
        for name, value in _figures(told):
            self.figures.setdefault(name, Series()).add(self.step, value)

    @property
    def running(self) -> bool:
        return time.time() - self.log.stat().st_mtime < ALIVE and self.verdict is None

    @property
    def steps(self) -> int | None:
        """How many were asked for, where steps were what was asked for."""
        steps = _json(self.folder / "recipe.json").get("recipe", {}).get("steps")
        return steps if isinstance(steps, int) else None

    @property
    def verdict(self) -> str | None:
        told = _json(self.folder / "health.json").get("verdict")
        return told if isinstance(told, str) else None


class Following:
    """The runs of NAME.run beside NAME.space."""

    def __init__(self, space: Path) -> None:
        self.folder = space.with_name(space.name.removesuffix(".space") + ".run")
        self._known: dict[Path, Run] = {}

    def runs(self) -> list[Run]:
        """Read anew; the one that was written last comes first."""
        times: dict[Path, float] = {}
        for log in self.folder.glob("*/metrics.jsonl"):
            try:
                run = self._known.setdefault(log.parent, Run(log.parent))
                run.read()
                times[log.parent] = log.stat().st_mtime
            except OSError:  # being made anew
                continue
        self._known = {path: run for path, run in self._known.items() if path in times}
        return sorted(self._known.values(), key=lambda r: -times[r.folder])


def _figures(told: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """`loss`, `terms.invariance`, and the figures of a health check under their own names."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from _figures(value, "" if name == "health" else f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{name}", float(value)


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
