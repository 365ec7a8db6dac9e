"""How the learning of a space went: losses, what its checks on held-out samples found, over-training.

Legend: s steps, c checks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import DataError, FormatError
from ..training.checked import Health
from ._drawn import course as _drawn
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..space import Space


@dataclass(frozen=True)
class Check:
    step: int
    deciding: float | None  # by which the encoder that is kept is chosen; more is better
    doubt: float  # its standard error
    rank: float  # effective, of the vectors


@dataclass(frozen=True)
class Course(Result):
    objective: str
    steps: np.ndarray  # (s,)
    losses: np.ndarray  # (s,)
    checks: list[Check]
    decided_by: str
    kept: int  # the step of the encoder that was kept
    verdict: str

    @property
    def over_trained(self) -> float:
        """How far the last check fell behind the best, in standard errors of that; 0: it is the best."""
        known = [c for c in self.checks if c.deciding is not None]
        if len(known) < 2:
            return 0.0
        best = max(known, key=lambda c: c.deciding or 0)
        behind = (best.deciding or 0) - (known[-1].deciding or 0)
        return behind / max(best.doubt, known[-1].doubt, 1e-6) if behind > 0 else 0.0

    def table(self) -> pa.Table:
        """One row a check."""
        return pa.Table.from_pylist([vars(c) for c in self.checks])

    def sentence(self) -> str:
        return f"By {self.objective}. {self.verdict}"

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self)


def course(space: Space) -> Course:
    """What the run of `ilk learn` beside the space (NAME.run) has written down."""
    folder = space.path.with_suffix(".run")
    runs = sorted(folder.glob("*/metrics.jsonl"), key=lambda p: p.stat().st_mtime)
    if not runs:
        raise DataError(
            f"{folder} tells of no training: the space was made in one pass, or elsewhere",
            "Objectives that train a network leave their losses there.",
        )
    return read(runs[-1].parent)


def read(run: Path) -> Course:
    """Of one run's folder."""
    losses, checks = [], []
    decided = "a score"
    for line in _lines(run / "metrics.jsonl"):
        if "loss" in line:
            losses.append((line["step"], line["loss"]))
        elif "health" in line:
            health = Health(**{k: v for k, v in line["health"].items() if k != "collapsed"})
            d = health.deciding
            decided = health.decided_by
            checks.append(Check(line["step"], d, health.doubt(d) if d is not None else 0.0, health.rank))
    if not losses:
        raise DataError(f"{run} holds no step yet", "Let it learn a little.")
    steps, values = np.array(losses, float).T
    told = _json(run / "health.json")
    return Course(
        run.name, steps.astype(int), values, checks, decided,
        int(told.get("kept", steps[-1])), str(told.get("verdict", "It has not come to an end.")),
    )  # fmt: skip


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            yield json.loads(line)
        except ValueError as e:
            raise FormatError(f"{path}, line {number} is damaged: {e}") from e


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise FormatError(f"{path} is damaged: {e}") from e
    return found if isinstance(found, dict) else {}
