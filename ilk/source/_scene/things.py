"""Things that are put into scenes: each a small picture, how much of the ground it hides, and its class.

Legend: m things, C channels, h x w pixels.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...errors import DataError, OptionError
from ..blackholes import LABELS, blackholes
from ..images import images

WHITE = 0.97  # from here on a pixel may be paper
FAINT = 0.02  # light that no eye misses when it is cut off
HOLES, HOLE = 90, 48  # of which the fields are made; pixels a side


@dataclass(frozen=True)
class Things:
    light: Sequence[np.ndarray]  # m of (C, h, w), 0 to 1: the thing on black
    cover: Sequence[np.ndarray]  # m of (h, w), 0 to 1: what it hides; of those that hide nothing: its light
    kinds: np.ndarray  # (m,) places in `classes`
    classes: tuple[str, ...]
    adds: bool = False  # light to the ground, and hides nothing


def digits(data: str | os.PathLike[str] | None, part: str) -> Things:
    """White strokes: of an NPZ with `train_images`, `train_labels`, ... as MNIST's; else scikit-learn's."""
    pixels, labels = _bundled(part) if data is None else _npz(data, part)
    strokes = [x.astype(np.float32) / 255 for x in pixels]
    return Things([s[None] for s in strokes], strokes, labels, tuple("0123456789"))


def _npz(path: str | os.PathLike[str], part: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            pixels, labels = held[f"{part}_images"], held[f"{part}_labels"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as e:
        raise DataError(
            f"no digits in {path}: {e}",
            f"Expected an NPZ with {part}_images (n, H, W) uint8 and {part}_labels (n,).",
        ) from e
    if pixels.ndim != 3 or pixels.dtype != np.uint8 or labels.shape != pixels.shape[:1]:
        raise DataError(
            f"{part}_images {pixels.shape} {pixels.dtype}", "Expected (n, H, W) uint8, a label each."
        )
    return pixels, labels.astype(np.int64)


def _bundled(part: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    held = load_digits()
    rows = slice(0, 1400) if part == "train" else slice(1400, None)
    small = held.images[rows] * (255 / 16)  # (m, 8, 8)
    return ndimage.zoom(small, (1, 3, 3), order=1).clip(0, 255).astype(np.uint8), held.target[rows]


def pictures(data: str | os.PathLike[str] | None, many: int) -> Things:
    """`many` of the pictures in `data`, evenly chosen, each a class; the paper around it is cut off."""
    if data is None:
        raise OptionError(
            "scenes of pictures need some to put in", "data=: a folder, table or archive of them."
        )
    found = images(data, channels=3)
    if many > len(found):
        raise DataError(f"{many} classes from {len(found)} pictures", "Ask for fewer classes.")
    rows = np.linspace(0, len(found) - 1, many).astype(int)
    columns = found.metadata()
    names = [found.id(int(r)) for r in rows]
    if columns is not None and "caption" in columns.column_names:
        names = [str(columns["caption"][int(r)]) for r in rows]
    light = [found[int(r)].numpy() for r in rows]
    cut = [_cut(x, _shape(x)) for x in light]
    return Things([x * c for x, c in cut], [c for _, c in cut], np.arange(many), tuple(names))


def _shape(x: np.ndarray) -> np.ndarray:  # (C, h, w) -> (h, w)
    """Where the thing is: all but what is white and reaches the edge."""
    white = np.pad(x.min(0) > WHITE, 1, constant_values=True)
    parts = np.asarray(ndimage.label(white)[0])
    thing: np.ndarray = parts != parts[0, 0]
    return thing[1:-1, 1:-1].astype(np.float32)


def _cut(x: np.ndarray, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen = cover > FAINT
    if not seen.any():
        return x, np.ones_like(cover)
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return x[:, *inside], cover[inside]


def holes(seed: int) -> Things:
    """Black holes without noise, by how many rings are seen."""
    made = blackholes(HOLES, size=HOLE, seed=seed, noise=False)
    cut = [_cut(x / x.max(), x[0] / x.max()) for x in made.pixels]
    columns = made.metadata()
    assert columns is not None
    kinds = np.array([LABELS.index(name) for name in columns["label"].to_pylist()])
    return Things([x for x, _ in cut], [c for _, c in cut], kinds, LABELS, adds=True)
