"""Attention, and the block that every transformer here is made of: of pictures, of text, there and back.

Legend: B batch, T tokens, S tokens looked at (the same, or a context's), D width, h heads, d = D / h.
"""

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError

Rotation: TypeAlias = tuple[Tensor, Tensor]  # cosines and sines, (..., 1, T, d)


class Attention(nn.Module):
    """Each token gathers from the others, or from a `context` (B, S, `context` wide): cross-attention."""

    def __init__(self, width: int, heads: int, context: int | None = None) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise OptionError(f"width {width} with {heads} heads", "Give a width that the heads divide.")
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(context or width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        *,
        allowed: Tensor | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        look: list[Tensor] | None = None,
    ) -> Tensor:  # (B, T, D) -> (B, T, D)
        """`allowed` (..., T, S), True where a token may look; `causal`: at none that comes later.

        `look` is appended the weights (B, h, T, S), for a look inside.
        """
        k, v = self.kv(x if context is None else context).chunk(2, -1)  # (B, S, D)
        q, k, v = (self._heads(t) for t in (self.q(x), k, v))  # (B, h, T or S, d)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        if causal and (allowed is not None or look is not None):  # torch's own flag goes with no mask
            earlier = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=x.device).tril()
            allowed, causal = earlier if allowed is None else allowed & earlier, False
        if look is not None:
            look.append(_weights(q, k, allowed))
        out = F.scaled_dot_product_attention(q, k, v, allowed, is_causal=causal)  # (B, h, T, d)
        mixed: Tensor = self.out(out.transpose(1, 2).flatten(2))  # (B, T, D)
        return mixed

    def _heads(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, h, T, d)
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)


def _weights(q: Tensor, k: Tensor, allowed: Tensor | None) -> Tensor:
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, h, T, d) x (B, h, d, S) -> (B, h, T, S)
    return torch.softmax(scores if allowed is None else scores.masked_fill(~allowed, -torch.inf), -1)


def rotation(places: Tensor, d: int, base: float = 10_000.0) -> Rotation:
    """Rotary positions (Su et al. 2021) of tokens at `places` (..., T, axes), axis by axis.

    The dimensions are shared out among the axes (one for text, two for pictures), and dimension i turns
    together with i + d / 2, the convention of the published Llama and DINOv3 weights.
    """
    axes = places.shape[-1]
    if d % (2 * axes):
        do = f"Give a width that is a multiple of {2 * axes} times the heads."
        raise OptionError(f"rotary positions along {axes} axes with {d} dimensions a head", do)
    n = d // (2 * axes)
    speed = base ** (-torch.arange(n, device=places.device) / n)  # (n,) radians a step, falling from 1
    angle = (places[..., None].float() * speed).flatten(-2)  # (..., T, axes, n) -> (..., T, d / 2)
    angle = torch.cat([angle, angle], -1)[..., None, :, :]  # (..., 1, T, d)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, by: Rotation) -> Tensor:  # (B, h, T, d)
    cos, sin = by
    one, other = x.chunk(2, -1)
    return (x * cos + torch.cat([-other, one], -1) * sin).to(x.dtype)


class Block(nn.Module):
    """Pre-norm: attention, attention to a context where there is one, then a network for each token.

    `layer_scale`: what a branch is multiplied by at first, learnt for each dimension (Touvron et al. 2021).
    `drop_path`: how often a sample skips a branch while learning (Huang et al. 2016).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        context: int | None = None,
        expand: float = 4.0,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
        eps: float = 1e-6,
    ) -> None:
        super().__init__()
        inner = int(expand * width)

        def branch(work: nn.Module) -> _Branch:
            return _Branch(nn.LayerNorm(width, eps), work, width, layer_scale, drop_path)

        self.attention = branch(Attention(width, heads))
        self.cross = branch(Attention(width, heads, context)) if context else None
        self.mlp = branch(nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width)))

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        *,
        allowed: Tensor | None = None,
        context_allowed: Tensor | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        look: list[Tensor] | None = None,
    ) -> Tensor:  # (B, T, D) -> (B, T, D)
        x = self.attention(x, allowed=allowed, causal=causal, rotation=rotation, look=look)
        if self.cross is not None:
            x = self.cross(x, context, allowed=context_allowed)
        out: Tensor = self.mlp(x)
        return out


class _Branch(nn.Module):
    """x + drop(scale * work(norm(x)))"""

    def __init__(
        self, norm: nn.Module, work: nn.Module, width: int, scale: float | None, drop: float
    ) -> None:
        super().__init__()
        self.norm, self.work, self.drop = norm, work, drop
        self.scale = None if scale is None else nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, *args: Tensor | None, **options: object) -> Tensor:
        change: Tensor = self.work(self.norm(x), *args, **options)
        if self.scale is not None:
            change = change * self.scale
        if self.training and self.drop:
            stays = torch.rand(len(x), 1, 1, device=x.device) >= self.drop
            change = change * stays / (1 - self.drop)
        return x + change


def initialise(network: nn.Module) -> None:
    """Linear layers as in ViT and BERT: small normal weights, no bias."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
