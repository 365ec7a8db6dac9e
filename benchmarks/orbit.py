"""Does it pay to average an encoder's vectors over turns and mirrors, where pictures have no preferred angle?

    python benchmarks/orbit.py [pictures, 1500] [steps, 150]

A convnet learns black-hole pictures, which lie at all angles, by SimCLR with views at any angle. Then the
same network alone, averaged over 4 turns and mirrors, and over 8. Printed: how far a vector moves when its
picture (without noise) is turned by 90 and by 37 degrees, in mean distances between different pictures (0 is
best); R2 of the physics by kNN of whitened vectors, five-fold, pictures at the angles they came at; pictures
a CPU-second.
About two CPU-minutes. Measured (one seed, 1,500 pictures, 150 steps):

               turned 90  turned 37    R2 cos i     R2 r_in      R2 tau  pictures/CPU-s
    alone           0.13       0.10        0.16        0.56        0.15            9639
    4 turns         0.00       0.03        0.16        0.60        0.19             805
    8 turns         0.00       0.01        0.18        0.61        0.21             394
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import rotate
from torch import Tensor

from ilk.analysis.probe import r2
from ilk.encoders import Encoder, build, embed
from ilk.encoders.orbit import Orbit
from ilk.encoders.projected import project
from ilk.objectives.simclr import SimCLR
from ilk.source import read
from ilk.source.blackholes import blackholes
from ilk.source.images import Images, images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

ASKED = {"R2 cos i": "cos_i", "R2 r_in": "r_in", "R2 tau": "tau"}


def learnt(source: Images, steps: int) -> Encoder:
    torch.manual_seed(0)
    encoder = build("convnet", source.traits, dim=64, width=16)
    with tempfile.TemporaryDirectory() as run:
        return fit(SimCLR(encoder, augment="astro"), source, Recipe(steps=steps), run=Path(run))


def moved(encoder: Encoder, x: Tensor, degrees: float) -> float:
    turned = torch.from_numpy(rotate(x.numpy(), degrees, axes=(2, 3), reshape=False, order=3, mode="nearest"))
    with torch.inference_mode():
        a, b = encoder(x), encoder(turned)
    return float((a - b).norm(dim=1).mean() / torch.pdist(a).mean())


def main() -> None:
    torch.set_num_threads(1)
    n, steps = ([int(a) for a in sys.argv[1:]] + [1500, 150][len(sys.argv) - 1 :])[:2]
    holes = blackholes(n, "continuum")
    columns = holes.columns
    assert columns is not None
    source = images(holes.pixels, cache=False)
    encoder = learnt(source, steps)
    clear = blackholes(200, "continuum", noise=False).pixels  # noise that is turned is smoothed, which shows
    x = read(source.reading, clear).batch(np.arange(200))
    print(f"{'':10} turned 90  turned 37  {'  '.join(k.rjust(10) for k in ASKED)}  pictures/CPU-s")
    for name, one in {"alone": encoder, "4 turns": Orbit(encoder, 4), "8 turns": Orbit(encoder, 8)}.items():
        start = time.process_time()
        embed(one.eval(), source)
        rate = n / (time.process_time() - start)
        white = embed(project(one, source, 32), source)
        scores = [r2(white, columns[c].to_numpy()) for c in ASKED.values()]
        told = "  ".join(f"{s:10.2f}" for s in scores)
        print(f"{name:10} {moved(one, x, 90):9.2f}  {moved(one, x, 37):9.2f}  {told}  {rate:14.0f}")


if __name__ == "__main__":
    main()
