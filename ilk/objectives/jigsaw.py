"""Jigsaw (Noroozi & Favaro 2016): the picture's tiles are rearranged; where did each come from?

Legend: B samples, g x g = T tiles of s x s pixels, of which c x c are shown.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders import Encoder, patchify, unpatchify
from ..errors import OptionError
from ..source.views import Views
from ._base import Objective
from ._heads import mlp


class Jigsaw(Objective):
    """`grid` tiles a side. Of each only a part at a random place is shown, `gap` of the side less: lines that
    go on from tile to tile would give the answer away.

    The network sees the rearranged picture as a whole, not tile after tile as in the paper, so that it suits
    whole pictures after; and it names the place of each tile, not one of some chosen arrangements.
    `head`: the widths of layers between the vector and the answers.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        grid: int = 2,
        gap: float = 0.15,
        head: tuple[int, ...] = (512,),
        augment: str = "natural",
    ) -> None:
        super().__init__()
        if grid < 2 or not 0 <= gap < 1:
            what = f"grid is {grid}, gap {gap}"
            raise OptionError(what, "Give 2 or more tiles a side, and a gap from 0 to less than 1.")
        self.encoder, self.grid, self.gap, self.head, self.augment = encoder, grid, gap, head, augment
        self.answer = mlp(encoder.dim, [*head, grid**4])
        self.changed = Views(augment, copies=1)

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Rearranged pictures (B, C, g * c, g * c), and for each place the tile that lies there (B, T)."""
        (x,) = self.changed(batch)
        order = torch.rand(len(x), self.grid**2, device=x.device).argsort(1)
        return rearranged(x, order, self.grid, self.gap), order

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        x, order = views
        answers = self.answer(self.encoder(x)).float().unflatten(1, (order.shape[1], -1))  # (B, T, T)
        return {"places": F.cross_entropy(answers.flatten(0, 1), order.flatten())}


def rearranged(x: Tensor, order: Tensor, grid: int, gap: float) -> Tensor:  # (B, C, H, W), (B, T)
    """At each place the tile that `order` names, with `gap` of its side cut off at random."""
    B, C, s = len(x), x.shape[1], min(x.shape[2:]) // grid
    c = max(1, s - round(gap * s))
    if s < 1:
        what = f"{grid} tiles a side of pictures of {x.shape[2]} x {x.shape[3]} pixels"
        raise OptionError(what, "Give fewer tiles: a smaller grid.")
    top, left = ((side - s * grid) // 2 for side in x.shape[2:])  # what is left over is cut off evenly
    x = x[:, :, top : top + s * grid, left : left + s * grid]
    tiles = patchify(x, s).view(B, -1, C, s, s)  # (B, T, C, s, s)
    tiles = tiles.gather(1, order[:, :, None, None, None].expand(tiles.shape))
    for axis in (3, 4):
        start = torch.randint(0, s - c + 1, order.shape, device=x.device)  # (B, T)
        at = start[..., None] + torch.arange(c, device=x.device)  # (B, T, c)
        at = at[:, :, None, :, None] if axis == 3 else at[:, :, None, None]
        shape = list(tiles.shape)
        shape[axis] = c
        tiles = tiles.gather(axis, at.expand(shape))  # (B, T, C, c, s), then (B, T, C, c, c)
    return unpatchify(tiles.flatten(2), c, grid * c, grid * c)
