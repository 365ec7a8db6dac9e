"""Looking at a space."""

import os
from pathlib import Path
from typing import Any

from ..analysis.map import layout
from ..space import Space
from .picture import draw_space


def map(  # noqa: A001
    space: Space,
    to: str | os.PathLike[str],
    *,
    seed: int = 0,
    fresh: bool = False,
    edges: bool = False,
    data: Any = None,
) -> Path:
    """Lays the space out in two dimensions and draws it, thumbnails on it, into a .png or .svg file.

    Rows that have a place keep it, unless `fresh`. Colours are the clusters, red rings what is odd
    beyond chance, where those have been looked for.

    edges  of a space of a graph's nodes: draw them
    data   the graph again (default: where `ilk learn` found it)
    """
    graph = None
    if edges:
        from ..analysis.linked import graph_of

        graph = graph_of(space, data)
    layout(space, seed=seed, fresh=fresh)
    return draw_space(space, Path(to), title=space.path.stem, graph=graph)
