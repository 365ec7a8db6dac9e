"""The map as a picture, PNG or SVG: points in their groups' colours, thumbnails where there is room.

Everything is put on one list of marks first, which `_marks.py` writes as pixels or as text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import files
from ..analysis._drawn.ink import COLOURS
from ..errors import DataError, OptionError
from . import _marks
from ._marks import ALARM, FAINT, INK, Dot, Line, Mark, Picture, Text

if TYPE_CHECKING:
    from ..source.graphs import Graph
    from ..space import Space

MARGIN, HEAD, THUMB, GAP = 32, 84, 46, 6  # pixels
MOST = 10_000  # edges that are drawn, of more an even choice: no more could be told apart


def draw(
    path: str | Path,
    xy: np.ndarray,
    *,
    ids: Sequence[str] = (),
    groups: np.ndarray | None = None,
    odd: np.ndarray | None = None,
    edges: np.ndarray | None = None,
    pictures: Callable[[np.ndarray], Sequence[bytes | None]] | None = None,
    title: str = "",
    note: str = "",
    width: int = 1280,
    height: int = 900,
) -> Path:
    """Draws rows at `xy` (n, 2) into a .png or .svg file.

    `groups` (n,) whole numbers colour them, `odd` are rows to ring in red, `edges` (m, 2) link them, the
    first `MOST` of them, `pictures(rows)` gives the PNGs of the rows that are shown as thumbnails, `title`
    and `note` stand above.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".svg"):
        raise OptionError(f"a map cannot be drawn as {path.name}", "Name a file that ends in .png or .svg.")
    xy = np.asarray(xy, np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy) or not np.isfinite(xy).all():
        raise DataError(f"a map needs finite places (n, 2), at least one; got shape {xy.shape}")
    groups = np.zeros(len(xy), int) if groups is None else np.asarray(groups)
    ids = [str(i) for i in ids] if len(ids) else [""] * len(xy)
    names = [int(g) for g in np.unique(groups)]
    side = 190 if len(names) > 1 or (odd is not None and len(odd)) else 0
    edge = MARGIN + THUMB / 2  # room for a thumbnail on the outermost point
    top = HEAD + THUMB if title or note else edge
    at = _fitted(xy, (edge, top, width - edge - side, height - edge))
    marks = _lines(at, edges) + _dots(at, groups, names, ids)
    labels = _labels(at, groups, names) if len(names) > 1 else []
    if pictures is not None:
        marks += _thumbnails(at, groups, names, ids, labels, pictures)
    marks += labels
    marks += [
        Dot(at[i, 0], at[i, 1], 9, ALARM, hollow=True, title=ids[i]) for i in (() if odd is None else odd)
    ]
    marks += [Text(MARGIN, 44, title, 26)] * bool(title) + [Text(MARGIN, 68, note, 14, FAINT)] * bool(note)
    if side:
        marks += _legend(width - side, groups, names, 0 if odd is None else len(odd))
    write = _marks.svg if path.suffix.lower() == ".svg" else _marks.png
    files.write(path, write(marks, width, height))
    return path


def draw_space(
    space: Space, path: str | Path, *, title: str = "", odd: int = 50, graph: Graph | None = None
) -> Path:
    """Draws a space's map with what its layers say: groups, and rows odd beyond chance, `odd` of them.

    `graph`: whose nodes the rows are; its edges are drawn, the first `MOST` of a random order.
    """
    if "map" not in space.layers():
        raise DataError("this space has no map yet", "Make one first: ilk.analysis.map.layout(space).")
    table, have = space.layer("map"), space.layers()
    ids = [str(i) for i in table["id"].to_pylist()]
    row = {i: n for n, i in enumerate(ids)}
    groups = np.full(len(ids), -1)
    if "cluster" in have:
        layer = space.layer("cluster").to_pydict()
        for i, c in zip(layer["id"], layer["cluster"]):
            if i in row:
                groups[row[i]] = c
    oddest: list[int] = []
    if odd and "anomaly" in have:
        layer = space.layer("anomaly").sort_by([("score", "descending")]).to_pydict()
        kinds = layer.get("anomaly", [])  # a layer of one's own may have none
        oddest = [row[i] for i, kind in zip(layer["id"], kinds) if kind and i in row][:odd]
    xy = np.stack([table["x"].to_numpy(), table["y"].to_numpy()], 1)
    note = f"{len(ids):,} samples. Neighbours are alike; the distance between far groups means little."
    edges = None
    if graph is not None:
        from ..analysis import linked

        edges = linked.edges(table["id"].combine_chunks(), graph)
        some = f"{MOST:,} of " if len(edges) > MOST else ""
        note += f" Lines: {some}{len(edges):,} edges."
    return draw(
        path,
        xy,
        ids=ids,
        groups=groups,
        odd=np.array(oddest, int),
        edges=edges,
        pictures=lambda rows: space.pictures([ids[i] for i in rows]),
        title=title or space.path.name,
        note=note,
    )


def _fitted(xy: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """(n, 2) in pixels: the same scale both ways, y upwards, a few far outliers pulled to the border."""
    left, top, right, bottom = box
    low, high = np.quantile(xy, 0.001, axis=0), np.quantile(xy, 0.999, axis=0)
    span, room = np.maximum(high - low, 1e-9), np.array([right - left, bottom - top]) - THUMB
    scale = (room / span).min()
    at = (xy - (low + high) / 2) * scale * [1, -1] + [(left + right) / 2, (top + bottom) / 2]
    return np.asarray(np.clip(at, [left + 4, top + 4], [right - 4, bottom - 4]))


def _colour(group: int, names: Sequence[int]) -> str:
    return (
        "#A9AFBA"
        if group < 0
        else COLOURS[names.index(group) % len(COLOURS)]
        if len(names) > 1
        else COLOURS[0]
    )


def _lines(at: np.ndarray, edges: np.ndarray | None) -> list[Mark]:
    """Fainter the more there are, so that dense places still look denser."""
    some = np.zeros((0, 2), int) if edges is None else edges[:MOST]
    opacity = float(np.clip(12 / np.sqrt(max(len(some), 1)), 0.1, 0.5))
    return [Line(at[a, 0], at[a, 1], (at[b, 0], at[b, 1]), opacity) for a, b in some]


def _dots(at: np.ndarray, groups: np.ndarray, names: list[int], ids: Sequence[str]) -> list[Mark]:
    r = float(np.clip(130 / np.sqrt(len(at)), 0.8, 4.5))
    palette = {g: _colour(g, names) for g in names}
    return [Dot(x, y, r, palette[int(g)], title=i) for (x, y), g, i in zip(at, groups, ids)]


def _thumbnails(
    at: np.ndarray,
    groups: np.ndarray,
    names: list[int],
    ids: Sequence[str],
    labels: Sequence[Text],
    pictures: Callable[[np.ndarray], Sequence[bytes | None]],
) -> list[Mark]:
    """The row nearest to the middle of each grid cell, in every other cell, as on a chess board."""
    cell = THUMB + GAP
    where = np.floor(at / cell).astype(int)  # (n, 2)
    off = np.abs(at - (where + 0.5) * cell).max(1)
    order = np.lexsort((off, where[:, 1], where[:, 0]))
    first = np.ones(len(at), bool)
    first[1:] = (where[order][1:] != where[order][:-1]).any(1)
    free = where.sum(1) % 2 == 0
    for t in labels:  # its box: about half as wide as high for each letter
        half = 0.26 * t.size * len(t.text)
        box = np.floor(np.array([[t.x - half, t.y - t.size], [t.x + half, t.y + 6]]) / cell)
        free &= ((where < box[0]) | (where > box[1])).any(1)
    chosen = order[first & free[order]]
    marks: list[Mark] = []
    for i, png in zip(chosen, pictures(chosen)):
        if png is not None:
            x, y = where[i] * cell + GAP / 2
            marks.append(Picture(x, y, THUMB, png, _colour(int(groups[i]), names), ids[i]))
    return marks


def _labels(at: np.ndarray, groups: np.ndarray, names: list[int]) -> list[Text]:
    """Each group's name above its bulk, where it hides the least."""
    marks: list[Text] = []
    for g in names:
        if g >= 0:
            (left, top), (right, _) = np.quantile(at[groups == g], [0.05, 0.95], axis=0)
            marks.append(
                Text((left + right) / 2, top - THUMB / 2 - 8, f"Group {g}", 18, INK, "middle", halo=True)
            )
    return marks


def _legend(x: float, groups: np.ndarray, names: list[int], odd: int) -> list[Mark]:
    marks: list[Mark] = []
    y = HEAD + 16.0
    for g in names if len(names) > 1 else []:
        count = int((groups == g).sum())
        marks += [
            Dot(x + 8, y - 5, 7, _colour(g, names)),
            Text(x + 26, y, "No group" if g < 0 else f"Group {g}", 15),
            Text(x + 108, y, f"{count:,}", 15, FAINT),
        ]
        y += 28
    if odd:
        marks += [Dot(x + 8, y - 5, 7, ALARM, hollow=True), Text(x + 26, y, "Odd", 15)]
        marks.append(Text(x + 108, y, f"{odd:,}", 15, FAINT))
    return marks
