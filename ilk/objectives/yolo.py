"""YOLO: a network that finds things in pictures, learnt from boxes (Redmon et al. 2016 and those after).

free     without anchors: task-aligned assignment, CIoU, distribution focal loss (YOLOv8, TOOD)
anchors  as YOLOv3
grid     as the first YOLO

Which of them is said when the detector is made (`how`). Legend: B batch, M boxes of a picture at most.
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..encoders._embed import batches
from ..encoders.detector import Detector
from ..errors import OptionError
from ..source import Source
from ..source._box_views import BoxViews
from ..source.boxes import Boxed
from ..things.measure import measure
from ._base import Objective
from ._boxes import anchors, free, grid
from ._boxes.wanted import padded
from ._tuning import hold

LOSSES: dict[str, Callable[..., dict[str, Tensor]]] = {
    "free": free.loss,
    "anchors": anchors.loss,
    "grid": grid.loss,
}
LAST = 0.85  # of the run: from there on no mosaics, whose things are cut off as none are later
LEAST = 0.01  # how sure a box must be to count, when all that is found is scored
BATCH = 64


class YOLO(Objective):
    """Boxes and classes of what is in each picture.

    trunk    the share of the learning rate at which the trunk learns; 0: it stays as it came
    augment  how pictures and their boxes are changed while it learns (see `ilk.source.views`); None: not
    mosaic   how likely a picture becomes a part of four, until the last of the run
    mixed    by what share the pictures' side varies from step to step
    """

    kind: ClassVar[str] = "boxes"
    level: ClassVar[bool] = False
    encoder: Detector

    def __init__(
        self,
        encoder: Detector,
        *,
        trunk: float = 1.0,
        augment: str | None = "natural",
        mosaic: float = 0.0,
        mixed: float = 0.0,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Detector):
            do = "Make one of a convolutional network: Detector(encoder, classes)."
            raise OptionError(f"{type(encoder).__name__} finds nothing", do)
        if not 0 <= trunk <= 1:
            raise OptionError(f"trunk is {trunk}", "Give a share of the learning rate: 0 to 1.")
        self.encoder, self.trunk, self.augment = encoder, trunk, augment
        self.mosaic, self.mixed = mosaic, mixed
        if not trunk:
            encoder.encoder.requires_grad_(False)
        self.change = None if augment is None else BoxViews(augment, mosaic=mosaic, mixed=mixed)
        self.last = None if augment is None else BoxViews(augment, mosaic=0, mixed=mixed)
        self.register_buffer("progress", torch.zeros(()))  # kept, so that a resumed run goes on alike
        self.progress: Tensor
        self.views = lambda batch: (batch,)

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:  # (B, M, 5)
        return (padded(_boxed(source).boxes(rows)),)

    def given(self, batch: Any, *beside: Tensor) -> tuple[Any, ...]:
        change = self.change if self.progress < LAST else self.last
        return (batch, *beside) if change is None else change(batch, *beside)

    def pace(self, name: str) -> float:
        return self.trunk if name.startswith("encoder.encoder.") else 1.0

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        pictures, wanted = views  # (B, C, H, W), (B, M, 5)
        if not self.trunk:
            hold(self.encoder.encoder)
        said, cells = self.encoder.said(pictures)
        with torch.autocast(pictures.device.type, enabled=False):  # pixels need their digits
            return LOSSES[self.encoder.how](self.encoder.way, said, cells, wanted)

    def map50(self, source: Source, rows: np.ndarray) -> float | None:
        found = [one for x in batches(source, BATCH, rows) for one in self.encoder.find(x, least=LEAST)]
        share = measure(found, _boxed(source).boxes(rows), self.encoder.classes).ap50
        return None if math.isnan(share) else share  # there is nothing in them

    def after_step(self, progress: float) -> None:
        self.progress.fill_(progress)


def _boxed(source: Source) -> Boxed:
    if not isinstance(source, Boxed):
        do = "Read them with ilk.boxes, or wrap them: ilk.source.boxes.Boxed."
        raise OptionError(f"{type(source).__name__} says nothing of boxes", do)
    return source
