"""VQ-KD (Peng et al. 2022): patches become words of a code-book, from which a teacher's view can be told.

The tokenizer of BEiT v2: what the words keep is what the teacher sees, not each pixel.

Legend: B samples, P patches, K codes, d numbers in a code, W the decoder's width, n the teacher's numbers.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import TokenEncoder, patchify
from ..encoders._attention import Block, initialise
from ..encoders._base import grid_of
from ..encoders._convolution import standardise
from ..encoders.quantised import Quantised
from ..errors import OptionError
from ..source.views import Views
from ._base import Objective
from ._frozen import Frozen
from ._sorting import Sorting


class VQKD(Objective):
    """The encoder (`vit`) gets `codes` words, and is kept with them; its `dim` is the length of a code.

    `teacher`: the folder of an encoder (NAME.space, or NAME.run/OBJECTIVE). Of an encoder of patches each
    patch's own vector is foretold, of any other the picture's; without a teacher, each patch's pixels.
    `decay`: how much of a code stays at each step. The decoder's blocks are not kept after.
    """

    dim: ClassVar[int] = 32
    encoder: Quantised

    def __init__(
        self,
        encoder: TokenEncoder,
        *,
        channels: int = 1,
        size: int = 64,
        teacher: str | None = None,
        codes: int = 512,
        decay: float = 0.99,
        commitment: float = 1.0,
        decoder_width: int = 64,
        decoder_depth: int = 1,
        decoder_heads: int = 4,
        augment: str = "natural",
    ) -> None:
        super().__init__()
        if not isinstance(encoder, TokenEncoder | Quantised):
            what = f"VQ-KD gives words to patches, and {type(encoder).__name__} knows none"
            raise OptionError(what, "Give an encoder that does: --encoder vit.")
        if codes < 2:
            raise OptionError(f"codes is {codes}", "Give 2 or more.")
        self.encoder = encoder if isinstance(encoder, Quantised) else Quantised(encoder, codes)
        self.channels, self.size, self.codes, self.decay = channels, size, codes, decay
        self.commitment, self.augment = commitment, augment
        self.decoder_width, self.decoder_depth = decoder_width, decoder_depth
        self.decoder_heads = decoder_heads
        self.teacher = teacher
        self.asked = Frozen(teacher, channels, size) if teacher is not None else None
        self.standardise = standardise(channels)
        inner, W = self.encoder.encoder, decoder_width
        self.embed = nn.Linear(inner.dim, W)
        self.place = nn.Parameter(torch.randn(inner.grid[0] * inner.grid[1], W) * 0.02)
        self.blocks = nn.ModuleList(Block(W, decoder_heads) for _ in range(decoder_depth))
        self.norm = nn.LayerNorm(W, 1e-6)
        with torch.no_grad():
            n = self.truth(torch.zeros(2, channels, size, size)).shape[2]
        self.tell = nn.Linear(W, n)
        for part in (self.embed, self.blocks, self.tell):
            initialise(part)
        self.changed = Views(augment, copies=1)
        self.sorting = Sorting(self.encoder.book, decay)

    def views(self, batch: Tensor) -> tuple[Tensor, ...]:
        return self.changed(batch)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        (x,) = views  # (B, C, H, W)
        z = self.encoder.directions(x)  # (B, P, d)
        rounded = self.encoder.book.book[self.sorting(z)]  # (B, P, d)
        guess = self.told(passed(z, rounded))  # (B, P, n)
        truth = self.truth(x)  # (B, P, n) or (B, 1, n)
        if truth.shape[1] == 1:
            guess = guess.mean(1, keepdim=True)
        return {
            "teacher": 1 - F.cosine_similarity(guess.float(), truth, dim=2).mean(),
            "commitment": self.commitment * F.mse_loss(z, rounded),
        }

    def told(self, codes: Tensor) -> Tensor:  # (B, P, d) -> (B, P, n)
        z = self.embed(codes) + self.place
        for block in self.blocks:
            z = block(z)
        guess: Tensor = self.tell(self.norm(z))
        return guess

    @torch.no_grad()
    def truth(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, P, n), or (B, 1, n) of the whole picture
        with torch.autocast(x.device.type, enabled=False):
            if self.asked is None:
                return patchify(self.standardise(x.float()), self.encoder.encoder.patch)
            teacher = self.asked.encoder
            if not isinstance(teacher, TokenEncoder):
                whole: Tensor = teacher(x)
                return whole[:, None]
            patches = teacher.tokens(x)[:, teacher.specials :]  # (B, P', n)
            picture = patches.mT.reshape(len(x), -1, *grid_of(x, teacher.patch))  # (B, n, h', w')
            own = grid_of(x, self.encoder.encoder.patch)
            fitting = F.interpolate(picture, own, mode="bilinear", align_corners=False)
            return fitting.flatten(2).mT

    def after_step(self, progress: float) -> None:
        self.sorting.follow()


def passed(z: Tensor, rounded: Tensor) -> Tensor:
    """`rounded`, but the gradient reaches `z` as if there had been no rounding (van den Oord et al. 2017)."""
    return z + (rounded - z).detach()
