"""Black holes in ten dimensions: which way of learning keeps the physics, and tells the kinds apart?

    python -m recipes.blackholes [pictures [way ...]]

3,000 pictures of each set by default, normalised; about 5 CPU-minutes, most of it the networks. Prints, for
each way, R2 by kNN / linear regression on `continuum` (pictures held out), and on `populations` how alike
three Gaussians and the three planted kinds are (ARI). The last lines are the ceiling: networks that are told
the values of four pictures in five, asked for those of the fifth; one that looks at 40 main axes (of all five
fifths), and the convnet (of one).

Expected (one seed, 3,000 pictures):

                               spin         cos i       ln r_in        ln tau       ln mass     ARI   CPU-s
    PCA of raw pictures -0.07 / 0.00   0.26 / 0.01   0.57 / 0.32   0.15 / 0.00   0.14 / 0.09   0.098       1
    PCA                  0.14 / 0.08   0.86 / 0.70   0.71 / 0.50   0.49 / 0.41   0.03 / 0.04   0.993       1
    PCA, brightness^0.75 0.15 / 0.10   0.87 / 0.70   0.72 / 0.54   0.48 / 0.40   0.01 / 0.04   0.996       1
    PCA, square root     0.13 / 0.09   0.88 / 0.72   0.71 / 0.57   0.44 / 0.36   0.02 / 0.06   0.995       1
    shaded               0.12 / 0.07   0.90 / 0.73   0.77 / 0.66   0.49 / 0.39   0.05 / 0.08   0.628      25
    patches              0.05 / 0.03   0.78 / 0.70   0.70 / 0.69   0.44 / 0.45   0.04 / 0.05   0.634      19
    autoencoder          0.10 / 0.09   0.84 / 0.66   0.66 / 0.56   0.44 / 0.38  -0.01 / 0.02   0.620      74
    SimCLR               0.12 / 0.06   0.80 / 0.31   0.66 / 0.52   0.44 / 0.23  -0.02 / 0.01   0.495      87
    told, main axes             0.23          0.90          0.82          0.54          0.08               7

(`ilk demo` learns 8,000 pictures of the continuum by `shaded`: with more that are alike, more is told.)

The set holds four groups, as "no ring" is two things. Which of them share a Gaussian when three are asked for
is not settled by the data, so an ARI of 0.6 can stand for four groups that are perfectly apart.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score, r2_score
from torch import nn

from ilk.analysis.ceiling import ceiling
from ilk.analysis.mixture import mixture
from ilk.analysis.probe import r2
from ilk.encoders import Encoder, build, embed
from ilk.encoders.projected import project
from ilk.objectives import Objective
from ilk.objectives.autoencoder import Autoencoder
from ilk.objectives.patches import Patches
from ilk.objectives.pca import PCA
from ilk.objectives.shaded import Shaded
from ilk.objectives.simclr import SimCLR
from ilk.source.blackholes import blackholes
from ilk.source.images import Images, images
from ilk.source.views import Views
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

DIM = 10
STEPS = 400  # of a network: about two CPU-minutes
ASKED = {"spin": "spin", "cos i": "cos_i", "ln r_in": "r_in", "ln tau": "tau", "ln mass": "mass"}


def _fitted(objective: Objective, source: Images) -> Encoder:
    with tempfile.TemporaryDirectory() as run:
        return fit(objective, source, Recipe(steps=STEPS), run=Path(run))


def _autoencoder(source: Images) -> Encoder:
    network = build("convnet", source.traits, dim=DIM, width=16)
    return _fitted(Autoencoder(network, channels=1, size=source.traits["size"]), source)


def _simclr(source: Images) -> Encoder:
    network = build("convnet", source.traits, dim=64, width=16)
    return project(_fitted(SimCLR(network, augment=source.traits["augment"]), source), source, DIM)


WAYS: dict[str, Callable[[Images], Encoder]] = {
    "PCA": lambda s: PCA(dim=DIM, whiten=1).solve(s),
    "PCA, brightness^0.75": lambda s: PCA(dim=DIM, power=0.75, whiten=1).solve(s),
    "PCA, square root": lambda s: PCA(dim=DIM, power=0.5, whiten=1).solve(s),
    "shaded": lambda s: Shaded(dim=DIM).solve(s),
    "patches": lambda s: Patches(dim=DIM, whiten=1).solve(s),
    "autoencoder": _autoencoder,
    "SimCLR": _simclr,
}


def _axes(source: Images) -> Encoder:
    return PCA(dim=40, whiten=0.5).solve(source)


def told(source: Images, values: dict[str, np.ndarray]) -> list[float]:
    """R2 of each value, by the network that the others are given, taught with the answers."""
    answers = np.stack([(v - v.mean()) / v.std() for v in values.values()], 1).astype(np.float32)
    rows = np.random.default_rng(0).permutation(len(source))
    asked, known = rows[: len(rows) // 5], rows[len(rows) // 5 :]
    torch.manual_seed(0)
    network = nn.Sequential(
        build("convnet", source.traits, dim=64, width=16), nn.ReLU(), nn.Linear(64, len(values))
    )
    views, optimiser = Views(source.traits["augment"]), torch.optim.AdamW(network.parameters())
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=STEPS)
    for _ in range(STEPS):
        some = known[torch.randint(len(known), (64,)).numpy()]
        truth = torch.from_numpy(answers[some])
        loss = nn.functional.mse_loss(
            network(torch.cat(views(source.batch(some)))), torch.cat([truth, truth])
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        pace.step()
    with torch.inference_mode():
        guess = network.eval()(source.batch(asked)).numpy()
    return [r2_score(answers[asked, i], guess[:, i]) for i in range(len(values))]


def main(n: int = 3000, *ways: str) -> None:
    raw = {kind: blackholes(n, kind) for kind in ("populations", "continuum")}
    clean = {kind: images(some.pixels, normalise={}) for kind, some in raw.items()}
    planted = raw["continuum"].metadata()
    populations = raw["populations"].metadata()
    assert planted is not None
    assert populations is not None
    values = {k: planted[c].to_numpy() for k, c in ASKED.items()}
    values = {k: np.log(v) if k.startswith("ln") else v for k, v in values.items()}
    print(f"{'':24}{''.join(f'{k:>14}' for k in ASKED)}{'ARI':>8}{'CPU-s':>8}")
    for name, sources in [("PCA of raw pictures", raw), *((w, clean) for w in ways or WAYS)]:
        began = time.process_time()
        way = WAYS.get(name, WAYS["PCA"])
        z, kinds = (embed(way(sources[k]), sources[k]) for k in ("continuum", "populations"))
        took = time.process_time() - began
        scores = (f"{r2(z, v):.2f} / {r2(z, v, how='linear'):.2f}" for v in values.values())
        ari = adjusted_rand_score(populations["population"].to_pylist(), mixture(kinds, 3).labels)
        print(f"{name:24}{''.join(f'{s:>14}' for s in scores)}{ari:8.3f}{took:8.0f}", flush=True)
    seeing: dict[str, Callable[[Images], Iterable[float]]] = {
        "told, main axes": lambda s: ceiling(embed(_axes(s), s), np.column_stack(list(values.values()))),
        "told, convnet": lambda s: told(s, values),
    }
    for name, network in seeing.items():
        began = time.process_time()
        scores = (f"{score:.2f}" for score in network(clean["continuum"]))
        line = f"{name:24}{''.join(f'{s:>14}' for s in scores)}{'':8}"
        print(f"{line}{time.process_time() - began:8.0f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 3000, *sys.argv[2:])
