"""recipe.json: what a run was asked to do. It may go on for longer; anything else is another run."""

import json
from pathlib import Path
from typing import Any

from .. import files
from ..errors import FormatError, OptionError
from ..objectives import Objective
from ..saved import describe
from ..source import Source
from .recipe import Recipe

FORMAT = 1
NAME = "recipe.json"
_OURS = (
    NAME,
    "metrics.jsonl",
    "health.json",
    "checkpoint.safetensors",
    *(f"{network}.{end}" for network in ("encoder", "decoder") for end in ("json", "safetensors")),
)


def freeze(folder: Path, objective: Objective, source: Source, recipe: Recipe, world: int) -> None:
    """Writes what is asked; where a run stands already, it must have been asked the same (or less long)."""
    wish = _asked(objective, source, recipe)
    stood = _read(folder / NAME)
    differences = [] if stood is None else list(_differences(stood, wish))
    if differences:
        raise OptionError(
            f"the run in {folder} was started otherwise: {'; '.join(differences)}",
            "Give the same again (only a longer budget is allowed), another run folder, or resume=False.",
        )
    told = {"format": FORMAT, **wish, "processes": world}
    files.write(folder / NAME, json.dumps(told, indent=1).encode())


def agree(folder: Path, objective: Objective, source: Source, recipe: Recipe) -> None:
    """For the other processes of a run: that they see what the first one wrote, and were asked the same."""
    stood = _read(folder / NAME)
    if stood is None:
        raise OptionError(
            f"this process does not see {folder}, which another one made",
            "Let the run lie in a folder that all machines share.",
        )
    differences = list(_differences(stood, _asked(objective, source, recipe)))
    if differences:
        raise OptionError(
            f"this process was given other things than the first one: {'; '.join(differences)}",
            "Give all processes the same data and options.",
        )


def asked(folder: Path) -> dict[str, Any] | None:
    """What the run in that folder was asked: recipe, objective, source; None where there is no run."""
    return _read(folder / NAME)


def clear(folder: Path) -> None:
    """Forgets the run in `folder`; files that are not a run's stay."""
    for name in _OURS:
        (folder / name).unlink(missing_ok=True)


def _asked(objective: Objective, source: Source, recipe: Recipe) -> dict[str, Any]:
    told = {
        "recipe": recipe.as_json(),
        "objective": describe(objective),
        "source": {"samples": len(source), "reading": source.reading},
    }
    as_read: dict[str, Any] = json.loads(json.dumps(told))  # tuples are lists there
    return as_read


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        stood: dict[str, Any] = json.loads(path.read_bytes())
        if stood.pop("format") > FORMAT:
            raise FormatError(f"{path} was written by a newer ilk", "Update ilk.")
        stood.pop("processes")  # a step is the same however many share it
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise FormatError(f"{path} is damaged: {e}", "Start anew with resume=False.") from e
    return stood


def _differences(was: Any, now: Any, path: str = "") -> list[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        return [
            d
            for key in sorted(was.keys() | now.keys())
            for d in _differences(was.get(key), now.get(key), f"{path}.{key}" if path else key)
        ]
    if was == now or (path in _BUDGET and None not in (was, now) and now >= was):
        return []
    return [f"{path} was {was!r}, now {now!r}"]


_BUDGET = ("recipe.steps", "recipe.epochs", "recipe.minutes")
