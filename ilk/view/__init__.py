"""Looking at a space."""

import os
from pathlib import Path

from ..analysis.map import layout
from ..space import Space
from .picture import draw_space


def map(space: Space, to: str | os.PathLike[str], *, seed: int = 0, fresh: bool = False) -> Path:  # noqa: A001
    """Lays the space out in two dimensions and draws it, thumbnails on it, into a .png or .svg file.

    Rows that have a place keep it, unless `fresh`. Colours are the clusters, red rings what is odd
    beyond chance, where those have been looked for.
    """
    layout(space, seed=seed, fresh=fresh)
    return draw_space(space, Path(to), title=space.path.stem)
