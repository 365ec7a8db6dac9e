"""BEiT (Bao et al. 2021; v2, Peng et al. 2022): patches are hidden; foretell the words that name them.

The words are a tokenizer's (`vqkd`). They are foretold twice, by one and the same layer: from the last
layer's patches, and by a shallow head from an inner layer's patches and the picture's vector. What the inner
patches do not tell, the vector has to.

Legend: B samples, P patches, M masked ones of the batch, K words, D a token's width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import TokenEncoder, patchify
from ..encoders._attention import Block, initialise
from ..encoders._codebook import CodeBook
from ..encoders._convolution import standardise
from ..encoders.quantised import Quantised
from ..encoders.vit import ViT
from ..errors import OptionError
from ..source.views import Views
from ._base import Objective
from ._frozen import Frozen
from ._sorting import Sorting
from .ibot import blobs

DECAY = 0.99  # of the words that are made on the way


class BEiT(Objective):
    """Of the patches the share `masked` is hidden, in `pieces`. For `vit`.

    `tokenizer`: the folder of what `vqkd` learnt (NAME.run/vqkd). Without one the patches' own pixels are
    sorted into `codes` kinds on the way: no second run, and words that say less.
    `inner`: after how many layers the shallow head of `head_depth` blocks takes the patches (None: after
    three in four).
    """

    encoder: ViT

    def __init__(
        self,
        encoder: TokenEncoder,
        *,
        channels: int = 1,
        size: int = 64,
        tokenizer: str | None = None,
        codes: int = 256,
        masked: float = 0.4,
        pieces: int = 3,
        inner: int | None = None,
        head_depth: int = 2,
        augment: str = "natural",
    ) -> None:
        super().__init__()
        if not isinstance(encoder, ViT):
            what = f"BEiT hides patches and looks at inner layers; {type(encoder).__name__} has none"
            raise OptionError(what, "Give an encoder that does: --encoder vit.")
        if not 0 < masked < 1 or codes < 2:
            what = f"masked is {masked}, codes {codes}"
            raise OptionError(what, "Give a share between 0 and 1, and 2 codes or more.")
        depth = len(encoder.blocks)
        self.layer = inner if inner is not None else max(1, depth * 3 // 4)
        if not 1 <= self.layer <= depth:
            raise OptionError(f"inner is {inner}", f"The encoder has {depth} layers: give 1 to {depth}.")
        self.encoder, self.channels, self.size, self.tokenizer = encoder, channels, size, tokenizer
        self.codes, self.masked, self.pieces = codes, masked, pieces
        self.inner, self.head_depth, self.augment = inner, head_depth, augment
        self.mask = nn.Parameter(torch.zeros(encoder.token_dim))
        given = None if tokenizer is None else _Given(tokenizer, channels, size, encoder.grid)
        self.namer = given or _Sorted(codes, channels, encoder.patch)
        self.shallow = _Shallow(encoder, head_depth)
        self.name = nn.Linear(encoder.token_dim, self.namer.codes)
        initialise(self.name)
        self.changed = Views(augment, copies=1)

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Changed pictures (B, C, H, W), and what is masked in each (B, P)."""
        (x,) = self.changed(batch)
        share = (self.masked, self.masked)
        return x, blobs(len(x), self.encoder.grid, share, 1.0, self.pieces).to(x.device)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        x, masked = views
        truth = self.namer(x)[masked]  # (B, P) -> (M,)
        layers = self.encoder.layers(x, masked=masked, mask=self.mask)  # of (B, T, D)
        inner, last = (layer[:, self.encoder.specials :] for layer in (layers[self.layer - 1], layers[-1]))
        vector = self.encoder.vector(layers[-1])  # (B, V)
        return {
            "patches": F.cross_entropy(self.name(last[masked]).float(), truth),
            "vector": F.cross_entropy(self.name(self.shallow(vector, inner)[masked]).float(), truth),
        }

    def after_step(self, progress: float) -> None:
        self.namer.after_step()


class _Shallow(nn.Module):
    """A few blocks over the picture's vector and the patches of an inner layer."""

    def __init__(self, encoder: ViT, depth: int) -> None:
        super().__init__()
        D = encoder.token_dim
        self.whole = nn.Linear(encoder.dim, D)
        self.blocks = nn.ModuleList(Block(D, encoder.head_count) for _ in range(depth))
        self.norm = nn.LayerNorm(D, 1e-6)
        initialise(self)

    def forward(self, vector: Tensor, patches: Tensor) -> Tensor:  # (B, V), (B, P, D) -> (B, P, D)
        z = torch.cat([self.whole(vector)[:, None], patches], 1)  # (B, 1 + P, D)
        for block in self.blocks:
            z = block(z)
        told: Tensor = self.norm(z[:, 1:])
        return told


class _Given(nn.Module):
    """The words of a tokenizer that was learnt before."""

    def __init__(self, folder: str, channels: int, size: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.frozen = Frozen(folder, channels, size)
        if not isinstance(self.frozen.encoder, Quantised):
            what = f"{folder} has a {type(self.frozen.encoder).__name__}, which gives no words to patches"
            raise OptionError(what, "Give the folder of what vqkd learnt: NAME.run/vqkd.")
        self.tokenizer: Quantised = self.frozen.encoder
        if self.tokenizer.encoder.grid != grid:
            its, own = ("x".join(map(str, g)) for g in (self.tokenizer.encoder.grid, grid))
            what = f"the tokenizer in {folder} has words for {its} patches, the encoder has {own}"
            raise OptionError(what, f"Give the encoder --patch {self.tokenizer.encoder.patch}.")
        self.codes = self.tokenizer.codes

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, P)
        return self.tokenizer.words(x)

    def after_step(self) -> None:
        """It has learnt all it will."""


class _Sorted(nn.Module):
    """The patches' pixels in kinds (spherical k-means), which move on with every batch."""

    def __init__(self, codes: int, channels: int, patch: int) -> None:
        super().__init__()
        self.codes, self.patch = codes, patch
        self.standardise = standardise(channels)
        self.book = CodeBook(codes, channels * patch**2)
        self.sorting = Sorting(self.book, DECAY)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, P)
        with torch.autocast(x.device.type, enabled=False):
            z = F.normalize(patchify(self.standardise(x.float()), self.patch), dim=2)  # (B, P, n)
        return self.sorting(z)

    def after_step(self) -> None:
        self.sorting.follow()
