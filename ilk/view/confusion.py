"""Who is taken for whom, as a picture: a row for each true label, darker where more of it was told so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..analysis._probed import Probed
from ..errors import DataError
from . import grid


def confusion(found: Probed, path: str | Path) -> Path:
    """Draws the confusion matrix of `ilk.probe` into a .png file: a colour a share, counts where they fit."""
    if found.confusion is None:
        raise DataError("a column of numbers has no confusion matrix", "Ask for a column of names.")
    counts = found.confusion
    return grid.draw(
        counts / np.maximum(counts.sum(1, keepdims=True), 1),
        [[f"{n}" if n else "" for n in row] for row in counts],
        found.labels,
        found.labels,
        title="Confusion",
        note=found.sentence(),
        corner=("truth", "told"),
        path=Path(path),
        colour=lambda i, j: grid.BLUE if i == j else grid.ORANGE,
    )
