"""NAME.run/learn.json: what a run was asked, where its data lay, what it was made with."""

import json
from pathlib import Path
from typing import Any

from . import files
from .errors import FormatError

FORMAT = 1
NAME = "learn.json"


def stands(run: Path) -> bool:
    """Whether `run` is a NAME.run."""
    return (run / NAME).exists()


def read(run: Path) -> dict[str, Any]:
    """Empty where there is none."""
    path = run / NAME
    if not path.exists():
        return {}
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        version = told.pop("format")
        known = isinstance(told["asked"], dict) and isinstance(told["fingerprints"], list)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise FormatError(f"{path} is damaged: {e}", "Use --replace to start anew.") from e
    if version > FORMAT:
        raise FormatError(f"{path} was written by a newer ilk", "Update ilk.")
    if not known:
        raise FormatError(f"{path} is damaged: it lacks what was asked", "Use --replace to start anew.")
    return told


def write(run: Path, told: dict[str, Any]) -> None:
    files.write(run / NAME, json.dumps({"format": FORMAT, **told}, indent=1).encode())


def data(run: Path) -> str | None:
    """Where the data lay."""
    found = read(run).get("data")
    return found if isinstance(found, str) else None
