"""Our U-Net beside diffusers' of equal size: CPU time of a learning step, and of telling the noise.

Both see black-and-white pictures of 28 and 64 pixels in batches of 8, channels last, one thread, in turn.

- `unet`: as it is used here, with pictures cut into patches (ilk/encoders/unet.py)
- `whole`: the same network, pixel by pixel
- `diffusers`: UNet2DModel pixel by pixel, with the same widths, attention where ours has it, and layers

    python benchmarks/unet.py

Printed: docs/diffusion.md.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import Tensor, nn

from ilk.encoders._unet import GROUPS, HEAD, Net
from ilk.encoders.unet import UNet
from ilk.training.layout import kernels_channels_last

WIDTHS = (32, 64, 128)
BATCH, TURNS = 8, 3


def main() -> None:
    torch.set_num_threads(1)
    print(
        "| pixels | network | million weights | ms a picture, learning | ratio | ms, telling noise | ratio |"
    )
    print("|---|---|---|---|---|---|---|")
    for size in (28, 64):
        _of_size(size)


def _of_size(size: int) -> None:
    x = torch.randn(BATCH, 1, size, size).contiguous(memory_format=torch.channels_last)
    t = torch.rand(BATCH)
    made: dict[str, Any] = {
        "unet": UNet(1, size, WIDTHS[0], len(WIDTHS)),
        "whole": Net(1, WIDTHS),
        "diffusers": theirs(size),
    }
    calls: dict[str, Callable[[], Tensor]] = {
        "unet": lambda: made["unet"].told_of(x, t),
        "whole": lambda: made["whole"](x, t),
        "diffusers": lambda: made["diffusers"](x, t * 1000).sample,
    }
    learning: dict[str, list[float]] = {name: [] for name in calls}
    telling: dict[str, list[float]] = {name: [] for name in calls}
    for network in made.values():
        kernels_channels_last(network)
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            told, learnt = _seconds(partial(_told, call)), _seconds(partial(_learnt, call))
            if turn:  # the first is for warming up
                telling[name].append(told)
                learning[name].append(learnt)
    for name, network in made.items():
        figures = []
        for times in (learning, telling):
            ms = min(times[name]) / BATCH * 1000
            figures += [f"{ms:.1f}", f"{min(times['diffusers']) / min(times[name]):.1f}x"]
        print(f"| {size} | {name} | {weights(network):.2f} | {' | '.join(figures)} |", flush=True)


def theirs(size: int) -> Any:
    last = len(WIDTHS) - 1
    return UNet2DModel(
        sample_size=size,
        in_channels=1,
        out_channels=1,
        down_block_types=["AttnDownBlock2D" if i == last else "DownBlock2D" for i in range(last + 1)],
        up_block_types=["AttnUpBlock2D" if i == 0 else "UpBlock2D" for i in range(last + 1)],
        block_out_channels=WIDTHS,
        layers_per_block=1,
        norm_num_groups=GROUPS,
        attention_head_dim=HEAD,
        resnet_time_scale_shift="scale_shift",
    )


def weights(network: nn.Module) -> float:
    return sum(p.numel() for p in network.parameters()) / 1e6


def _told(call: Callable[[], Tensor]) -> None:
    with torch.inference_mode():
        call()


def _learnt(call: Callable[[], Tensor]) -> None:
    call().square().mean().backward()  # type: ignore[no-untyped-call]


def _seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
