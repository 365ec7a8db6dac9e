"""What each dimension knows of each amount, as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..analysis.parameters import Parameters
from . import grid

MOST = 40  # dimensions drawn: those that know most of any amount


def matrix(found: Parameters, path: str | Path) -> Path:
    """Draws amounts against dimensions into a .png file; blue above what chance gives, grey below."""
    all_ = np.stack([a.information for a in found.amounts])  # (p, D)
    dims = np.sort(np.argsort(-all_.max(0), kind="stable")[:MOST])
    real = (all_ > found.floor) & np.array([a.known for a in found.amounts])[:, None]
    known = np.where(real, all_, 0)[:, dims]
    best = [f"{max(0.0, a.r2[a.best].value):.2f}  {a.name}" for a in found.amounts]
    return grid.draw(
        known**2,  # the grid takes the root
        [[f"{v:.2f}"[1:] if 0 < v < 0.995 else "" for v in row] for row in known],
        best,
        [str(d) for d in dims],
        title="Parameters",
        note=f"information of each dimension, as a correlation; below {found.floor:.2f} it is chance",
        corner=("R2 by all", "dimension"),
        path=Path(path),
    )
