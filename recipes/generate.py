"""How good are pictures made in minutes? Autoencoder, VAE and GAN beside true pictures.

    OMP_NUM_THREADS=1 python -m recipes.generate mnist --minutes 1.5 --out /tmp/made
    OMP_NUM_THREADS=1 python -m recipes.generate holes --minutes 1.5 --ways gan

Each network learns for so many CPU-minutes from the same pictures: 10,000 of MNIST, or 3,000 black holes
(populations, normalised). Then 1,000 pictures of it are compared with those it has learnt from, by vectors
of `patches`, a third party that has learnt from the same pictures (see ilk/generate/samples.py). Copies: made
pictures nearer to one that was learnt from than these are to one another. `gaussian` decodes vectors drawn
from the Gaussian of its own vectors, `prior` standard normal ones. A sheet of each is written into --out.
Printed: docs/generate.md.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch

import ilk
from benchmarks.judges import holes
from ilk.encoders import build, embed
from ilk.find import construct
from ilk.generate._gaussian import Gaussian
from ilk.generate._points import Known
from ilk.generate.latent import Latent
from ilk.generate.pictures import Pictures
from ilk.generate.samples import Compared, compare
from ilk.objectives import Objective, find, usual_encoder
from ilk.objectives.patches import Patches
from ilk.source.images import Images

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))
MADE = 1000
WAYS: dict[str, tuple[str, ...]] = {  # objective -> where its vectors come from
    "autoencoder": ("gaussian",),
    "vae": ("gaussian", "prior"),
    "gan": ("gaussian", "prior"),
}


def mnist() -> Images:
    with np.load(DATA / "mnist.npz", allow_pickle=False) as data:
        pixels = data["train_images"][:10_000, None]
    return Images(pixels, [str(i) for i in range(len(pixels))])


SETS: dict[str, Callable[[], Images]] = {"mnist": mnist, "holes": lambda: holes("populations", 3000)[0]}


def learnt(name: str, source: Images, minutes: float, seed: int) -> Objective:
    cls = find(name)
    assert issubclass(cls, Objective)
    torch.manual_seed(seed)
    encoder = build(usual_encoder(cls), source.traits, dim=cls.dim, width=16)
    objective = construct(cls, {}, {"encoder": encoder, **source.traits})
    recipe = ilk.Recipe(minutes=minutes, batch=32 if name == "gan" else 64, seed=seed, checks=5)
    ilk.fit(objective, source, recipe, run=Path(mkdtemp()), clock=time.process_time)
    return objective


def made(objective: Objective, source: Images, ways: tuple[str, ...]) -> Iterator[tuple[str, Pictures]]:
    assert objective.decoder is not None
    encoder = objective.encoder.eval()
    tool = Latent(objective.decoder.eval(), Known("", encoder, source.reading, None, prior=True))
    for way in ways:
        gaussian = Gaussian.standard(encoder.dim) if way == "prior" else Gaussian.of(embed(encoder, source))
        yield way, tool.decoded(gaussian.draw(MADE, seed=0))


def judge(source: Images) -> ilk.Space:
    """A space of all that is learnt from, by an encoder that makes nothing."""
    encoder = Patches().solve(source)
    space = ilk.Space.create(Path(mkdtemp()) / "judge.space", encoder, reading=source.reading)
    space.upsert(source)
    return space


def line(way: str, distance: float, figures: Any, copies: str, seconds: float | None) -> str:
    told = " | ".join(f"{v:.2f}" for v in figures)
    return f"| {way} | {distance:.3f} | {told} | {copies} | {'-' if seconds is None else f'{seconds:.0f}'} |"


def row(way: str, found: Compared, seconds: float) -> str:
    return line(way, found.distance, found.made, f"{len(found.copies)}", seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("made"))
    args = parser.parse_args()
    source = SETS[args.data]()
    space = judge(source)
    print("| way | distance | precision | recall | density | coverage | copies | CPU-seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    first = True
    for name in args.ways:
        began = time.process_time()
        objective = learnt(name, source, args.minutes, args.seed)
        took = time.process_time() - began
        for way, pictures in made(objective, source, WAYS[name]):
            found = compare(space, pictures)
            if first:
                print(line("true pictures", found.true_distance, found.true, "-", None), flush=True)
            first = False
            print(row(f"{name}, {way}", found, took), flush=True)
            sheet = Pictures(pictures.pixels[:40], across=10, title=f"{name}, {way}")
            sheet.save(args.out / f"{args.data}-{name}-{way}.png")


if __name__ == "__main__":
    main()
