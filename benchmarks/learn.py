"""How fast does SimCLR learn: which share of the machine, where the time goes, and beside the usual loop.

    OMP_NUM_THREADS=1 python -m benchmarks.learn [--encoder convnet] [--size 64] [--batch 128] [--rounds 5]

Prints, as medians of rounds that take turns:
- what each part of a step takes, the rate of its convolutions and matrix products, and that of one large
  matrix product measured between the steps, in float32 and in the precision that ilk learns in here;
- pictures a CPU-second end to end: `ilk.fit`, and the plain reading of the method (a DataLoader whose two
  workers make the views of each picture by PIL; float32; AdamW). Both have the same network, batch, size and
  changes; all of a round counts, workers' CPU time too.
Wanted: twice as many pictures, and views that take at most 15% of a step.
"""

import argparse
import copy
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.limits import flops, machine
from benchmarks.views import TwoViews, cpu
from ilk import console
from ilk.encoders import build
from ilk.encoders._precision import precision as precise
from ilk.encoders._precision import resolved
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.source.views import PRESETS
from ilk.training import layout
from ilk.training.fit import fit
from ilk.training.optimiser import adamw
from ilk.training.recipe import Recipe

PARTS = ("data", "views", "forward", "backward", "optimiser")
STEPS = 8  # of a round


class Clock:
    """CPU-seconds by part: what passed since the last call belongs to the part that is named."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PARTS, 0.0)
        self.at = time.process_time()

    def __call__(self, part: str) -> None:
        now = time.process_time()
        self.spent[part] += now - self.at
        self.at = now


def parts(objective: SimCLR, source: Images, batch: int, precision: str) -> dict[str, float]:
    """What the parts of a step take, as `fit` does them: seconds."""
    optimiser, cpus = adamw(objective, Recipe()), torch.device("cpu")
    rng, clock = np.random.default_rng(0), Clock()
    for step in range(STEPS):
        clock.at = time.process_time()
        x = source.batch(rng.integers(len(source), size=batch))
        clock("data")
        views = tuple(map(layout.channels_last, objective.views(x)))
        clock("views")
        with precise(cpus, precision):
            loss = objective.loss(*views, progress=step / STEPS)["contrast"]
        clock("forward")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clock("backward")
        optimiser.step()
        clock("optimiser")
    return {part: seconds / STEPS for part, seconds in clock.spent.items()}


def operations(objective: SimCLR, x: Tensor) -> int:
    """Floating-point operations of the convolutions and matrix products of a step, there and back."""
    with FlopCounterMode(display=False) as counter:
        objective.loss(x, x, progress=0.0)["contrast"].backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def where(objective: SimCLR, source: Images, batch: int, rounds: int) -> None:
    objective.views(source.batch(np.arange(batch)))  # loads the machine code
    count = operations(objective, source.batch(np.arange(batch)))
    fast = resolved(torch.device("cpu"), "auto")
    for precision in dict.fromkeys(("float32", fast)):
        found, ceilings = [], []
        for _ in range(rounds):
            ceilings.append(flops(getattr(torch, precision)))
            found.append(parts(objective, source, batch, precision))
        spent = {part: statistics.median(f[part] for f in found) for part in PARTS}
        step, ceiling = sum(spent.values()), statistics.median(ceilings)
        learning = spent["forward"] + spent["backward"]
        print(f"{precision}: {1000 * step:.0f} CPU-ms a step, {batch / step:,.0f} pictures a CPU-second")
        print("   " + ", ".join(f"{part} {spent[part] / step:.1%}" for part in PARTS))
        print(
            f"   {count / step / 1e9:.0f} GFLOP/s: {count / step / ceiling:.0%} of a large matrix product's "
            f"{ceiling / 1e9:.0f}; forward and backward alone {count / learning / ceiling:.0%}"
        )


def compiled(objective: SimCLR, source: Images, batch: int, rounds: int) -> None:
    """A step with the encoder as it is and compiled by torch, in turns."""
    other = copy.deepcopy(objective)
    other.encoder.compile()
    for precision in dict.fromkeys(("float32", resolved(torch.device("cpu"), "auto"))):
        start = cpu()
        parts(other, source, batch, precision)
        waited, found = cpu() - start, []
        for _ in range(rounds):
            steps = [sum(parts(one, source, batch, precision).values()) for one in (objective, other)]
            found.append(steps[0] / steps[1])
        print(
            f"{precision}: compiled in {waited:.0f} CPU-s, then {statistics.median(found):.2f} times as fast"
        )


def ours(objective: SimCLR, source: Images, batch: int, steps: int) -> None:
    with tempfile.TemporaryDirectory() as run:
        fit(objective, source, Recipe(steps=steps, batch=batch, checks=1, held_out=0), run=Path(run))


def plain(objective: SimCLR, source: Images, batch: int, steps: int) -> None:
    pictures = [Image.fromarray(np.moveaxis(x, 0, -1)) for x in source.pixels]
    optimiser = torch.optim.AdamW(objective.train().parameters(), 2e-3)
    views = TwoViews(pictures, PRESETS["natural"], size=source.traits["size"], length=steps * batch)
    for step, (a, b) in enumerate(DataLoader(views, batch, num_workers=2)):
        loss = objective.loss(a, b, progress=step / steps)["contrast"]
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.item()  # as everybody does, for a progress line


def end_to_end(objective: SimCLR, source: Images, batch: int, rounds: int) -> None:
    rates: dict[str, list[tuple[float, float]]] = {"ilk.fit": [], "plain": []}
    steps = 5 * STEPS
    for _ in range(rounds):
        for name, loop in (("ilk.fit", ours), ("plain", plain)):
            fresh, start, began = copy.deepcopy(objective), cpu(), time.perf_counter()
            loop(fresh, source, batch, steps)
            rates[name].append(
                (steps * batch / (cpu() - start), steps * batch / (time.perf_counter() - began))
            )
    for i, what in enumerate(("a CPU-second", "a second")):
        one, two = (statistics.median(r[i] for r in found) for found in rates.values())
        ratio = statistics.median(a[i] / b[i] for a, b in zip(*rates.values()))
        print(f"end to end, pictures {what}: ilk.fit {one:,.0f}, plain {two:,.0f}, ratio {ratio:.2f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--encoder", default="convnet")
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--batch", type=int, default=128)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--compile", action="store_true", help="only: does torch.compile pay?")
    given = options.parse_args()
    console.quiet = True
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 3, given.size, given.size), dtype=np.uint8)
    source = Images(pixels, [str(i) for i in range(len(pixels))])
    torch.manual_seed(0)
    objective = SimCLR(build(given.encoder, source.traits), augment="natural").train()
    layout.kernels_channels_last(objective)
    print(f"{machine()}; SimCLR, {given.encoder}, {given.size} pixels, batch {given.batch}")
    if given.compile:
        compiled(objective, source, given.batch, given.rounds)
        return
    where(objective, source, given.batch, given.rounds)
    end_to_end(objective, source, given.batch, given.rounds)


if __name__ == "__main__":
    main()
