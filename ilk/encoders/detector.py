"""A detector: a trunk of any convolutional encoder, a feature pyramid, and cells that say what is where.

Legend: B batch, C channels, H x W pixels, A cells, N boxes, c classes, D the vector's dimensions.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import OptionError, UnknownName
from ..things.found import Found
from ..things.overlap import softened, suppress
from ._base import Encoder, MapEncoder
from ._boxes import Anchors, Cells, Free, Grid, Way
from ._boxes.cells import Said
from ._boxes.pyramid import Pyramid, Says
from ._embed import device_of

WAYS = ("free", "anchors", "grid")
MOST = 1000  # boxes of a picture, the surest, among which doubles are sought


class Detector(Encoder):
    """Finds things of these `classes` (their names) in pictures of any size; learnt by `yolo`.

    how      free: each cell says how far the sides are; or the older anchors (YOLOv3), grid (YOLOv1)
    levels   how many of the trunk's maps are looked at, the coarse ones; four where things are tiny
    pyramid  channels of what stands on the trunk
    anchors  for `anchors`: pairs of width and height in pixels, as many for each level

    The trunk's own last layer is taken off. As an encoder it gives the mean over the pyramid's maps.
    """

    def __init__(
        self,
        encoder: Encoder,
        classes: Sequence[str],
        how: str = "free",
        levels: int = 3,
        pyramid: int = 32,
        anchors: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, MapEncoder):
            do = "Take convnet, resnet or vgg."
            raise OptionError(f"{type(encoder).__name__} gives no maps to find things on", do)
        if not 1 <= levels <= len(encoder.strides):
            raise OptionError(f"levels is {levels}", f"This trunk has 1 to {len(encoder.strides)}.")
        if not classes:
            raise OptionError("no classes to find", "Name one at least.")
        self.encoder, self.classes, self.how, self.levels = encoder, classes, how, levels
        self.pyramid, self.anchors = pyramid, anchors
        encoder.head = nn.Identity()
        self.way = _way(how, len(classes), levels, anchors)
        spoken = self.way.spoken or levels
        self.strides = encoder.strides[-levels:][:spoken]
        self.body = Pyramid(encoder.widths[-levels:], pyramid, spoken)
        self.says = Says(pyramid, spoken, self.way)
        self.dim = pyramid * spoken
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def maps(self, x: Tensor) -> list[Tensor]:  # (B, C, H, W) -> (B, p, H / s, W / s) each
        maps: list[Tensor] = self.body(self.encoder.maps(x)[-self.levels :])
        return maps

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        return torch.cat([one.mean((2, 3)) for one in self.maps(x)], 1)

    def said(self, x: Tensor) -> tuple[Said, Cells]:
        """What each cell says, as it comes; see `way`."""
        maps = self.maps(x)
        return self.says(maps), Cells.of(maps, self.strides, (x.shape[2], x.shape[3]))

    @torch.inference_mode()
    def find(
        self, x: Tensor, *, least: float = 0.25, above: float = 0.5, soft: bool = False, most: int = 300
    ) -> list[Found]:
        """What is in each picture of a batch (B, C, H, W), the surest first, in evaluation mode.

        `least`: how sure, 0 to 1; `above`: boxes of a class that overlap by a larger IoU show the same thing;
        `soft`: such are made less sure instead of left out. At most `most` a picture.
        """
        was_training = self.training
        self.eval()
        said, cells = self.said(x.to(device_of(self)))
        self.train(was_training)
        boxes, chances = self.way.read(said, cells)  # (B, N, 4), (B, N, c)
        scores, classes = chances.max(2)  # (B, N) each
        height, width = cells.picture
        boxes = boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height])).cpu()
        scores, classes = scores.cpu(), classes.cpu()
        return [_kept(*one, least, above, soft, most) for one in zip(boxes, scores, classes)]


def _way(how: str, classes: int, levels: int, anchors: Sequence[Sequence[float]] | None) -> Way:
    if how not in WAYS:
        raise UnknownName("way of telling boxes", how, WAYS)
    if how != "anchors":
        return Free(classes) if how == "free" else Grid(classes)
    if not anchors or len(anchors) % levels:
        do = f"Give widths and heights, as many for each of {levels} levels: [[10, 14], [23, 27], ...]."
        raise OptionError(f"{len(anchors or ())} anchors", do)
    return Anchors(classes, anchors, levels)


def _kept(
    boxes: Tensor, scores: Tensor, classes: Tensor, least: float, above: float, soft: bool, most: int
) -> Found:
    """Of one picture: (N, 4), (N,), (N,)."""
    (rows,) = (scores > least).nonzero(as_tuple=True)
    if len(rows) > MOST:
        rows = rows[scores[rows].topk(MOST).indices]
    boxes, scores, classes = boxes[rows], scores[rows], classes[rows]
    if soft:
        kept, scores = softened(boxes, scores, classes, least=least)
    else:
        kept = suppress(boxes, scores, classes, above=above)
        scores = scores[kept]
    kept, scores = kept[:most], scores[:most]
    return Found(boxes[kept].numpy(), scores.numpy(), classes[kept].numpy())
