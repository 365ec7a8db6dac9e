"""From pictures with boxes to the detector that learns from them: its trunk blank, or learnt before.

Legend: n boxes.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import encoders, record, saved
from ..encoders import Encoder, MapEncoder
from ..encoders.detector import Detector
from ..errors import DataError, OptionError
from ..find import parameters
from ..source.boxes import Boxed

WIDTH = 16  # of a blank convnet: its maps are large here, and many cheap steps beat few dear ones
FILLED = 9  # cells of a trunk's finest map that a thing of usual size is to fill, along a side
SIZES = (16, 256)  # from no step down before the first map to one of 16 pixels
EACH = 3  # anchors of a level, as in YOLOv3
ROUNDS = 100  # of the grouping that finds them, at most


def detector_for(
    source: Boxed,
    encoder: str,
    seed: int,
    *,
    start: str | os.PathLike[str] | None = None,
    how: str = "free",
    levels: int = 3,
    pyramid: int = 32,
    **options: Any,
) -> Detector:
    """A blank trunk of that name, or the one that `start` (a space, or a folder of a run) learnt before.

    How far a blank trunk steps down at first (`size`) goes by the things, not by the pictures: small ones are
    to be seen wherever they are in a large one.
    """
    torch.manual_seed(seed)
    channels = source.traits["channels"]
    known = source.boxes(np.arange(len(source)))
    sides = np.concatenate([b[:, 2:] - b[:, :2] for b, _ in known])  # (n, 2)
    if start is None:
        offered = {"channels": channels, "size": front(sides)} | (
            {"width": WIDTH} if encoder == "convnet" else {}
        )
        trunk = encoders.build(encoder, offered, **options)
    else:
        trunk = _before(Path(start), channels)
        if options:
            do = f"Leave {' and '.join(options)} out: it is as it was learnt."
            raise OptionError(f"the trunk comes from {start}", do)
    anchors = priors(sides, EACH * levels, seed) if how == "anchors" else None
    return Detector(trunk, [*source.classes], how, levels, pyramid, anchors)


def front(sides: np.ndarray) -> int:
    """The side of pictures whose steps down suit things with boxes of these widths and heights (n, 2)."""
    if not len(sides):
        return 64  # nothing is known of the things
    usual = float(np.median(np.sqrt(sides.prod(1))))
    size = 16 * 2 ** round(math.log2(usual / FILLED))
    return int(min(max(size, SIZES[0]), SIZES[1]))


def _before(folder: Path, channels: int) -> Encoder:
    if record.stands(folder):  # NAME.run, with NAME.space beside it
        folder = folder.with_suffix(".space")
    found: Any = saved.load(folder, Encoder)  # type: ignore[type-abstract]
    while not isinstance(found, MapEncoder) and "encoder" in parameters(type(found)):
        found = found.encoder  # vectors evened out, another detector, ...
    if isinstance(found, MapEncoder) and found.channels != channels:
        what = f"the encoder in {folder} sees {found.channels} channels; these have {channels}"
        raise OptionError(what, "Read the pictures as it was taught (--channels).")
    encoder: Encoder = found
    return encoder


def priors(sides: np.ndarray, k: int, seed: int = 0) -> Sequence[Sequence[float]]:
    """`k` widths and heights that are most like those of boxes (n, 2), by IoU (YOLOv2's k-means)."""
    if len(sides) < k:
        raise DataError(f"{len(sides)} boxes to choose {k} anchors from", "Give more, or take --how free.")
    rng = np.random.default_rng(seed)
    chosen = sides[rng.choice(len(sides), k, replace=False)].astype(np.float64)  # (k, 2)
    own = np.full(len(sides), -1)
    for _ in range(ROUNDS):
        inner = np.minimum(sides[:, None], chosen).prod(2)  # (n, k), both from one corner
        nearest = (inner / (sides.prod(1)[:, None] + chosen.prod(1) - inner)).argmax(1)
        if (nearest == own).all():
            break
        own = nearest
        for i in np.unique(own):
            chosen[i] = np.median(sides[own == i], axis=0)
    return [[round(float(w), 1), round(float(h), 1)] for w, h in sorted(chosen, key=np.prod)]
