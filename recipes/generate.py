"""How good are pictures made in minutes? Autoencoder, VAE, GAN and diffusion beside true pictures.

    OMP_NUM_THREADS=1 python -m recipes.generate mnist --minutes 1.5 --out /tmp/made
    OMP_NUM_THREADS=1 python -m recipes.generate holes --minutes 1.5 --ways gan

Each network learns for so many CPU-minutes from the same pictures: 10,000 of MNIST, or 2,400 noise-free black
holes of 32 pixels (`continuum`, normalised). Then 400 pictures of it are compared with those it has learnt
from, by vectors of `patches`, a third party that has learnt from the same pictures (see
ilk/generate/samples.py). Copies: made pictures nearer to one that was learnt from than these are to one
another. `gaussian` decodes vectors drawn from the Gaussian of its own vectors, `prior` standard normal ones,
`noise` is drawn out of noise (dpm, 15 steps). A sheet of each is written into --out, beside it one of the
pictures nearest to any that was learnt from. Kept: recipes/made.csv, for docs/results.md. Printed:
docs/generate.md.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch

import ilk
from ilk.encoders import Encoder, build, embed
from ilk.encoders.latent import Latent as Maps
from ilk.encoders.unet import UNet
from ilk.find import construct
from ilk.generate._gaussian import Gaussian
from ilk.generate._points import Known
from ilk.generate.drawing import Drawing
from ilk.generate.latent import Latent
from ilk.generate.pictures import Pictures
from ilk.generate.samples import compare
from ilk.objectives import Objective, find, usual_encoder
from ilk.objectives.patches import Patches
from ilk.source.images import Images
from recipes import sections
from recipes.diffusion import holes

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))
MADE = 400
WAYS: dict[str, tuple[str, ...]] = {  # objective -> where its vectors come from
    "autoencoder": ("gaussian",),
    "vae": ("gaussian", "prior"),
    "gan": ("gaussian", "prior"),
    "diffusion": ("noise",),
    "latent_diffusion": ("noise",),
}
BATCHES = {"gan": 32, "diffusion": 32, "latent_diffusion": 32}
FIGURES = ("distance", "precision", "recall", "density", "coverage", "copies")


def mnist() -> Images:
    with np.load(DATA / "mnist.npz", allow_pickle=False) as data:
        pixels = data["train_images"][:10_000, None]
    return Images(pixels, [str(i) for i in range(len(pixels))])


SETS: dict[str, Callable[[], Images]] = {"mnist": mnist, "holes": lambda: holes(3000)[0]}


def learnt(name: str, source: Images, minutes: float, seed: int, own: dict[str, float]) -> Objective:
    cls = find(name)
    assert issubclass(cls, Objective)
    torch.manual_seed(seed)
    options = {"encoder": encoder_of(name, cls, source), **source.traits}
    objective = construct(cls, own, options)
    recipe = ilk.Recipe(minutes=minutes, batch=BATCHES.get(name, 64), seed=seed, checks=5)
    ilk.fit(objective, source, recipe, run=Path(mkdtemp()), clock=time.process_time)
    return objective


def encoder_of(name: str, cls: type[Objective], source: Images) -> Encoder:
    channels, size = source.traits["channels"], source.traits["size"]
    if name == "diffusion":
        return UNet(channels, size, levels=2)
    if name == "latent_diffusion":
        return UNet(channels, size, levels=2, latent=Maps(channels, size, side=8, width=16))
    return build(usual_encoder(cls), source.traits, dim=cls.dim, width=16)


def made(objective: Objective, source: Images, ways: tuple[str, ...]) -> Iterator[tuple[str, Pictures]]:
    encoder = objective.kept.eval()
    if isinstance(encoder, UNet):
        yield ways[0], Drawing(encoder, source.reading).draw(n=MADE, steps=15)
        return
    assert objective.decoder is not None
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


def row(data: str, way: str, figures: list[float], minutes: float | str, seed: int) -> None:
    """Prints it and keeps it."""
    told = dict(zip(FIGURES, (f"{v:.3g}" for v in figures)))
    print(f"| {way} | {' | '.join(told.values())} |", flush=True)
    sections.keep("made", {"data": data, "way": way, "CPU-minutes": minutes, **told, "seed": seed})


def option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--true", action="store_true", help="... and true pictures beside others, as a ceiling"
    )
    parser.add_argument("--set", type=option, nargs="*", default=[], help="of the way: recover=0 slope=1")
    parser.add_argument("--out", type=Path, default=Path("made"))
    args = parser.parse_args()
    source = SETS[args.data]()
    space = judge(source)
    print(f"| way | {' | '.join(FIGURES)} |\n|---|{'---|' * len(FIGURES)}", flush=True)
    if args.true:
        found = compare(space, Pictures(source.batch(np.arange(MADE)).numpy()))
        row(args.data, "true pictures", [found.true_distance, *found.true, 0], "", args.seed)
    for name in args.ways:
        objective = learnt(name, source, args.minutes, args.seed, dict(args.set))
        for way, pictures in made(objective, source, WAYS[name]):
            found = compare(space, pictures)
            figures = [found.distance, *found.made, len(found.copies)]
            told = "".join(f", {option} {value:g}" for option, value in args.set)
            row(args.data, f"{name}, {way}{told}", figures, args.minutes, args.seed)
            sheet = Pictures(pictures.pixels[:40], across=10)
            sheet.save(args.out / f"{args.data}-{name}-{way}.png")
            found.beside().save(args.out / f"{args.data}-{name}-{way}-nearest.png")


if __name__ == "__main__":
    main()
