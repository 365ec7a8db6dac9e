"""Attention, and the block that every transformer here is made of: of pictures, of text, there and back.

Legend: B batch, T tokens, S tokens looked at (the same, those before too, or a context's), D width, h heads,
d = D / h, g heads of keys and values.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, one_of
from ._cache import Cache, Kept
from ._mixing import mixed
from ._sparse_attention import Reach

Rotation: TypeAlias = tuple[Tensor, Tensor]  # cosines and sines, (..., 1, T, d)


class Attention(nn.Module):
    """Each token gathers from the others, or from a `context` (B, S, `context` wide): cross-attention.

    `groups`: heads of keys and values, each shared by as many of the queries' (Ainslie et al. 2023).
    `dropout`: the share of weights that are left out while learning. `reach`: a cheaper way to mix, for long
    sequences.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        context: int | None = None,
        *,
        groups: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        reach: Reach | None = None,
    ) -> None:
        super().__init__()
        self.reach = reach
        if heads < 1 or width % heads:
            raise OptionError(f"width {width} with {heads} heads", "Give a width that the heads divide.")
        if groups is not None and (groups < 1 or heads % groups):
            raise OptionError(f"{heads} heads in {groups} groups", "Give a number that divides the heads.")
        self.size, self.shared, self.dropout = width // heads, heads // (groups or heads), dropout
        self.q = nn.Linear(width, width, bias)
        self.kv = nn.Linear(context or width, 2 * self.size * (groups or heads), bias)
        self.out = nn.Linear(width, width, bias)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        *,
        allowed: Tensor | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        look: list[Tensor] | None = None,
        kept: Kept | None = None,
    ) -> Tensor:  # (B, T, D) -> (B, T, D)
        """`allowed` (..., T, S), True where a token may look; `causal`: at none that comes later.

        `look` is appended the weights (B, h, T, S), for a look inside. `kept`: what earlier calls found.
        """
        q = self._heads(self.q(x))  # (B, h, T, d)
        q = q if rotation is None else rotate(q, rotation)
        k, v = (
            t.repeat_interleave(self.shared, 1) if self.shared > 1 else t  # (B, g, S, d) -> (B, h, S, d)
            for t in self._looked_at(x, context, rotation, kept)
        )
        if self.reach is not None:
            if causal or allowed is not None or q.shape[2] != k.shape[2]:
                raise OptionError("a mask or a context with attention of limited reach", "Give reach full.")
            if look is not None:
                look.append(self.reach.weights(q, k))
            return self._out(self.reach.mix(q, k, v))
        if causal and q.shape[2] == 1:  # the last of all may look at each
            causal = False
        if causal and (allowed is not None or look is not None or q.shape[2] != k.shape[2]):
            # torch's own flag goes with no mask, and starts from the first key
            earlier = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=x.device)
            earlier = earlier.tril(k.shape[2] - q.shape[2])
            allowed, causal = earlier if allowed is None else allowed & earlier, False
        if look is not None:
            look.append(_weights(q, k, allowed))
        drop = self.dropout if self.training else 0.0
        return self._out(mixed(q, k, v, allowed, drop, causal=causal))

    def _out(self, x: Tensor) -> Tensor:  # (B, h, T, d) -> (B, T, D)
        mixed: Tensor = self.out(x.transpose(1, 2).flatten(2))
        return mixed

    def _looked_at(
        self, x: Tensor, context: Tensor | None, rotation: Rotation | None, kept: Kept | None
    ) -> tuple[Tensor, Tensor]:  # (B, g, S, d) each
        if context is not None and kept is not None and kept.pair is not None:
            return kept.pair  # a context does not grow
        k, v = map(self._heads, self.kv(x if context is None else context).chunk(2, -1))
        k = k if rotation is None else rotate(k, rotation)
        return (k, v) if kept is None else kept.grown(k, v)

    def _heads(self, x: Tensor) -> Tensor:  # (B, T, h * d) -> (B, h, T, d)
        return x.view(x.shape[0], x.shape[1], -1, self.size).transpose(1, 2)


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


class Gated(nn.Module):
    """A network for each token, its inner half told by the other half what to let through (Shazeer 2020)."""

    def __init__(self, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(width, inner, bias), nn.Linear(width, inner, bias)
        self.down = nn.Linear(inner, width, bias)

    def forward(self, x: Tensor) -> Tensor:  # (..., D) -> (..., D)
        out: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return out


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu-tanh": lambda: nn.GELU("tanh"),  # GPT-2's
    "relu": nn.ReLU,
    "swiglu": nn.SiLU,  # of `Gated`
}
NORMS = ("layer", "rms")


def norm_of(kind: str, width: int, eps: float = 1e-6, *, bias: bool = True) -> nn.Module:
    """`layer`: mean taken off and spread as the unit; `rms`: the root of the mean square as the unit."""
    one_of(NORMS, "norm", kind)
    return nn.LayerNorm(width, eps, bias=bias) if kind == "layer" else nn.RMSNorm(width, eps)


def _mlp(width: int, inner: int, activation: str, bias: bool) -> nn.Module:
    one_of(ACTIVATIONS, "activation", activation)
    if activation == "swiglu":
        return Gated(width, inner, bias)
    return nn.Sequential(
        nn.Linear(width, inner, bias), ACTIVATIONS[activation](), nn.Linear(inner, width, bias)
    )


class Block(nn.Module):
    """Attention, attention to a context where there is one, then a network for each token.

    `first`: each of these is given normalised tokens (pre-norm), else their sum is normalised (post-norm,
    as in BERT). `dropout`: share of attention weights and of a branch's numbers left out while learning.
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
        norm: str = "layer",
        first: bool = True,
        bias: bool = True,
        activation: str = "gelu",
        groups: int | None = None,
        dropout: float = 0.0,
        reach: Reach | None = None,
    ) -> None:
        super().__init__()

        def branch(work: nn.Module) -> _Branch:
            before = norm_of(norm, width, eps, bias=bias)
            return _Branch(before, work, width, layer_scale, drop_path, dropout, first=first)

        own = Attention(width, heads, groups=groups, bias=bias, dropout=dropout, reach=reach)
        self.attention = branch(own)
        self.cross = (
            branch(Attention(width, heads, context, groups=groups, bias=bias, dropout=dropout))
            if context
            else None
        )
        self.mlp = branch(_mlp(width, int(expand * width), activation, bias))

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
        cache: Cache | None = None,
    ) -> Tensor:  # (B, T, D) -> (B, T, D)
        kept, told = (None, None) if cache is None else (cache.tokens, cache.context)
        x = self.attention(x, allowed=allowed, causal=causal, rotation=rotation, look=look, kept=kept)
        if self.cross is not None:
            x = self.cross(x, context, allowed=context_allowed, kept=told)
        out: Tensor = self.mlp(x)
        return out


class _Branch(nn.Module):
    """x + drop(scale * work(norm(x))), or the norm of all where it does not come first."""

    def __init__(
        self,
        norm: nn.Module,
        work: nn.Module,
        width: int,
        scale: float | None,
        drop: float,
        dropout: float,
        *,
        first: bool,
    ) -> None:
        super().__init__()
        self.norm, self.work, self.drop, self.dropout, self.first = norm, work, drop, dropout, first
        self.scale = None if scale is None else nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, *args: Tensor | None, **options: object) -> Tensor:
        change: Tensor = self.work(self.norm(x) if self.first else x, *args, **options)
        if self.scale is not None:
            change = change * self.scale
        if self.training and self.dropout:
            change = F.dropout(change, self.dropout)
        if self.training and self.drop:
            stays = torch.rand(len(x), 1, 1, device=x.device) >= self.drop
            change = change * stays / (1 - self.drop)
        out: Tensor = x + change if self.first else self.norm(x + change)
        return out


def initialise(network: nn.Module) -> None:
    """Linear layers as in ViT and BERT: small normal weights, no bias."""
    for part in network.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
