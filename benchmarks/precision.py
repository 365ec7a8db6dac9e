"""Does learning in bfloat16 cost quality? The same steps in both precisions, then labels by kNN.

    OMP_NUM_THREADS=1 python -m benchmarks.precision [--seeds 3] [--steps 150]

SimCLR and VICReg on scikit-learn's 1,797 digits at 32 pixels, a convnet of width 16; the vectors' leading 64
axes, whitened; half of the digits name the other half by ten neighbours. Then bfloat16 again with 1.4 times
as many steps, which take as long. About a CPU-minute a seed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from ilk import console
from ilk.encoders import Encoder, build, embed
from ilk.objectives import Objective
from ilk.objectives.simclr import SimCLR
from ilk.objectives.vicreg import VICReg
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe


def right(encoder: Encoder, source: Images, labels: np.ndarray) -> float:
    z = embed(encoder, source)
    u = np.linalg.svd(z - z.mean(0), full_matrices=False)[0][:, :64]
    knn = KNeighborsClassifier(10, metric="cosine").fit(u[::2], labels[::2])
    return float(knn.score(u[1::2], labels[1::2]))


def learnt(cls: type[Objective], source: Images, seed: int, steps: int, precision: str) -> Encoder:
    torch.manual_seed(seed)
    objective = cls(build("convnet", source.traits, width=16), augment="digits")  # type: ignore[call-arg]
    recipe = Recipe(steps=steps, seed=seed, precision=precision, checks=1)
    with tempfile.TemporaryDirectory() as run:
        return fit(objective, source, recipe, run=Path(run))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, default=150)
    given = options.parse_args()
    console.quiet = True
    torch.set_num_threads(1)
    digits, labels = load_digits(return_X_y=True)
    pixels = (digits.reshape(-1, 1, 8, 8) * 15.9).astype(np.uint8).repeat(4, 2).repeat(4, 3)
    source = Images(pixels, [str(i) for i in range(len(pixels))])
    ways = (("float32", 1.0), ("bfloat16", 1.0), ("bfloat16", 1.4))
    found: dict[tuple[str, float], list[float]] = {way: [] for way in ways}
    for cls in (SimCLR, VICReg):
        for seed in range(given.seeds):
            for precision, more in ways:
                start = time.process_time()
                encoder = learnt(cls, source, seed, int(more * given.steps), precision)
                spent, share = time.process_time() - start, right(encoder, source, labels)
                found[precision, more].append(share)
                print(
                    f"{cls.__name__} {seed} {precision:9} {more:.1f}: {share:.1%} in {spent:.1f} CPU-s",
                    flush=True,
                )
    for (precision, more), shares in found.items():
        print(f"{precision} with {more:.1f} times the steps: {np.mean(shares):.2%} on average")


if __name__ == "__main__":
    main()
