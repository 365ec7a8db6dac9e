"""How strong the noise of pictures is, when nobody says. Legend: B pictures, C channels, H x W pixels."""

import torch
from torch import Tensor

NORMAL = 0.6745  # the median of a standard normal's size


def roughness(x: Tensor) -> Tensor:  # (B, C, H, W) -> (B,)
    """Of white noise the standard deviation, by the finest diagonal details (Donoho & Johnstone 1994).

    What a picture shows is mostly smooth there; the median passes over the few edges. Where more than half
    of a picture is flat, nothing is seen of noise that is only elsewhere.
    """
    high, wide = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    a, b = x[..., 0:high:2, 0:wide:2], x[..., 0:high:2, 1:wide:2]
    c, d = x[..., 1:high:2, 0:wide:2], x[..., 1:high:2, 1:wide:2]
    details = ((a - b - c + d) / 2).abs().flatten(1)  # (B, C * H / 2 * W / 2)
    return torch.median(details, 1).values / NORMAL
