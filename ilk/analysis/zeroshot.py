"""Zero-shot classification (Radford et al. 2021): pictures take the class whose name, in words, lies nearest.

Nothing is learnt: a class is the middle of what the space's encoder makes of its name in each template.

Legend: n rows, c classes, t templates, D dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.special import softmax

from ..errors import OptionError, SpaceError
from ._drawn import shots as _drawn
from ._result import Picture, Result
from .probing import values_of

if TYPE_CHECKING:
    from ..space import Space

TEMPLATE = "a picture of {}"
LAYER = "zero_shot"
SCALE = 100.0  # of cosines, where the encoder knows none: CLIP's
_BLOCK = 65536  # rows at a time


@dataclass(frozen=True)
class ZeroShot(Result):
    """The class of each row, how sure that is among these classes, and how many rows took each."""

    ids: Sequence[str]
    classes: list[str]
    chosen: np.ndarray  # (n,) the class's place
    probability: np.ndarray  # (n,) float32
    label: str | None
    right: float | None  # share of the rows with a label that is one of the classes
    asked: int  # so many

    def table(self) -> pa.Table:
        """One row a class."""
        counts = np.bincount(self.chosen, minlength=len(self.classes))
        sure = np.bincount(self.chosen, self.probability, len(self.classes)) / np.maximum(counts, 1)
        return pa.table({"class": self.classes, "rows": counts, "probability": sure.astype(np.float32)})

    def sentence(self) -> str:
        n, c = len(self.ids), len(self.classes)
        told = f"{n:,} rows over {c} classes by their names alone."
        if self.right is None:
            return told
        return f"{told} Of {self.asked:,} whose {self.label} is one of them, {self.right:.1%} are right."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_zero(self)


def zero_shot(
    space: Space,
    classes: Sequence[str],
    *,
    template: str | Sequence[str] = TEMPLATE,
    label: str | None = None,
    write: bool = True,
    layer: str = LAYER,
) -> ZeroShot:
    """Which of the `classes` each row is, told by their names alone; kept as a layer.

    template  what a name is put into, at {}; of several the mean is taken
    label     a column to be compared with (upper and lower case, - and _ are the same)
    """
    named, templates = _checked(space, classes, template)
    middles = _said(space, named, templates)  # (c, D)
    chosen, probability = _nearest(space.vectors(), middles, _scale(space))
    right, asked = (None, 0) if label is None else _right(values_of(space, label), named, chosen)
    ids = space.ids()
    found = ZeroShot(ids, named, chosen, probability, label, right, asked)
    if write:
        table = {
            "id": pa.array(ids, pa.string()),
            "class": pa.array(np.array(named)[chosen].tolist(), pa.string()),
            "class_probability": pa.array(probability),
        }
        made = {"classes": named, "templates": templates, "rows": len(ids)}
        space.write_layer(layer, pa.table(table), made)
    return found


def _checked(
    space: Space, classes: Sequence[str], template: str | Sequence[str]
) -> tuple[list[str], list[str]]:
    if not space.in_words:
        raise SpaceError(f"the encoder of {space.path} reads no words", "Learn one: --objective clip.")
    named = list(dict.fromkeys(classes))
    if len(named) < 2 or not all(name.strip() for name in named):
        raise OptionError(f"classes are {classes}", "Give two names or more.")
    templates = [template] if isinstance(template, str) else list(template)
    if not templates or not all("{}" in t for t in templates):
        raise OptionError(f"template is {template!r}", f"Say where the name goes: {TEMPLATE!r}.")
    return named, templates


def _said(space: Space, classes: list[str], templates: list[str]) -> np.ndarray:  # (c, D)
    said = [unit(space.encode([t.replace("{}", name) for name in classes])) for t in templates]
    return unit(np.mean(said, axis=0))


def _nearest(vectors: np.ndarray, middles: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    chosen, probability = np.zeros(len(vectors), np.int64), np.zeros(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        rows = slice(start, start + _BLOCK)
        chances = softmax(scale * (unit(vectors[rows]) @ middles.T), axis=1)  # (block, c)
        chosen[rows], probability[rows] = chances.argmax(1), chances.max(1)
    return chosen, probability


def _scale(space: Space) -> float:
    """That of the cosines while it was learnt, so that what is said to be likely was so."""
    from ..encoders.fused import Fused
    from ..encoders.two import Two

    return float(space.encoder.scale) if isinstance(space.encoder, Fused | Two) else SCALE


def _right(values: Any, classes: list[str], chosen: np.ndarray) -> tuple[float | None, int]:
    place = {_plain(name): i for i, name in enumerate(classes)}
    truth = np.array([-1 if v is None else place.get(_plain(str(v)), -1) for v in values.to_pylist()])
    known = truth >= 0
    return (float((truth == chosen)[known].mean()) if known.any() else None), int(known.sum())


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def unit(z: np.ndarray) -> np.ndarray:
    """(n, D) of length 1."""
    found: np.ndarray = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)
    return found
