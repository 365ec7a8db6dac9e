"""U-Net: takes noise off pictures, and so knows what pictures look like (Ho et al. 2020).

Pictures are cut into small patches before and put together after, so that the work is done on maps of about
16 x 16: on a CPU several times as many steps in the same time (as Luhman & Luhman 2022).

Legend: B batch, C channels, H x W pixels, p patch side, W width of the smallest map, D the vector's
dimensions, K numbers told of a picture, S tokens of a context, E their width.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError, UnknownName
from ._base import Encoder, TokenEncoder
from ._convolution import restored, standardise
from ._noise import GUESSES, Schedule, clean_of, schedule_of
from ._tokenizer import Pieces
from ._told import WIDTH, Told
from ._unet import GROUPS, Net
from .latent import Latent

PLACES = 2  # the vector sees 2 x 2 places of the picture, as the convnet's
FORGETS = 0.05  # share of a batch in what is known of maps' scale: it moves while they are learnt
EARLY = 0.1  # the time at which a picture is taken to be, for its vector
SIDE = 16  # of the largest map, about


@dataclass(frozen=True)
class Context:
    """What is told of a batch: tokens (B, S, E), and which of them are real (B, S)."""

    tokens: Tensor | None = None
    real: Tensor | None = None


NOTHING = Context()


class UNet(Encoder):
    """Its vector is the smallest map, of a picture at little noise. `clean` tells the picture under noise.

    `width`: channels of the largest map; of the `levels` each has half the side and twice the channels of the
    one before it. `patch`: pixels a side of a cell of the largest map; None: so that it is about 16 x 16.
    `guess`: what the network tells: the clean picture, the noise, or v, a mix of both. Through few channels
    for the many pixels of a cell noise does not pass, but pictures do (Li & He 2025). `schedule` of the
    noise: cosine or linear.
    What pictures may be drawn after: `numbers`, by name what is known of each (mean, spread, low, high); and
    texts of the column `text`, read by the encoder `words`.
    `latent`: an autoencoder, on whose maps the noise lies; without one it lies on the pixels.
    """

    kind: ClassVar[str] = "images"

    def __init__(
        self,
        channels: int = 1,
        size: int = 64,
        width: int = 32,
        levels: int = 3,
        patch: int | None = None,
        guess: str = "clean",
        schedule: str = "cosine",
        numbers: dict[str, Any] | None = None,
        words: Encoder | None = None,
        text: str | None = None,
        latent: Encoder | None = None,
    ) -> None:
        super().__init__()
        _check(width, levels, guess, words)
        if latent is not None and not isinstance(latent, Latent):
            raise OptionError(f"{type(latent).__name__} gives no maps", "Give a `latent`.")
        self.channels, self.size, self.width, self.levels = channels, size, width, levels
        self.guess, self.patch = guess, patch
        self.schedule, self.numbers, self.words, self.text = schedule, numbers, words, text
        self.latent: Latent | None = latent
        self.noise: Schedule = schedule_of(schedule)
        widths = tuple(width * 2**i for i in range(levels))
        self.dim = widths[-1] * PLACES**2
        usual = 1 if latent is not None else 2 ** max(0, round(math.log2(size / SIDE)))
        self.cell = patch or usual
        laid = channels if latent is None else latent.depth
        self.standardise = standardise(laid)
        if latent is not None:
            self.standardise.momentum = FORGETS
        tower = words if isinstance(words, TokenEncoder) else None
        self.told = Told(numbers or {}, tower, text) if numbers or tower is not None else None
        context = None if self.told is None else WIDTH
        self.net = Net(laid * self.cell**2, widths, context)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        x = self.given(x)
        t = x.new_full((len(x),), EARLY)
        x = self.noise.angle(t).cos()[:, None, None, None] * x
        told = self.context(len(x))
        map_ = self.net.features(self._cut(x), t, told.tokens, told.real)  # (B, W, h, h)
        return F.adaptive_avg_pool2d(map_, PLACES).flatten(1)

    def like(self, x: Tensor) -> Tensor:
        """Something of the shape on which noise is laid, for pictures (B, C, H, W)."""
        cells = None if self.latent is None else (self.latent.depth, self.latent.cells, self.latent.cells)
        return x if cells is None else x.new_empty(len(x), *cells)

    def given(self, x: Tensor) -> Tensor:
        """Pictures (B, C, H, W), or their maps, on the scale on which noise is laid over them."""
        return self.laid(x if self.latent is None else self.latent.maps(x))

    def laid(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.standardise(x.contiguous(memory_format=torch.channels_last))
        return scaled

    def shown(self, x: Tensor) -> Tensor:
        """The way back."""
        x = restored(x, self.standardise)
        return x if self.latent is None else self.latent.pictures(x)

    def spread(self) -> Tensor:
        """The pixels' standard deviation in the data that were learnt from, () for all channels."""
        if self.latent is not None:
            do = "Learn with --objective diffusion, which knows noise on pixels."
            raise OptionError("this U-Net knows noise on maps, not on pixels", do)
        variance = self.standardise.running_var
        assert variance is not None
        return variance.mean().sqrt()

    def region(self, mask: Tensor) -> Tensor:
        """A mask of pixels (1, 1, H, W) as one of that on which noise is laid."""
        return mask if self.latent is None else F.adaptive_max_pool2d(mask, self.latent.cells)

    def told_of(self, x: Tensor, t: Tensor, context: Context = NOTHING) -> Tensor:
        """The network's guess of pictures (B, C, H, W) at times (B,)."""
        told: Tensor = self.net(self._cut(x), t, context.tokens, context.real)
        whole = F.pixel_shuffle(told, self.cell)
        return whole[..., : x.shape[2], : x.shape[3]]

    def clean(self, x: Tensor, t: Tensor, context: Context = NOTHING) -> Tensor:
        """What lies under the noise, as likely as it seems: the mean of all that may."""
        angle = self.noise.angle(t)[:, None, None, None]
        return clean_of(x, self.told_of(x, t, context), angle, self.guess)

    def context(
        self,
        n: int,
        numbers: Tensor | None = None,
        words: Pieces | None = None,
        heard: Tensor | None = None,
    ) -> Context:
        """Of `n` pictures: `numbers` (n, K), NaN where not told; texts, and which of them are told (n,)."""
        if self.told is None:
            return NOTHING
        if numbers is None:
            at = self.net.start.weight.device
            numbers = torch.full((n, len(self.told.numbers)), math.nan, device=at)
        return Context(*self.told(numbers, words, heard))

    def _cut(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C * p * p, ~16, ~16)
        missing = (0, -x.shape[3] % self.cell, 0, -x.shape[2] % self.cell)
        return F.pixel_unshuffle(F.pad(x, missing), self.cell)


def _check(width: int, levels: int, guess: str, words: Encoder | None) -> None:
    if guess not in GUESSES:
        raise UnknownName("guess of a network", guess, GUESSES)
    if width < GROUPS or width % GROUPS or levels < 1:
        do = f"Give a width that is a multiple of {GROUPS}, and one level or more."
        raise OptionError(f"width is {width}, levels {levels}", do)
    if words is not None and not isinstance(words, TokenEncoder):
        what = f"{type(words).__name__} gives a text as one vector"
        raise OptionError(what, "Give an encoder of words that gives tokens: a transformer.")
