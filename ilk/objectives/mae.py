"""MAE (He et al. 2022): most patches are hidden; from the few that are seen a small decoder paints the rest.

Legend: B samples, P patches, K of them seen, M hidden, S special tokens of the encoder, D a token's width,
W the decoder's, n = C * p * p numbers in a patch.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import TokenEncoder, patchify
from ..encoders._attention import Block, initialise
from ..encoders._convolution import standardise
from ..errors import OptionError
from ._base import Objective


class MAE(Objective):
    """Of the patches the share `masked` is hidden. For encoders of patches (`vit`).

    `normalised`: each patch is painted with its own mean taken off and its own spread as the unit, so that
    the faint ones count as much. The decoder is a transformer of `decoder_depth` blocks, not kept after.
    """

    encoder: TokenEncoder

    def __init__(
        self,
        encoder: TokenEncoder,
        *,
        channels: int = 1,
        masked: float = 0.75,
        normalised: bool = True,
        decoder_width: int = 32,
        decoder_depth: int = 1,
        decoder_heads: int = 4,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, TokenEncoder):
            what = f"MAE hides patches, and {type(encoder).__name__} knows none"
            raise OptionError(what, "Give an encoder that does: --encoder vit.")
        P, W = encoder.grid[0] * encoder.grid[1], decoder_width
        if not 0 < masked < 1 or P < 2:
            what = f"masked is {masked}, of {P} patches"
            raise OptionError(what, "Give a share between 0 and 1, and patches smaller than the picture.")
        self.encoder, self.channels, self.masked, self.normalised = encoder, channels, masked, normalised
        self.decoder_width, self.decoder_depth, self.decoder_heads = (
            decoder_width,
            decoder_depth,
            decoder_heads,
        )
        self.patches, self.seen = P, min(max(1, int(P * (1 - masked))), P - 1)
        self.standardise = standardise(channels)
        self.whole = nn.Linear(encoder.dim, W)  # the vector: what it tells need not be told by patches
        self.embed = nn.Linear(encoder.token_dim, W)
        self.mask = nn.Parameter(torch.randn(W) * 0.02)
        self.place = nn.Parameter(torch.randn(P, W) * 0.02)
        self.blocks = nn.ModuleList(Block(W, decoder_heads) for _ in range(decoder_depth))
        self.norm = nn.LayerNorm(W, 1e-6)
        self.paint = nn.Linear(W, channels * encoder.patch**2)
        for part in (self.whole, self.embed, self.blocks, self.paint):
            initialise(part)

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures, and all patches of each in random order (B, P): the first K will be seen."""
        return batch, torch.rand(len(batch), self.patches, device=batch.device).argsort(1)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        x, order = views  # (B, C, H, W), (B, P)
        tokens = self.encoder.tokens(x, keep=order[:, : self.seen])  # (B, S + K, D)
        guess = self.painted(tokens, order)  # (B, M, n)
        truth = self.truth(x).gather(1, order[:, self.seen :, None].expand(guess.shape))  # (B, M, n)
        return {"painting": F.mse_loss(guess.float(), truth)}

    def painted(self, tokens: Tensor, order: Tensor) -> Tensor:  # (B, S + K, D) -> (B, M, n)
        hidden = order.shape[1] - self.seen
        seen = self.embed(tokens[:, self.encoder.specials :])  # (B, K, W)
        mask = self.mask.to(seen.dtype).expand(len(seen), hidden, -1)  # (B, M, W)
        patches = torch.cat([seen, mask], 1) + self.place[order]  # (B, P, W)
        z = torch.cat([self.whole(self.encoder.vector(tokens))[:, None], patches], 1)  # (B, 1 + P, W)
        for block in self.blocks:
            z = block(z)
        guess: Tensor = self.paint(self.norm(z[:, -hidden:]))
        return guess

    def truth(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, P, n)
        with torch.autocast(x.device.type, enabled=False):
            patches = patchify(self.standardise(x.float()), self.encoder.patch)
            if not self.normalised:
                return patches
            variance, mean = torch.var_mean(patches, 2, keepdim=True)
            return (patches - mean) / (variance + 1e-6).sqrt()
