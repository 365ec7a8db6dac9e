"""Attention that does not compare every token with every other, for long sequences.

Legend: B batch, h heads, T tokens, d dimensions of a head, w window, n windows, g tokens that all look at.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import one_of
from ._mixing import mixed

REACHES = ("full", "window", "linear")


class Reach(Protocol):
    """In place of the usual weights: of each token's own choice among all."""

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor: ...  # (B, h, T, d) each -> the same

    def weights(self, q: Tensor, k: Tensor) -> Tensor: ...  # (B, h, T, T), for a look inside


def reach_of(kind: str, window: int, first: int) -> Reach | None:
    """None for `full`. `first`: so many tokens at the start look everywhere, and are seen from everywhere."""
    one_of(REACHES, "reach", kind)
    return None if kind == "full" else Window(window, first) if kind == "window" else Linear()


class Window:
    """A token looks at its own window and the two beside it, and at the first `g` (Beltagy et al. 2020).

    Cost grows with T (3 w + g), not with T squared.
    """

    def __init__(self, window: int, first: int) -> None:
        self.w, self.g = window, first

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        g, w = self.g, self.w
        T = q.shape[2] - g
        if 2 * w >= T:  # then no window is out of another's sight
            return mixed(q, k, v)
        far = mixed(q[:, :, :g], k, v)  # (B, h, g, d)
        short = -T % w
        own = torch.unflatten(F.pad(q[:, :, g:], (0, 0, 0, short)), 2, (-1, w))  # (B, h, n, w, d)
        keys, values = (self._beside(t, short) for t in (k, v))  # (B, h, n, g + 3 w, d)
        near = mixed(own, keys, values, self._there(T, short, q.device))
        return torch.cat([far, near.flatten(2, 3)[:, :, :T]], 2)

    def _beside(self, x: Tensor, short: int) -> Tensor:
        """What each window looks at: the first ones, then the windows before, its own and after."""
        first, rest = x[:, :, : self.g], x[:, :, self.g :]
        three = (
            F.pad(rest, (0, 0, self.w, self.w + short)).unfold(2, 3 * self.w, self.w).mT
        )  # (B, h, n, 3 w, d)
        return torch.cat([first[:, :, None].expand(-1, -1, three.shape[2], -1, -1), three], 3)

    def _there(self, T: int, short: int, device: torch.device) -> Tensor:  # (n, 1, g + 3 w)
        """Not what the padding added."""
        place = torch.arange(-self.w, T + short + self.w, device=device)
        there = ((place >= 0) & (place < T)).unfold(0, 3 * self.w, self.w)  # (n, 3 w)
        return F.pad(there, (self.g, 0), value=True)[:, None]

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        T = q.shape[2] - self.g
        window = torch.arange(T, device=q.device) // self.w
        near = (window[:, None] - window).abs() <= 1  # (T - g, T - g)
        if 2 * self.w >= T:
            near = torch.ones_like(near)
        near = F.pad(near, (self.g, 0, self.g, 0), value=True)
        scores = q @ k.mT * q.shape[-1] ** -0.5
        return torch.softmax(scores.masked_fill(~near, -torch.inf), -1)


class Linear:
    """Weights elu(q) + 1 times elu(k) + 1: keys are summed once for all (Katharopoulos et al. 2020)."""

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        with torch.autocast(q.device.type, enabled=False):  # sums over all tokens need their digits
            a, b = F.elu(q.float()) + 1, F.elu(k.float()) + 1
            total = a @ b.sum(2)[..., None]  # (B, h, T, d) x (B, h, d, 1) -> (B, h, T, 1)
            return (a @ (b.mT @ v.float()) / total).to(v.dtype)  # T d^2, not T^2 d

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        scores = (F.elu(q) + 1) @ (F.elu(k) + 1).mT
        return scores / scores.sum(-1, keepdim=True)
