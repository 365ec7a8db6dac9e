"""Vision transformer (Dosovitskiy et al. 2020): a picture is a sentence, its patches are the words.

Legend: B batch, C channels, H x W pixels, p patch side, P patches (h x w of them), R registers,
T = 1 + R + P tokens (R + P where the vector is the patches' mean), D width, V the vector's dimensions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, one_of
from ._attention import Block, Rotation, initialise, rotation
from ._base import TokenEncoder, grid_of, patchify
from ._convolution import standardise
from ._sparse_attention import reach_of

PRESETS = {  # width, depth, heads; mini: for minutes on a laptop, the others are the papers'
    "mini": (64, 4, 4),
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
}
POOLS = ("cls", "mean")
POSITIONS = ("learned", "sincos", "rotary")


def patch_for(size: int) -> int:
    """Four patches a side of small pictures, more of large ones: a laptop looks at few."""
    return max(2, min(8, size // 4))


class ViT(TokenEncoder):
    """Of any channels and size; made for one size, it takes others by stretching the positions.

    `width`, `depth` and `heads` replace the preset's. The vector is the CLS token's or the patches' mean,
    by a linear layer where `dim` is not the width. `registers` are tokens with nothing to show, so that
    attention that wants to go nowhere does not gather on a patch (Darcet et al. 2023). `reach`: `full`, or
    for many patches `window` (of `span` patches, row by row, and the two beside it) or `linear`.
    """

    def __init__(
        self,
        channels: int = 1,
        size: int = 64,
        dim: int = 128,
        patch: int = 8,
        preset: str = "mini",
        width: int | None = None,
        depth: int | None = None,
        heads: int | None = None,
        pool: str = "cls",
        positions: str = "learned",
        registers: int = 0,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
        reach: str = "full",
        span: int = 64,
    ) -> None:
        super().__init__()
        one_of(PRESETS, "preset", preset)
        one_of(POOLS, "pool", pool)
        one_of(POSITIONS, "positions", positions)
        self.channels, self.size, self.dim, self.patch, self.preset = channels, size, dim, patch, preset
        self.width, self.depth, self.heads = width, depth, heads
        self.pool, self.positions, self.registers = pool, positions, registers
        self.layer_scale, self.drop_path, self.reach, self.span = layer_scale, drop_path, reach, span
        usual = PRESETS[preset]
        D, layers, self.head_count = width or usual[0], depth or usual[1], heads or usual[2]
        self.token_dim = D
        self.grid = (-(-size // patch), -(-size // patch))
        self.specials = registers + (pool == "cls")
        self.standardise = standardise(channels)
        self.embed = nn.Linear(channels * patch**2, D)
        self.special = nn.Parameter(torch.randn(self.specials, D) * 0.02) if self.specials else None
        learned = positions == "learned"
        self.place = nn.Parameter(torch.randn(self.grid[0] * self.grid[1], D) * 0.02) if learned else None
        self.blocks = nn.ModuleList(
            Block(
                D,
                self.head_count,
                layer_scale=layer_scale,
                drop_path=drop_path * i / max(layers - 1, 1),
                reach=reach_of(reach, span, self.specials),
            )
            for i in range(layers)
        )
        self.norm = nn.LayerNorm(D, 1e-6)
        self.head = nn.Identity() if dim == D else nn.Linear(D, dim)
        initialise(self)
        if positions == "sincos" and D % 4:
            raise OptionError(f"sine and cosine positions with width {D}", "Give a multiple of 4.")
        self._turns(torch.zeros(1, 2))  # tells now if the width does not suit rotary ones

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, V)
        return self.vector(self.tokens(x))

    def vector(self, tokens: Tensor) -> Tensor:  # (B, T, D) -> (B, V)
        pooled = tokens[:, 0] if self.pool == "cls" else tokens[:, self.specials :].mean(1)
        vectors: Tensor = self.head(pooled)
        return vectors

    def tokens(
        self,
        x: Tensor,
        *,
        keep: Tensor | None = None,
        masked: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:  # (B, C, H, W) -> (B, T, D)
        return self._through(x, keep, masked, mask)

    def layers(self, x: Tensor, *, masked: Tensor | None = None, mask: Tensor | None = None) -> list[Tensor]:
        """The tokens (B, T, D) after each block; the last are those that `tokens` gives."""
        layers: list[Tensor] = []
        last = self._through(x, None, masked, mask, layers=layers)
        return [*layers[:-1], last]

    def attention(self, x: Tensor) -> list[Tensor]:  # depth x (B, heads, T, T)
        look: list[Tensor] = []
        self._through(x, None, None, None, look=look)
        return look

    def _through(
        self,
        x: Tensor,
        keep: Tensor | None,
        masked: Tensor | None,
        mask: Tensor | None,
        *,
        look: list[Tensor] | None = None,
        layers: list[Tensor] | None = None,
    ) -> Tensor:
        grid = grid_of(x, self.patch)
        z = self.embed(patchify(self.standardise(x), self.patch))  # (B, P, D)
        if masked is not None:
            z = torch.where(masked[..., None], torch.zeros_like(z) if mask is None else mask.to(z.dtype), z)
        at = self._places(grid, x.device)  # (P, 2)
        if self.positions != "rotary":
            z = z + self._position(grid, at)
        if keep is not None:
            z = z.gather(1, keep[..., None].expand(-1, -1, z.shape[2]))  # (B, K, D)
            at = at[keep]  # (B, K, 2)
        if self.special is not None:
            z = torch.cat([self.special.to(z.dtype).expand(z.shape[0], -1, -1), z], 1)  # (B, T, D)
        turns = self._turns(at)
        for block in self.blocks:
            z = block(z, rotation=turns, look=look)
            if layers is not None:
                layers.append(z)
        tokens: Tensor = self.norm(z)
        return tokens

    def _places(self, grid: tuple[int, int], device: torch.device) -> Tensor:  # (P, 2)
        """Row and column of each patch, in patches of the grid that it was made for."""
        axes = [(torch.arange(n, device=device) + 0.5) * (own / n) - 0.5 for n, own in zip(grid, self.grid)]
        return torch.cartesian_prod(*axes)

    def _position(self, grid: tuple[int, int], at: Tensor) -> Tensor:  # (P, D)
        if self.place is None:
            return _sincos(at, self.token_dim)
        if grid == self.grid:
            return self.place
        picture = self.place.T.view(1, -1, *self.grid)  # (1, D, h, w)
        return F.interpolate(picture, grid, mode="bicubic")[0].flatten(1).T

    def _turns(self, at: Tensor) -> Rotation | None:  # (..., P, 2)
        if self.positions != "rotary":
            return None
        # 100, not 10,000: a picture is far fewer patches wide than a text is long (Heo et al. 2024)
        cos, sin = rotation(at, self.token_dim // self.head_count, 100.0)
        before = (0, 0, self.specials, 0)  # tokens without a place are not turned
        return F.pad(cos, before, value=1.0), F.pad(sin, before)


def _sincos(at: Tensor, width: int) -> Tensor:  # (P, 2) -> (P, D)
    """Sines and cosines of row and column, a quarter of the dimensions each (Chen et al. 2021)."""
    speed = 1e4 ** (-torch.arange(width // 4, device=at.device) / (width // 4))
    angle = (at[..., None] * speed).flatten(-2)  # (P, 2, D / 4) -> (P, D / 2)
    return torch.cat([angle.sin(), angle.cos()], -1)
