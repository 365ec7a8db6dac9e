"""What was found beside a thing in the picture that it was cut out of."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from ...things.found import parent
from . import answers
from .shown import Shown

MOST = 500  # boxes over one picture; more would hide it


def of_row(shown: Shown, row: int) -> list[answers.Thing]:
    """Every row cut out of the same picture as this one, the largest box first, so that none hides another.

    Of very many those nearest to it. None where the row is a picture of its own.
    """
    own = parent(shown.names(np.array([row]))[0])
    if own is None:
        return []
    picture, box = own
    beside = pc.starts_with(shown.ids, f"{picture}@").to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(beside)
    told = [(int(r), name, parent(name)) for r, name in zip(rows, shown.names(rows))]
    things = [answers.Thing(row=r, id=n, box=p[1]) for r, n, p in told if p is not None and p[0] == picture]
    near = sorted(things, key=lambda t: abs(t.box[0] - box[0]) + abs(t.box[1] - box[1]))[:MOST]
    return sorted(near, key=lambda t: -(t.box[2] - t.box[0]) * (t.box[3] - t.box[1]))
