"""Scenes: digits, pictures or black holes on textured, noisy grounds, with known boxes, to learn finding by.

Legend: n scenes, C channels, S pixels a side, h x w a thing's pixels, b boxes x0, y0, x1, y1.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import numpy as np
from scipy import ndimage

from .. import console
from ..errors import OptionError, UnknownName
from ._scene import grounds, things
from ._scene.things import Things
from .boxes import Boxed
from .images import Images

KINDS = ("digits", "pictures", "blackholes")
PARTS = ("train", "test")
SIDES = (0.12, 0.35)  # of a thing, as shares of the scene's
SEEN = 0.2  # of a thing's cover: what counts for its box
SHARED = 0.15  # of the smaller of two boxes, at most
TRIES = 30  # to find a free place


def scenes(
    n: int = 1000,
    kind: str = "digits",
    *,
    data: str | os.PathLike[str] | None = None,
    size: int = 128,
    many: tuple[int, int] = (1, 6),
    classes: int = 20,
    seed: int = 0,
    part: str = "train",
) -> Boxed:
    """`n` scenes of `many` things (fewest, most) where these find room. The same arguments, the same scenes.

    kind     `digits`: white strokes; `pictures`: `classes` of the pictures in `data`,
             each a class, turned, grown and shrunk; `blackholes`: in a noisy field, by their rings
    data     of digits an NPZ as MNIST's (default: those that scikit-learn brings); of pictures a folder,
             table or archive that `ilk.images` reads
    part     train or test: digits by other hands; other scenes in any case
    """
    _check(n, kind, size, many, seed, part)
    found = _things(kind, data, classes, seed, part)
    flat = found.light[0].shape[0]
    pixels = np.empty((n, flat, size, size), np.float32 if found.adds else np.uint8)
    boxes, labels = [], []
    with console.progress("scenes", n) as bar:
        for i in range(n):
            rng = np.random.default_rng([seed, KINDS.index(kind), PARTS.index(part), i])
            scene, own, kinds = _scene(rng, found, size, many)
            pixels[i] = scene if found.adds else np.rint(scene.clip(0, 1) * 255)
            boxes.append(own)
            labels.append(kinds)
            bar.advance()
    ids = [f"{kind}-{part}-{seed}-{i:06d}" for i in range(n)]
    reading: dict[str, Any] = {"range": [-1.0, 8.0]} if found.adds else {}
    return Boxed(Images(pixels, ids, reading=reading), boxes, labels, found.classes)


def _check(n: int, kind: str, size: int, many: tuple[int, int], seed: int, part: str) -> None:
    for what, name, known in (("kind of scenes", kind, KINDS), ("part", part, PARTS)):
        if name not in known:
            raise UnknownName(what, name, known)
    if n < 1 or seed < 0 or not 0 <= many[0] <= many[1]:
        raise OptionError(
            f"n={n}, many={many}, seed={seed}", "At least one scene, (fewest, most), seed from 0."
        )
    if not 32 <= size <= 2048:
        raise OptionError(f"scenes of {size} pixels a side", "Give a size from 32 to 2048.")


def _things(kind: str, data: Any, classes: int, seed: int, part: str) -> Things:
    make = {
        "digits": partial(things.digits, data, part),
        "pictures": partial(things.pictures, data, classes),
        "blackholes": partial(things.holes, seed * len(PARTS) + PARTS.index(part)),
    }
    return make[kind]()


def _scene(
    rng: np.random.Generator, found: Things, size: int, many: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One scene (C, S, S), its boxes (b, 4) and their classes (b,)."""
    scene = grounds.sky(rng, size) if found.adds else grounds.textured(rng, len(found.light[0]), size)
    boxes, kinds = np.zeros((0, 4), np.float32), []
    for _ in range(rng.integers(many[0], many[1] + 1)):
        which = int(rng.integers(len(found.kinds)))
        light, cover = _changed(rng, found, which, size)
        box = _place(rng, cover, boxes, size)
        if box is None:
            continue
        corner, inner = box
        _put(rng, scene, light, cover, corner, adds=found.adds)
        boxes = np.concatenate([boxes, inner[None]])
        kinds.append(found.kinds[which])
    sigma = 1.0 if found.adds else rng.uniform(0.01, 0.08)  # a field's light is told in units of its noise
    return grounds.noisy(rng, scene, sigma), boxes, np.array(kinds, np.int64)


def _changed(rng: np.random.Generator, found: Things, which: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One thing at another size and angle: its light (C, h, w) and cover (h, w)."""
    light, cover = found.light[which], found.cover[which]
    turn = rng.uniform(-180, 180) if found.adds else rng.uniform(-15, 15)
    side = size * np.exp(rng.uniform(*np.log(SIDES)))
    factor = side / max(cover.shape)
    if factor < 1:  # without aliasing
        blur = 0.4 * (1 / factor - 1)
        light, cover = ndimage.gaussian_filter(light, (0, blur, blur)), ndimage.gaussian_filter(cover, blur)
    angle = np.deg2rad(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    h, w = cover.shape
    out = (
        int(np.ceil(factor * (abs(h * cos) + abs(w * sin)))),
        int(np.ceil(factor * (abs(w * cos) + abs(h * sin)))),
    )
    matrix = np.array([[cos, sin], [-sin, cos]]) / factor
    shift = (np.array([h, w]) - 1) / 2 - matrix @ ((np.array(out) - 1) / 2)

    def turned(x: np.ndarray) -> np.ndarray:
        moved: np.ndarray = ndimage.affine_transform(x, matrix, shift, out, order=1)
        return moved

    return np.stack([turned(c) for c in light]), turned(cover).clip(0, 1)


def _place(
    rng: np.random.Generator, cover: np.ndarray, boxes: np.ndarray, size: int
) -> tuple[tuple[int, int], np.ndarray] | None:
    """A free corner (row, column) for it, and the box of what is seen of it; None where all is taken."""
    seen = cover > SEEN
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows) or max(cover.shape) > size:
        return None
    own = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    for _ in range(TRIES):
        row, column = (int(rng.integers(0, size - side + 1)) for side in cover.shape)
        box = own + np.array([column, row, column, row], np.float32)
        if not len(boxes) or _overlap(box, boxes).max() <= SHARED:
            return (row, column), box
    return None


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:  # (4,), (b, 4) -> (b,)
    """The share of the smaller of two that the other hides."""
    corner = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    areas = np.minimum((box[2:] - box[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(1))
    shared: np.ndarray = corner.clip(0).prod(1) / areas
    return shared


def _put(
    rng: np.random.Generator,
    scene: np.ndarray,
    light: np.ndarray,
    cover: np.ndarray,
    corner: tuple[int, int],
    *,
    adds: bool,
) -> None:
    """Into the scene, in place."""
    h, w = cover.shape
    under = scene[:, corner[0] : corner[0] + h, corner[1] : corner[1] + w]
    if not adds:
        under *= 1 - cover
    under += light * (rng.uniform(4, 15) if adds else rng.uniform(0.75, 1.0))
