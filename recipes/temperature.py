"""What SimCLR's temperature does: how alike vectors come out, drawn as docs/images/temperature.png.

    python -m recipes.temperature [mnist.npz] [--steps 200]

Three runs on 10,000 digits that differ in nothing else, about 20 CPU-seconds each. Drawn for 1,000 test
digits: the cosines between two views of one digit, between different pictures of the same digit, and
between different digits. Beside each, kNN@20 of the test digits among the 10,000.
The file is the one that `recipes/mnist_patches.py` describes.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional as F

from ilk.encoders import build, embed, encode
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.health import knn_accuracy
from ilk.training.recipe import Recipe

MNIST = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"
PICTURE = Path(__file__).parents[1] / "docs/images/temperature.png"
TEMPERATURES = (0.05, 0.2, 1.0)
KINDS = {  # of pairs, with the colour each is drawn in
    "two views of one picture": (0, 114, 178),
    "the same digit": (0, 158, 115),
    "different digits": (213, 94, 0),
}


@dataclass(frozen=True)
class Run:
    temperature: float
    cosines: dict[str, np.ndarray]  # by kind of pair
    knn: float


def run(known: Images, labels: np.ndarray, asked: Images, truth: np.ndarray, t: float, steps: int) -> Run:
    torch.manual_seed(0)
    objective = SimCLR(build("convnet", known.traits, width=16), temperature=t, augment="digits")
    with tempfile.TemporaryDirectory() as folder:
        encoder = fit(objective, known, Recipe(steps=steps), run=Path(folder))
    torch.manual_seed(1)
    batch = asked.batch(np.arange(len(asked)))
    with torch.inference_mode():
        a, b = (F.normalize(objective.eval().head(encode(encoder, v))) for v in objective.views(batch))
    every = (a @ b.T).numpy()  # (n, n)
    own, same = np.eye(len(truth), dtype=bool), truth[:, None] == truth
    chosen = dict(zip(KINDS, (own, same & ~own, ~same)))
    knn = knn_accuracy(embed(encoder, known), labels, embed(encoder, asked), truth)
    return Run(t, {kind: every[which] for kind, which in chosen.items()}, knn)


def draw(runs: Sequence[Run], path: Path = PICTURE, fine: int = 2) -> None:
    """A panel for each temperature; the height of a curve is its share of pairs, each kind on its own."""
    wide, high, left, top = 300 * fine, 170 * fine, 20 * fine, 56 * fine
    image = Image.new("RGB", (left + len(runs) * (wide + left), top + high + 40 * fine), "white")
    pen = ImageDraw.Draw(image, "RGBA")
    font, small = (ImageFont.load_default(size * fine) for size in (14, 12))
    for i, (kind, colour) in enumerate(KINDS.items()):
        x = left + i * 190 * fine
        pen.rectangle((x, 9 * fine, x + 12 * fine, 21 * fine), fill=(*colour, 120), outline=colour)
        pen.text((x + 18 * fine, 15 * fine), kind, "black", small, "lm")
    for i, one in enumerate(runs):
        x = left + i * (wide + left)
        pen.text((x, top - 14 * fine), f"temperature {one.temperature:g}", "black", font, "lm")
        pen.text((x + wide, top - 14 * fine), f"kNN {one.knn:.1%}", "black", small, "rm")
        for kind, colour in KINDS.items():
            share, _ = np.histogram(one.cosines[kind], 50, (-1, 1))
            height = high * share / share.max()
            at = x + wide * np.linspace(0, 1, 50)
            curve = [(float(px), float(top + high - h)) for px, h in zip(at, height)]
            outline = [(x, top + high), *curve, (x + wide, top + high)]
            pen.polygon(outline, fill=(*colour, 70))
            pen.line(curve, fill=colour, width=fine)
        pen.line((x, top + high, x + wide, top + high), fill="black", width=fine)
        for cosine in (-1, 0, 1):
            px = x + wide * (cosine + 1) / 2
            pen.text((px, top + high + 6 * fine), f"{cosine}", "black", small, "ma")
    pen.text((image.width / 2, top + high + 24 * fine), "cosine of the projections", "black", small, "ma")
    path.parent.mkdir(exist_ok=True)
    image.quantize(64).save(path, optimize=True)


def temperature(path: Path = MNIST, steps: int = 200, picture: Path = PICTURE) -> list[Run]:
    with np.load(path, allow_pickle=False) as data:
        known, labels = _images("train", data["train_images"][:10_000]), data["train_labels"][:10_000]
        asked, truth = _images("test", data["test_images"][:1000]), data["test_labels"][:1000]
    runs = []
    for t in TEMPERATURES:
        runs.append(run(known, labels, asked, truth, t, steps))
        means = ", ".join(f"{kind} {c.mean():.2f} ({c.std():.2f})" for kind, c in runs[-1].cosines.items())
        print(f"temperature {t:g}: kNN {runs[-1].knn:.1%}; cosines, mean (spread): {means}", flush=True)
    draw(runs, picture)
    return runs


def _images(split: str, pixels: np.ndarray) -> Images:  # (n, 28, 28)
    return Images(pixels[:, None], [f"{split}-{i}" for i in range(len(pixels))])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mnist", nargs="?", type=Path, default=MNIST)
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    temperature(given.mnist, given.steps)
