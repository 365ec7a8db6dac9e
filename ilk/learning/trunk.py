"""From pictures with boxes to the detector that learns from them: its trunk blank, or learnt before.

Legend: n boxes.
"""

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
    pyramid: int = 64,
    **options: Any,
) -> Detector:
    """A blank trunk of that name, or the one that `start` (a space, or a folder of a run) learnt before.

    The size of the pictures is no trait here: a trunk steps down as it would for small ones, so that things
    of a few cells are seen wherever they are in a large one.
    """
    torch.manual_seed(seed)
    channels = source.traits["channels"]
    if start is None:
        trunk = encoders.build(encoder, {"channels": channels}, **options)
    else:
        trunk = _before(Path(start), channels)
        if options:
            do = f"Leave {' and '.join(options)} out: it is as it was learnt."
            raise OptionError(f"the trunk comes from {start}", do)
    anchors = None
    if how == "anchors":
        known = source.boxes(np.arange(len(source)))
        anchors = priors(np.concatenate([b[:, 2:] - b[:, :2] for b, _ in known]), EACH * levels, seed)
    return Detector(trunk, [*source.classes], how, levels, pyramid, anchors)


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
