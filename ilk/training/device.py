"""What makes a step fast on this device: the order of numbers in memory, and how many digits they have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def resolved(device: torch.device, precision: str) -> str:
    """`auto` is bfloat16 where there are units for it, GPU or CPU, else float32."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        units = torch.cuda.is_bf16_supported(including_emulation=False)
    else:  # AMD from Zen 4, Intel from Cooper Lake. Matrix products twice as fast, steps 1.3 to 1.9 times
        units = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
    return "bfloat16" if units else "float32"


@contextmanager
def precision(device: torch.device, wanted: str) -> Iterator[None]:
    """Convolutions and matrix products in it, sums and weights in float32 as ever."""
    with torch.autocast(device.type, torch.bfloat16, enabled=resolved(device, wanted) == "bfloat16"):
        yield


def kernels_channels_last(network: nn.Module) -> None:
    """Convolutions run fastest in this memory order, when the pictures come in it too."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def channels_last(view: Any) -> Any:
    if isinstance(view, Tensor) and view.ndim == 4:
        return view.contiguous(memory_format=torch.channels_last)
    return view
