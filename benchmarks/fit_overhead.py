"""What the loop costs: ilk's `fit` against a bare PyTorch loop on the same model, data, batch and views.

    python benchmarks/fit_overhead.py

Both train SimCLR on a convnet at 64 px for as many steps; rounds take turns, the median is printed. Set-up,
checkpoints, the log, clipping and one check of health (as often as in a default run of about two minutes)
count as cost of `fit`. The bare loop does nothing but learn. Limit: 5% more CPU time.
"""

import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ilk import console
from ilk.encoders import build
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

STEPS, BATCH, ROUNDS, LIMIT = 50, 128, 5, 1.05


def bare(objective: SimCLR, source: Images) -> None:
    objective.train()
    optimiser = torch.optim.AdamW(objective.parameters(), 2e-3, fused=True)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        batch = source.batch(rng.integers(len(source), size=BATCH))
        views = objective.views(batch)
        loss = torch.stack(list(objective.loss(*views, progress=step / STEPS).values())).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        loss.item()  # as everybody does, for a progress line


def ours(objective: SimCLR, source: Images) -> None:
    with tempfile.TemporaryDirectory() as run:
        fit(objective, source, Recipe(steps=STEPS, batch=BATCH, checks=1), run=Path(run))


def cost(loop: Callable[[SimCLR, Images], None], objective: SimCLR, source: Images) -> tuple[float, float]:
    """CPU and wall seconds of one run from the same start."""
    objective = copy.deepcopy(objective)
    cpu, wall = time.process_time(), time.perf_counter()
    loop(objective, source)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    console.quiet = True
    pixels = np.random.default_rng(0).integers(0, 256, (4000, 3, 64, 64), dtype=np.uint8)
    source = Images(pixels, [str(i) for i in range(len(pixels))])
    torch.manual_seed(0)
    objective = SimCLR(build("convnet", source.traits), augment="natural")
    rounds = [(cost(bare, objective, source), cost(ours, objective, source)) for _ in range(ROUNDS)]
    print(
        f"SimCLR, {STEPS} steps of {BATCH} pictures of 64 px, medians of {ROUNDS} rounds, "
        f"threads: {torch.get_num_threads()}"
    )
    for what, i in (("CPU", 0), ("wall", 1)):
        bare_loop = statistics.median(b[i] for b, _ in rounds)
        loop = statistics.median(f[i] for _, f in rounds)
        ratio = statistics.median(f[i] / b[i] for b, f in rounds)
        print(f"{what:4}  bare {bare_loop:6.2f} s  fit {loop:6.2f} s  ratio {ratio:.3f}")
    print(f"limit {LIMIT} for CPU")


if __name__ == "__main__":
    main()
