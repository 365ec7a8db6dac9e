"""What a noisy picture of a black hole allows its parameters to be; and does the truth lie within?

    OMP_NUM_THREADS=1 python -m recipes.posterior OUT --minutes 3       # OUT.run, OUT-*.png

A `vae` learns from 2,400 noise-free black holes of 32 pixels (`continuum`, normalised). 300 others tell what
its decoder cannot give. Then noise is laid over 64 more (standard deviation .05, .1, .2, with 1 from black
to white), and of each the posterior of five parameters is drawn (ilk/generate/posterior.py). Printed for each
noise and parameter: how often the truth lies in the middle 50%, 80% and 95% of the draws; how wide the
middle 90% is beside the same before a picture was seen; R2 of the posterior's mean, and of the same network's
vector of the noisy picture, read by kNN. `--plain` leaves out what the decoder cannot give.

The same command again takes up the run where it is. Kept: recipes/posterior.csv, for docs/results.md.
Printed: docs/posterior.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kstest
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsRegressor

import ilk
from ilk.analysis._result import style
from ilk.encoders import build, encode
from ilk.generate._likelihood import Unseen
from ilk.generate.latent import Latent
from ilk.generate.posterior import SIDES, Posterior, misfit, posteriors
from ilk.objectives.vae import VAE
from ilk.source.images import Images
from ilk.training.fit import fit
from recipes import sections
from recipes.diffusion import SIDE, TOLD, holes, numbers

CHAINS = 2
SHARES = (0.5, 0.8, 0.95)
FIGURES = ("in 50%", "in 80%", "in 95%", "ranks even, p", "width", "R2", "R2 of the vector")


def main() -> None:
    options = _options()
    taught, other = holes(options.pictures)
    tool, space = _learnt(taught, options)
    rows, half = np.arange(len(other)), len(other) // 2
    unseen = Unseen.nothing(SIDE**2) if options.plain else misfit(tool, other.take(rows[:half]))
    asked = other.take(rows[half:][: options.asked])
    print(f"what the decoder cannot give: {unseen.size:.3f}")
    clean, truth = asked.batch(np.arange(len(asked))).numpy(), numbers(asked)
    knn = KNeighborsRegressor(10, weights="distance").fit(space.vectors(), numbers(taught))
    print(f"| noise | parameter | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for noise in options.noises:
        x = clean + noise * np.random.default_rng(0).normal(size=clean.shape)
        began = time.process_time()
        how = {"draws": options.draws, "warmup": options.draws, "chains": CHAINS}
        found = posteriors(tool, x, noise, unseen, columns=TOLD, **how)
        took = time.process_time() - began
        plain = knn.predict(encode(tool.known.encoder, torch.from_numpy(np.float32(x))).numpy())
        _lines(noise, found, truth, plain, options)
        apart = np.array([one.apart for one in found])
        print(
            f"noise {noise}: {took:.0f} CPU-seconds; R-hat {np.median(apart):.3f}, at most {apart.max():.2f}"
        )
        if noise == 0.1:
            _figure(found, truth, options.out.with_name(f"{options.out.name}-coverage.png"))
            for name, one in (("intervals", found[0]), ("pairs", found[0])):
                one.save(options.out.with_name(f"{options.out.name}-{name}.png"), what=name)
            found[0].drawn().save(options.out.with_name(f"{options.out.name}-sheet.png"))
            print(dict(zip(TOLD, truth[0].round(3).tolist())), found[0].sentence())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--noises", type=float, nargs="+", default=[0.05, 0.1, 0.2])
    parser.add_argument("--asked", type=int, default=64)
    parser.add_argument("--draws", type=int, default=150)
    parser.add_argument("--dim", type=int, default=10)
    parser.add_argument("--beta", type=float, default=0.3)
    parser.add_argument("--plain", action="store_true")
    return parser.parse_args()


def _learnt(taught: Images, options: argparse.Namespace) -> tuple[Latent, ilk.Space]:
    torch.manual_seed(0)
    run, path = options.out.with_suffix(".run"), options.out.with_suffix(".space")
    objective = VAE(build("convnet", taught.traits, dim=options.dim, width=16), size=SIDE, beta=options.beta)
    recipe = ilk.Recipe(minutes=options.minutes)
    encoder = fit(objective, taught, recipe, run=run / "vae", clock=time.process_time)
    if not path.exists():
        ilk.Space.create(path, encoder, reading=taught.reading).upsert(taught)
    return ilk.latent(run), ilk.Space.open(path)


def _lines(
    noise: float, found: list[Posterior], truth: np.ndarray, plain: np.ndarray, options: argparse.Namespace
) -> None:
    drawn = np.stack([one.values.reshape(-1, len(TOLD)) for one in found])  # (P, m, p)
    ranks = (drawn < truth[:, None]).mean(1)  # (P, p)
    ends = np.quantile(drawn, SIDES, axis=1)  # (2, P, p)
    before = np.diff(np.quantile(found[0].before, SIDES, axis=0), axis=0)[0]  # (p,)
    for j, name in enumerate(TOLD):
        inside = [float((np.abs(ranks[:, j] - 0.5) <= share / 2).mean()) for share in SHARES]
        even = float(kstest(ranks[:, j], "uniform").pvalue)
        width = float((ends[1] - ends[0])[:, j].mean() / before[j])
        r2 = [r2_score(truth[:, j], told[:, j]) for told in (drawn.mean(1), plain)]
        figures = [*(f"{v:.2f}" for v in inside), f"{even:.2f}", f"{width:.2f}", *(f"{v:.2f}" for v in r2)]
        print(f"| {noise} | {name} | {' | '.join(figures)} |", flush=True)
        about = {"noise": noise, "told": "no misfit" if options.plain else "misfit", "parameter": name}
        sections.keep("posterior", about | dict(zip(FIGURES, figures)) | {"pictures": len(found), "seed": 0})


def _figure(found: list[Posterior], truth: np.ndarray, path: Path) -> None:
    """Truth against posterior, and how often intervals of any width hold the truth."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure((7.2, 2.7), layout="constrained")
        boxes = figure.subplots(1, 3)
        for ax, j in zip(boxes, (0, 1)):
            low, middle, high = (
                np.array([np.quantile(one.values[..., j], q) for one in found])
                for q in (SIDES[0], 0.5, SIDES[1])
            )
            within = (low <= truth[:, j]) & (truth[:, j] <= high)
            for part, hue in ((within, "#0072B2"), (~within, "#D55E00")):
                ax.vlines(truth[part, j], low[part], high[part], color=hue, alpha=0.45, linewidth=1)
                ax.plot(truth[part, j], middle[part], "o", color=hue, markersize=2.5)
            ends = [truth[:, j].min(), truth[:, j].max()]
            ax.plot(ends, ends, color="#8A909C", linewidth=0.7)
            ax.set(xlabel=f"true {TOLD[j]}", ylabel="posterior: median, middle 90%")
        ax, wide = boxes[2], np.linspace(0, 1, 41)
        n = len(found)
        sd = np.sqrt(wide * (1 - wide) / n)
        ax.fill_between(wide, wide - 2 * sd, wide + 2 * sd, color="#E3E6EB", linewidth=0)
        for j, name in enumerate(TOLD):
            ranks = np.array([(one.values[..., j] < truth[i, j]).mean() for i, one in enumerate(found)])
            ax.plot(wide, [(np.abs(ranks - 0.5) <= w / 2).mean() for w in wide], label=name, linewidth=1)
        ax.set(xlabel="share of the draws, from the middle", ylabel="share of truths within")
        ax.legend(loc="upper left")
        figure.savefig(path, dpi=200)
    print(path)


if __name__ == "__main__":
    main()
