"""What a small diffusion model draws after a few CPU-minutes, and whether it draws what it was told.

    python -m recipes.diffusion holes OUT [--latent]       # black holes, told numbers; OUT.run, OUT-*.png
    python -m recipes.diffusion emoji OUT --steps 2000     # openmoji-72.tar of ILK_DATA

holes  1,500 noise-free black holes of 32 pixels from `continuum`, normalised, and `diffusion` (--latent:
       `latent_diffusion`) told five of their parameters. Asked for those of pictures it has not seen, each
       once: a probe (kNN on main axes, fitted to true pictures) reads them off again. Printed: R2 of what is
       read, of true pictures and of drawn ones; how good the pictures are beside true ones; copies.
emoji  OpenMoji's hearts, shapes, faces, animals and flags of countries, 32 pixels, and `latent_diffusion`
       told their captions. Sixty captions are drawn four times each; of each drawn picture the nearest among
       the sixty true ones is sought (by vectors of `patches`): how often it is the one asked for, or one of
       its group, beside pictures drawn after captions dealt out anew, and beside chance.

Both stop and go on: the same command again takes up the run. Kept: recipes/told.csv, recipes/prompts.csv, for
docs/results.md. Printed: docs/diffusion.md.
"""

import argparse
import os
import tarfile
import time
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import torch
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor
from torch.nn import functional as F

import ilk
from ilk.encoders import build, embed, encode
from ilk.encoders.latent import Latent
from ilk.encoders.projected import evened, project
from ilk.encoders.unet import UNet
from ilk.generate.drawing import Drawing
from ilk.generate.pictures import Pictures
from ilk.generate.samples import compare
from ilk.generate.sheet import sheet
from ilk.learning.telling import told
from ilk.objectives._denoising import Denoising
from ilk.objectives.diffusion import Diffusion
from ilk.objectives.latent_diffusion import LatentDiffusion
from ilk.objectives.patches import Patches
from ilk.source.images import Images
from ilk.space import Space
from ilk.training.fit import fit
from recipes import sections

TOLD = ("inclination", "r_in", "tau", "h", "spin")
SIDE, AXES, ASKED = 32, 24, 160
KINDS = ("heart", "geometric", "face-", "animal-", "country-flag")  # the beginnings of subgroups
PROMPTS = 60
SHOWN = ("blue heart", "red square", "grinning face", "penguin", "flag: Japan", "flag: France")
DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))


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
    parser.add_argument("--latent", action="store_true")
    parser.add_argument("--rival", type=float, default=0.0, help="of latent diffusion's autoencoder")
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--guess", default="clean", help="clean, v or noise: what the network tells")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _holes(options: argparse.Namespace) -> None:
    taught, asked = holes(options.pictures)
    about = told(taught, TOLD)
    if options.latent:
        maps = Latent(1, SIDE, depth=4, side=8, width=16)
        objective: Denoising = LatentDiffusion(UNet(1, SIDE, width=32, levels=2, latent=maps, **about))
    else:
        objective = Diffusion(UNet(1, SIDE, width=32, levels=2, patch=4, guess=options.guess, **about))
    _learn(objective, taught, options)
    drawing = Drawing.open(_run(options))
    sheets = [drawing.draw(n=8, where={"inclination": i}, seed=1) for i in (10, 45, 80)]
    _grid([p for s in sheets for p in s.pixels], options, "inclination", across=8)
    some = asked.take(np.arange(min(ASKED, len(asked))))
    read = Probe(taught)
    print(f"| told | R2, {len(some)} true pictures | drawn, guidance 1 | 2 | 4 |\n|---|---|---|---|---|")
    made = {g: after(drawing, some, g) for g in (1.0, 2.0, 4.0)}
    figures = {"true": read(some.batch(np.arange(len(some))), some)}
    figures |= {f"guidance {g:g}": read(torch.from_numpy(p.pixels), some) for g, p in made.items()}
    name = "latent_diffusion" if options.latent else f"diffusion, {options.guess}"
    for number in TOLD:
        row = {way: f"{found[number]:.2f}" for way, found in figures.items()}
        print(f"| {number} | {' | '.join(row.values())} |")
        sections.keep(
            "told", {"way": name, "steps": options.steps, "told": number, **row, "seed": options.seed}
        )
    space = Space.create(Path(mkdtemp()) / "holes.space", read.encoder, reading=taught.reading)
    space.upsert(taught)
    free = drawing.draw(n=ASKED, seed=2)
    _grid(free.pixels[:32], options, "free", across=8)
    print(compare(space, free).sentence())
    truth = some.batch(np.arange(8)).numpy()
    _grid([*truth, *made[2.0].pixels[:8]], options, "told", across=8)


def _learn(objective: Denoising, source: Images, options: argparse.Namespace) -> None:
    began = time.process_time()
    fit(objective, source, _recipe(options), run=_run(options) / "model")
    print(f"{options.steps} steps of 32 in {time.process_time() - began:.0f} CPU-seconds", flush=True)


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
    source = some_of_openmoji()
    about = told(source, "caption", vocabulary=1000)
    maps = Latent(3, SIDE, depth=4, side=8, width=24)
    unet = UNet(3, SIDE, width=48, levels=2, latent=maps, **about)
    _learn(LatentDiffusion(unet, rival=options.rival), source, options)
    drawing = Drawing.open(_run(options))
    x = source.batch(np.arange(0, len(source), max(1, len(source) // 60)))
    latent = drawing.unet.latent
    assert latent is not None
    with torch.inference_mode():
        back = latent.pictures(latent.maps(x))
    print(f"{1 - float((back - x).square().mean() / x.var(0).mean()):.0%} comes back through the autoencoder")
    _grid([*x[:8].numpy(), *back[:8].numpy()], options, "back", across=8)
    pictures = [p for text in SHOWN for p in drawing.draw(n=6, prompt=text, guidance=3.0, seed=1).pixels]
    captions = [text for text in SHOWN for _ in range(6)]
    path = options.out.with_name(f"{options.out.name}-prompts.png")
    path.write_bytes(sheet(np.stack(pictures), captions, across=6))
    _words(drawing, source, options)


def _words(drawing: Drawing, source: Images, options: argparse.Namespace) -> None:
    """Whether what is drawn is nearer to what was asked for than to other things."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(source))[:PROMPTS])
    columns = source.take(rows).metadata()
    assert columns is not None
    captions, kinds = columns["caption"].to_pylist(), np.array(columns["kind"].to_pylist())
    drawn = [
        drawing.draw(n=4, prompt=str(text), guidance=3.0, seed=i).pixels for i, text in enumerate(captions)
    ]
    encoder = evened(Patches().solve(source), source)
    true = F.normalize(encode(encoder, source.batch(rows)), dim=1)
    made = F.normalize(encode(encoder, torch.from_numpy(np.concatenate(drawn))), dim=1)
    asked = np.repeat(np.arange(PROMPTS), 4)
    likeness = (made @ true.T).numpy()  # (4 * PROMPTS, PROMPTS)
    wrong = rng.permutation(PROMPTS)[asked]
    for name, meant in (("as asked", asked), ("captions dealt out anew", wrong)):
        order = np.argsort(-likeness, axis=1)
        first = float((order[:, 0] == meant).mean())
        five = float((order[:, :5] == meant[:, None]).any(1).mean())
        kind = float((kinds[order[:, 0]] == kinds[meant]).mean())
        row = {"drawn": name, "steps": options.steps, "nearest": f"{first:.3f}", "among five": f"{five:.3f}"}
        row |= {"kind": f"{kind:.3f}", "chance": f"{1 / PROMPTS:.3f}", "seed": str(options.seed)}
        print(row, flush=True)
        sections.keep("prompts", row)
    best = [int(likeness[4 * i : 4 * i + 4, i].argmax()) for i in range(0, PROMPTS, 5)]
    shown = [source[int(rows[i])].numpy() for i in range(0, PROMPTS, 5)]
    shown += [drawn[i][k] for i, k in zip(range(0, PROMPTS, 5), best)]
    names = [str(captions[i]) for i in range(0, PROMPTS, 5)]
    path = options.out.with_name(f"{options.out.name}-asked.png")
    path.write_bytes(sheet(np.stack(shown), names + names, across=len(names)))


def some_of_openmoji() -> Images:
    """Of the five kinds; its columns: caption, kind."""
    work = Path(mkdtemp())
    with tarfile.open(DATA / "openmoji-72.tar") as tar:
        tar.extractall(work, filter="data")
    table = pa.csv.read_csv(work / "captions.csv")
    sub = table["subgroup"].to_pylist()
    kinds = [next((k for k in KINDS if str(s).startswith(k)), None) for s in sub]
    paths = pa.array([f"png/{name}" for name in table["file"].to_pylist()])
    made = pa.table({"path": paths, "caption": table["caption"], "kind": kinds})
    pa.csv.write_csv(made.filter(pc.is_valid(made["kind"])), work / "openmoji.csv")
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
