"""Colorization (Zhang et al. 2016): the picture goes in grey, and the network has to tell its colours.

Legend: B samples, C channels, s the side of the colours' map.
"""

from dataclasses import replace

from torch import Tensor
from torch.nn import functional as F

from ..decoders.convnet import ConvNet
from ..encoders import Encoder
from ..errors import OptionError
from ..source.views import Views
from ._base import Objective


class Colorize(Objective):
    """Of the channels only the mean is seen; how each differs from it is foretold, at a quarter of the size.

    For two channels or more, of any kind: bands, stains, colours. `augment` changes the pictures before, but
    not their colours. `width` is the painter's, which is not kept after.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: int = 3,
        size: int = 64,
        width: int = 16,
        augment: str = "natural",
    ) -> None:
        super().__init__()
        if channels < 2:
            what = "colorize takes the colours out of pictures, and these have one channel only"
            raise OptionError(what, "Take another objective, such as rotation, jigsaw or mae.")
        self.encoder, self.channels, self.size = encoder, channels, size
        self.width, self.augment = width, augment
        self.paint = ConvNet(encoder.dim, channels, max(1, size // 4), width)
        self.changed = Views(replace(Views(augment).resolved(channels), colour=0, grey=0), copies=1)

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The grey pictures, in as many channels as before, and the pictures."""
        (x,) = self.changed(batch)
        return x.mean(1, keepdim=True).expand_as(x), x

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        grey, x = views  # (B, C, H, W) each
        colours = F.adaptive_avg_pool2d((x - grey).float(), self.paint.size)  # (B, C, s, s)
        guess = self.paint.standard(self.encoder(grey)).float()  # (B, C, s, s)
        return {"colours": F.mse_loss(guess, self.paint.standardise(colours))}
