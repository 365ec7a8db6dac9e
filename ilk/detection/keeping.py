"""Things that were found get a place each: a space of their cut-outs, or more of them in one that stands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..console import say
from ..errors import OptionError
from ..learning.learn import learn
from ..learning.target import Target, paths
from ..space import Space
from ..training.recipe import Recipe
from .found import SIZE, Detections

OWN = "detector"  # instead of an objective: the detector's own vectors
_TWO_MINUTES = Recipe()


def keep(
    things: Detections,
    into: str | os.PathLike[str],
    objective: str = "auto",
    *,
    size: int = SIZE,
    recipe: Recipe = _TWO_MINUTES,
    replace: bool = False,
) -> Space:
    """A row for each thing in the space `into`: its cut-out, picture, box, score and class.

    objective  what learns the vectors of a new space from the cut-outs (see `ilk.learn`), or `detector`: the
               one that found them gives its own vectors
    size       pixels a side of a cut-out, in a new space

    A space that stands takes the new things in, by its own encoder.
    """
    name = Path(into)
    name = name.with_suffix("") if name.suffix == ".space" else name
    _, at = paths(name)
    if at.exists() and not replace:
        space = Space.open(at)
        say(f"{at} stands: its encoder takes these in.")
        space.upsert(things.cut_out(size=int(str(space.reading["size"])), reading=space.reading))
        return space
    if objective == OWN:
        if things.detector is None:
            raise OptionError("no detector found these", "Name an objective that learns from the cut-outs.")
        crops = things.cut_out(size=size, reading=things.reading)
        asked: dict[str, Any] = {"objective": OWN, "encoder": OWN, "dim": None, "options": {}}
        target = Target(name, asked, crops, found_at=crops.found_at, replace=replace)
        return target.fill(things.detector, None, crops)
    return learn(things.cut_out(size=size), objective, out=name, recipe=recipe, replace=replace)
