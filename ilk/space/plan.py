"""What was asked of a space's index, and what came of it: `index.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .. import console, files
from .index.tuning import KINDS, Measured

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    kind: str = "flat"
    asked: str = "flat"  # a kind, or auto
    wished: float = 0.95  # recall
    memory: float | None = None  # bytes
    effort: int | None = None  # how hard the index looks; None: to be found by trying
    wider: float | None = None  # candidates for each neighbour
    recall: float | None = None  # as measured
    per_second: float | None = None  # questions, as measured
    rows: int | None = None  # it was built of
    bytes: float | None = None  # a vector, in memory; of an exact one, that is read for each question
    seconds: float | None = None  # it took to build

    @classmethod
    def of(cls, found: dict[str, Any]) -> Plan:
        """From its JSON."""
        if found["format"] != FORMAT or found["kind"] not in KINDS:
            raise ValueError(f"format {found['format']}, kind {found['kind']!r}")
        return cls(**{name: value for name, value in found.items() if name != "format"})

    def found(self, effort: int, wider: float, measured: Measured) -> Plan:
        return replace(
            self, effort=effort, wider=wider, recall=measured.recall, per_second=measured.per_second
        )

    def again(self) -> Plan:
        """To be tuned anew."""
        return replace(self, effort=None, wider=None, recall=None, per_second=None)

    def facts(self) -> dict[str, Any]:
        """For people: what it is, and what was measured."""
        return {
            "index": self.kind,
            "recall": self.recall,
            "questions a second": self.per_second and round(self.per_second),
            "bytes a vector": self.bytes and round(self.bytes),
            "seconds to build": self.seconds,
        }

    def sentence(self) -> str:
        if self.recall is None:
            return "exact"
        speed = f"{self.per_second or 0:,.0f} questions a second"
        return f"{self.kind}, recall {self.recall:.3f}, {speed} when it was built"

    def json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}


def read(space: Path) -> Plan:
    try:
        return Plan.of(json.loads((space / "index.json").read_bytes()))
    except FileNotFoundError:
        return Plan()
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        console.say(
            f"{space / 'index.json'} is damaged ({e}): search is exact. ilk index {space} makes it anew"
        )
        return Plan()


def write(space: Path, plan: Plan) -> None:
    files.write(space / "index.json", json.dumps(plan.json(), indent=1).encode())
