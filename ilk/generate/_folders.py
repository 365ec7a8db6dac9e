"""Where the models of a run lie. Legend: a run holds a folder an objective, a space one model."""

import os
from pathlib import Path

from ..errors import DataError, OptionError

LEARN = (
    "For texts learn with --objective causal, seq2seq or tsdae; for pictures with diffusion, vae or gan, or "
    "with autoencoder (back from a vector)."
)


def folders(run: str | os.PathLike[str]) -> list[Path]:
    """Each folder of `run` (NAME.run, NAME.space, NAME, or an objective's folder) that holds a model."""
    path = Path(run)
    beside = [path.with_name(path.name + end) for end in (".run", ".space")] if path.name else []
    if not any(p.exists() for p in (path, *beside)):
        raise DataError(f"no run {path}", "Learn one first: ilk learn FOLDER")
    # a folder of that name may be the data that were learnt from
    return next((found for p in (path, *beside) if (found := _models(p))), [])


def _models(path: Path) -> list[Path]:
    found = [path / "encoder.json", *sorted(path.glob("*/encoder.json"))]
    return [p.parent for p in found if p.exists()]


def nothing(run: str | os.PathLike[str], does: str, do: str = LEARN) -> OptionError:
    """That none of its models does what was asked."""
    met = ", ".join(folder.name for folder in folders(run)) or "no encoder"
    return OptionError(f"nothing in {run} {does}: it holds {met}", do)


def several(run: str | os.PathLike[str], does: str, found: list[Path]) -> OptionError:
    do = f"Name one of them: {', '.join(map(str, found))}."
    return OptionError(f"{len(found)} models in {run} {does}", do)
