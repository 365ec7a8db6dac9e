"""What a small diffusion model draws after a few CPU-minutes, and whether it draws what it was told.

    python recipes/diffusion.py holes OUT            # black holes, told numbers; OUT.run, OUT.png, ...
    python recipes/diffusion.py emoji OUT openmoji-72.tar

holes  1,500 noise-free black holes of 32 pixels from `continuum`, normalised, and `diffusion` told five of
       their parameters. Asked for those of pictures it has not seen, each once: a probe (kNN on main axes,
       fitted to true pictures) reads them off again. Printed: R2 of what is read, of true pictures and of
       drawn ones; how good the pictures are beside true ones; copies.
emoji  2,456 OpenMoji pictures of 32 pixels and `latent_diffusion`, told their captions. Printed: how much
       comes back through the autoencoder, and under noise; the pictures are to be looked at.

Both stop and go on: the same command again takes up the run. Printed: docs/diffusion.md.
"""

import argparse
import tarfile
import time
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa
import pyarrow.csv
import torch
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

import ilk
from ilk.encoders import build, embed, encode
from ilk.encoders.latent import Latent
from ilk.encoders.projected import project
from ilk.encoders.unet import UNet
from ilk.generate.drawing import Drawing
from ilk.generate.pictures import Pictures
from ilk.generate.samples import compare
from ilk.generate.sheet import sheet
from ilk.learning.telling import told
from ilk.objectives.diffusion import Diffusion
from ilk.objectives.latent_diffusion import LatentDiffusion
from ilk.source.images import Images
from ilk.space import Space
from ilk.training.fit import fit

TOLD = ("inclination", "r_in", "tau", "h", "spin")
SIDE, AXES, ASKED = 32, 24, 160
PROMPTS = ("red heart", "flag: France", "smiling face", "dog", "blue circle", "tree", "sun", "fish")


def main() -> None:
    options = _options()
    torch.manual_seed(options.seed)
    if options.what == "holes":
        _holes(options)
    else:
        _emoji(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["holes", "emoji"])
    parser.add_argument("out", type=Path)
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--guess", default="clean", help="clean, v or noise: what the network tells")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _holes(options: argparse.Namespace) -> None:
    taught, asked = holes(options.pictures)
    unet = UNet(1, SIDE, width=32, levels=2, patch=4, guess=options.guess, **told(taught, TOLD))
    began = time.process_time()
    fit(Diffusion(unet), taught, _recipe(options), run=_run(options) / "diffusion")
    print(f"{options.steps} steps of 32 in {time.process_time() - began:.0f} CPU-seconds")
    drawing = Drawing.open(_run(options))
    sheets = [drawing.draw(n=8, where={"inclination": i}, seed=1) for i in (10, 45, 80)]
    _grid([p for s in sheets for p in s.pixels], options, "inclination", across=8)
    some = asked.take(np.arange(min(ASKED, len(asked))))
    read = Probe(taught)
    print(f"| told | R2, {len(some)} true pictures | drawn, guidance 1 | 2 | 4 |\n|---|---|---|---|---|")
    made = {g: after(drawing, some, g) for g in (1.0, 2.0, 4.0)}
    figures = [read(some.batch(np.arange(len(some))), some)]
    figures += [read(torch.from_numpy(p.pixels), some) for p in made.values()]
    for name in TOLD:
        print(f"| {name} | {' | '.join(f'{f[name]:.2f}' for f in figures)} |")
    space = Space.create(Path(mkdtemp()) / "holes.space", read.encoder, reading=taught.reading)
    space.upsert(taught)
    free = drawing.draw(n=ASKED, seed=2)
    _grid(free.pixels[:32], options, "free", across=8)
    print(compare(space, free).sentence())
    truth = some.batch(np.arange(8)).numpy()
    _grid([*truth, *made[2.0].pixels[:8]], options, "told", across=8)


def holes(n: int) -> tuple[Images, Images]:
    """To learn from, and to ask for: a fifth that nothing is learnt from."""
    made = ilk.blackholes(n, "continuum", size=SIDE, noise=False)
    found = ilk.images(made.pixels, normalise={"scale": False}, stretch="sqrt")
    found.columns = made.columns
    return found.take(np.arange(n // 5, n)), found.take(np.arange(n // 5))


def after(drawing: Drawing, some: Images, guidance: float) -> Pictures:
    """One picture after the numbers of each of these."""
    columns = some.metadata()
    assert columns is not None
    ends = drawing.unet.numbers or {}
    rows = [
        {name: float(np.clip(value, ends[name]["low"], ends[name]["high"])) for name, value in row.items()}
        for row in columns.select(list(TOLD)).to_pylist()
    ]
    return drawing.each(rows, guidance=guidance, seed=3)


class Probe:
    """Reads the parameters off pictures: kNN on the main axes of those that were learnt from."""

    def __init__(self, taught: Images) -> None:
        self.encoder = project(build("pixels", taught.traits).eval(), taught, AXES)
        self.knn = KNeighborsRegressor(10, weights="distance").fit(
            embed(self.encoder, taught), numbers(taught)
        )

    def __call__(self, pictures: torch.Tensor, truth: Images) -> dict[str, float]:
        guess = self.knn.predict(encode(self.encoder, pictures).numpy())
        wanted = numbers(truth)
        return {name: float(r2_score(wanted[:, i], guess[:, i])) for i, name in enumerate(TOLD)}


def numbers(source: Images) -> np.ndarray:
    columns = source.metadata()
    assert columns is not None
    return np.stack([columns[name].to_numpy() for name in TOLD], 1)


def _emoji(options: argparse.Namespace) -> None:
    source = openmoji(options.archive)
    about = told(source, "caption", vocabulary=2000)
    maps = Latent(3, SIDE, depth=4, side=8, width=16)
    unet = UNet(3, SIDE, width=32, levels=2, latent=maps, **about)
    began = time.process_time()
    fit(LatentDiffusion(unet), source, _recipe(options), run=_run(options) / "latent_diffusion")
    print(f"{options.steps} steps of 32 in {time.process_time() - began:.0f} CPU-seconds")
    drawing = Drawing.open(_run(options))
    x = source.batch(np.arange(0, len(source), 40))
    latent = drawing.unet.latent
    assert latent is not None
    with torch.inference_mode():
        back = latent.pictures(latent.maps(x))
    print(f"{1 - float((back - x).square().mean() / x.var(0).mean()):.0%} comes back through the autoencoder")
    _grid([*x[:8].numpy(), *back[:8].numpy()], options, "back", across=8)
    pictures = [p for text in PROMPTS for p in drawing.draw(n=4, prompt=text, guidance=3.0, seed=1).pixels]
    _grid(pictures, options, "prompts", across=4)


def openmoji(archive: Path) -> Images:
    work = Path(mkdtemp())
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data")
    table = pa.csv.read_csv(work / "captions.csv")
    paths = pa.array([f"png/{name}" for name in table["file"].to_pylist()])
    pa.csv.write_csv(table.set_column(0, "file", paths), work / "openmoji.csv")
    return ilk.images(work / "openmoji.csv", size=SIDE, cache=False)


def _recipe(options: argparse.Namespace) -> ilk.Recipe:
    return ilk.Recipe(steps=options.steps, batch=32, learning_rate=2e-3, checks=1, seed=options.seed)


def _run(options: argparse.Namespace) -> Path:
    out: Path = options.out
    return out.with_suffix(".run")


def _grid(
    pictures: list[np.ndarray] | np.ndarray, options: argparse.Namespace, name: str, across: int
) -> None:
    path = options.out.with_name(f"{options.out.name}-{name}.png")
    path.write_bytes(sheet(np.stack(list(pictures)), across=across))
    print(path, flush=True)


if __name__ == "__main__":
    main()
