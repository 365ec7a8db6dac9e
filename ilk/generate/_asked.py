"""What was asked of a drawing: numbers by name, pictures of a size."""

import os
import re
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from PIL import Image

from ..errors import OptionError
from ..source import Source

EQUALS = re.compile(r"([^\s=,;]+)\s*=\s*([-+]?[\d.]+(?:e[-+]?\d+)?)(?=[\s,;]|$)", re.IGNORECASE)

Picture: TypeAlias = str | os.PathLike[str] | np.ndarray | Source
Told: TypeAlias = str | Mapping[str, float]


def numbers_in(where: Told) -> dict[str, float]:
    """`spin=0.9 inclination=60` as a mapping."""
    if not isinstance(where, str):
        return {name: float(value) for name, value in where.items()}
    left = EQUALS.sub("", where).strip(" ,;")
    if left:
        raise OptionError(f"{left!r} is no number with a name", 'Give as where: "spin=0.9 inclination=60".')
    return {name: float(value) for name, value in EQUALS.findall(where)}


def extent(picture: Picture) -> tuple[int, int] | None:
    """How many pixels wide and high; None where only reading it would tell."""
    if isinstance(picture, np.ndarray):
        return picture.shape[-1], picture.shape[-2]
    if isinstance(picture, Source):
        return None
    try:
        with Image.open(picture) as image:
            return image.size
    except (OSError, ValueError):
        return None


def title(prompt: str, where: Told) -> str:
    told = where if isinstance(where, str) else " ".join(f"{k}={v:g}" for k, v in where.items())
    return ", ".join(part for part in (prompt, told) if part)
