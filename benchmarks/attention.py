"""Where does n squared bite? Attention over long sequences: full, windowed, linear; cost, and what is lost.

    OMP_NUM_THREADS=1 python -m benchmarks.attention [--seeds 2] [--steps 400] [--only-loss | --only-digits]

Cost: CPU-ms of one attention layer there and back (width 64, 4 heads, one sequence) for 128 to 4,096 tokens,
beside the rest of its block, the network for each token; medians of three. Loss: a small vision transformer
(2 blocks of width 32, patches of one pixel: 64, their mean is the vector) learns which of ten digits it sees,
from half of scikit-learn's 1,797, and names the other half. Windows are of 8 tokens there: a row.
About two CPU-minutes.
"""

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from benchmarks.limits import cpu_seconds, machine
from ilk.encoders._attention import Attention, Block
from ilk.encoders._mixing import mixed
from ilk.encoders._sparse_attention import REACHES, reach_of
from ilk.encoders.vit import ViT

TOKENS, WIDTH, WINDOW = (128, 256, 512, 1024, 2048, 4096), 64, 64
SHAPES = ((16, 17, 4), (16, 65, 4), (64, 17, 2), (64, 65, 3))  # a head's size, tokens, heads


def milliseconds(work: Callable[[], object]) -> float:
    work()
    return statistics.median(1000 * cpu_seconds(work) for _ in range(3))


def there_and_back(network: nn.Module, tokens: int) -> float:
    x = torch.randn(1, tokens, WIDTH, requires_grad=True)
    return milliseconds(lambda: network(x).sum().backward())


def costs() -> None:
    layers: dict[str, nn.Module] = {
        reach: Attention(WIDTH, 4, reach=reach_of(reach, WINDOW, 1)) for reach in REACHES
    }
    layers["for each token"] = Block(WIDTH, 4).mlp
    print(f"{'CPU-ms':16}" + "".join(f"{t:>9,}" for t in TOKENS) + "    slope over the last four")
    for name, layer in layers.items():
        spent = [there_and_back(layer, t) for t in TOKENS]
        slope = np.polyfit(np.log(TOKENS[-4:]), np.log(spent[-4:]), 1)[0]
        print(f"{name:16}" + "".join(f"{s:9.2f}" for s in spent) + f"{slope:9.2f}", flush=True)


def digits() -> None:
    """What a step's products in bfloat16 cost, mixed in bfloat16 and, as ilk does, in float32."""
    print("bfloat16, 64 sequences there and back, CPU-ms    mixed in bfloat16    in float32")
    for size, tokens, heads in SHAPES:
        spent = []
        for way in (F.scaled_dot_product_attention, mixed):
            q, k, v = (torch.randn(64, heads, tokens, size).bfloat16().requires_grad_() for _ in range(3))
            spent.append(milliseconds(lambda way=way, q=q, k=k, v=v: way(q, k, v).sum().backward()))  # type: ignore[misc]
        shape = f"{tokens} tokens, {heads} heads of {size}"
        print(f"{shape:48}{spent[0]:18.1f}{spent[1]:14.1f}", flush=True)


def right(reach: str, seed: int, steps: int) -> float:
    """The share of unseen digits named right."""
    pictures, labels = load_digits(return_X_y=True)
    x = torch.from_numpy(pictures.reshape(-1, 1, 8, 8) / 16).float()
    y = torch.from_numpy(labels)
    torch.manual_seed(seed)
    vit = ViT(1, 8, 10, patch=1, width=32, depth=2, heads=2, pool="mean", reach=reach, span=8)
    assert vit.place is not None
    for weight in (vit.embed.weight, vit.place):  # of one pixel and its place, equally loud
        torch.nn.init.normal_(weight)
    optimiser = torch.optim.AdamW(vit.parameters(), 4e-3, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, steps)
    for _ in range(steps):
        rows = 2 * torch.randint(len(x) // 2, (64,))  # the even ones
        optimiser.zero_grad()
        F.cross_entropy(vit(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        rate.step()
    with torch.inference_mode():
        return float((vit(x[1::2]).argmax(1) == y[1::2]).float().mean())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--only-loss", action="store_true")
    options.add_argument("--only-digits", action="store_true", help="float32 or bfloat16, seconds")
    given = options.parse_args()
    torch.set_num_threads(1)
    print(machine())
    digits()
    if given.only_digits:
        return
    if not given.only_loss:
        costs()
    for reach in REACHES:
        shares = [right(reach, seed, given.steps) for seed in range(given.seeds)]
        print(
            f"{reach:16}names {' and '.join(f'{s:.1%}' for s in shares)} of unseen digits right", flush=True
        )


if __name__ == "__main__":
    main()
