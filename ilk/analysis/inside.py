"""A look inside an encoder: where attention goes, what a convnet's maps show, which parts make the vector.

Legend: B batch, C channels, H x W pixels, h heads, T tokens (specials first, then g x g patches), D dim.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder, TokenEncoder
from ..encoders.hub import Hub
from ..encoders.projected import Projected
from ._drawn import inside as _drawn
from ._result import Picture, Result


@dataclass(frozen=True)
class Attention:
    """The weights of each layer, (B, h, T, T): how much a token (third) looks at another (fourth)."""

    layers: Sequence[Tensor]
    specials: int  # CLS and register tokens, which come first

    def heads(self, layer: int = -1) -> Tensor:  # (B, h, g, g)
        """What the CLS token looks at, head by head; where there is none, what all tokens do on average."""
        return self._over_patches(self.layers[layer])

    def rollout(self) -> Tensor:  # (B, g, g)
        """What reaches the vector through all layers (Abnar & Zuidema 2020): half of each passes by."""
        return self._over_patches(joint(self.layers)[:, None])[:, 0]

    def sinks(self) -> Sinks:
        """How unevenly attention is received (Darcet et al. 2023; Xiao et al. 2024)."""
        received = [weights.mean((1, 2)) for weights in self.layers]  # (B, T), sums to 1
        most = [r[:, self.specials :].amax(1).mean().item() * r.shape[1] for r in received]
        return Sinks(most, [r[:, : self.specials].sum(1).mean().item() for r in received])

    def _over_patches(self, weights: Tensor) -> Tensor:  # (B, h, T, T) -> (B, h, g, g)
        looked = weights[:, :, 0] if self.specials else weights.mean(2)  # (B, h, T)
        side = math.isqrt(looked.shape[-1] - self.specials)
        return looked[..., self.specials :].reshape(*looked.shape[:2], side, side)


@dataclass(frozen=True)
class Sinks(Result):
    """Layer by layer, the mean over the pictures.

    patch     what the most looked-at patch receives, in even shares: 1 is even, far above is a sink
    special   the share of all attention that goes to CLS and registers
    """

    patch: list[float]
    special: list[float]

    def table(self) -> pa.Table:
        layers = list(range(1, len(self.patch) + 1))
        return pa.table({"layer": layers, "patch": self.patch, "special": self.special})

    def sentence(self) -> str:
        worst = max(range(len(self.patch)), key=self.patch.__getitem__)
        told = f"In layer {worst + 1} one patch receives {self.patch[worst]:.1f} times an even share"
        return f"{told}; special tokens receive {self.special[worst]:.0%} of the attention there."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.received(self.patch)


def joint(layers: Sequence[Tensor]) -> Tensor:  # of (B, h, T, T) -> (B, T, T)
    """How much of each token (third) reaches another (second) through all layers, half passing each by."""
    stays = torch.eye(layers[0].shape[-1], device=layers[0].device)  # (T, T)
    found = stays
    for weights in layers:
        found = (weights.mean(1) + stays) / 2 @ found  # (B, T, T)
    return found


@torch.inference_mode()
def attention(encoder: Encoder, x: Tensor) -> Attention | None:
    """Of an encoder with attention from each patch to each; None of others."""
    network = eye(encoder)
    if not isinstance(network, TokenEncoder | Hub):
        return None
    with still(network):
        layers = network.attention(x)
    if not layers or any(len(w) != len(x) or w.shape != layers[0].shape for w in layers):
        return None  # in windows, or of patches that are merged on the way
    tokens = layers[0].shape[-1]
    specials = network.specials if isinstance(network, TokenEncoder) else network.specials_of(tokens)
    return Attention(layers, specials)


def sinks(encoder: Encoder, x: Tensor) -> Sinks | None:
    found = attention(encoder, x)
    return None if found is None else found.sinks()


@torch.inference_mode()
def features(encoder: Encoder, x: Tensor) -> list[Tensor]:
    """The last map of each size inside a convolutional network, (B, C, side, side), the largest first."""
    network, last = eye(encoder), dict[int, Tensor]()

    def keep(_: nn.Module, __: object, out: object) -> None:
        # The pictures themselves, made even, are no map.
        if isinstance(out, Tensor) and out.ndim == 4 and len(out) == len(x) and out.shape[1:] != x.shape[1:]:
            last[out.shape[-1]] = out

    hooks = [part.register_forward_hook(keep) for part in network.modules()]
    try:
        with still(network):
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return [last[side].clone() for side in sorted(last, reverse=True) if side > 1]


@torch.inference_mode()
def origin(encoder: Encoder, x: Tensor, cells: int = 8) -> Tensor:  # (B, C, H, W) -> (B, cells, cells)
    """How far each vector turns (1 - cosine) when a cell of its picture is covered, by the picture's median.

    Works for every encoder of pictures, and asks the vector itself, where attention only tells what was
    looked at.
    """
    with still(encoder):
        whole = encoder(x)  # (B, D)
        found = [_turn(encoder, picture, vector, cells) for picture, vector in zip(x, whole)]
    return torch.stack(found)


def _turn(encoder: Encoder, picture: Tensor, vector: Tensor, cells: int) -> Tensor:
    """(C, H, W), (D,) -> (cells, cells)"""
    sides = [(torch.arange(n) * cells // n) == torch.arange(cells)[:, None] for n in picture.shape[1:]]
    covers = (sides[0][:, None, :, None] & sides[1][None, :, None, :]).flatten(0, 1)  # (cells^2, H, W)
    middle = picture.flatten(1).median(1).values[:, None, None]  # (C, 1, 1)
    covered = torch.where(covers[:, None].to(picture.device), middle, picture)  # (cells^2, C, H, W)
    vectors = torch.cat([encoder(some) for some in torch.split(covered, 64)])  # (cells^2, D)
    turned = 1 - F.cosine_similarity(vectors, vector[None])
    return turned.clamp(min=0).view(cells, cells)


def eye(encoder: Encoder) -> Encoder:
    """The network itself, without the axes that its vectors were put on afterwards."""
    while isinstance(encoder, Projected):
        encoder = encoder.encoder
    return encoder


@contextmanager
def still(encoder: Encoder) -> Iterator[None]:
    was_training = encoder.training
    encoder.eval()
    try:
        yield
    finally:
        encoder.train(was_training)
