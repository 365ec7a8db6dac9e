"""MNIST without a label: kNN@20 of SimCLR (or another objective) beside pixels and PCA.

    python -m recipes.mnist_simclr [mnist.npz] [--bank 60000] [--minutes 10] [--ways vicreg]

The bank of the nearest neighbours is what is learnt from; all 10,000 test images are asked. Minutes are the
processor's, of one thread; with `--run FOLDER` a killed run goes on. Raw and whitened to at most 128
dimensions, one seed:

    bank 20,000, 2 minutes    SimCLR 96.7% and 98.2%, PCA to 64 96.3% and 95.7%, pixels 96.0% and 94.1%
    bank 60,000, 2.5 minutes  VICReg 98.4% and 98.9% (152 CPU-seconds)

Patch words (`recipes/mnist_patches.py`) give 98.2% from the same 20,000 in a tenth of the time. The file is
the one that is described there.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ilk.encoders import Encoder, build, embed
from ilk.encoders.projected import project
from ilk.find import construct
from ilk.objectives import ClosedForm, find
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.health import knn_accuracy
from ilk.training.recipe import Recipe

MNIST = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"
OPTIONS = {"pca": {"dim": 64}}


def scores(given: argparse.Namespace, run: Path) -> None:
    """kNN@20, raw and whitened; printed as they come."""
    with np.load(given.mnist, allow_pickle=False) as data:
        known = _images("train", data["train_images"][: given.bank])
        asked = _images("test", data["test_images"])
        known_labels, labels = data["train_labels"][: given.bank], data["test_labels"]

    def score(encoder: Encoder) -> float:
        return knn_accuracy(embed(encoder, known), known_labels, embed(encoder, asked), labels, k=20)

    for name in given.ways:
        cpu = time.process_time()
        encoder = _learn(name, known, given.minutes, run / name)
        cpu = time.process_time() - cpu
        raw, white = score(encoder), score(project(encoder, known, min(128, encoder.dim)))
        print(f"{name:8} kNN@20 {raw:.2%}, whitened {white:.2%} ({cpu:.0f} CPU-s)", flush=True)


def _learn(name: str, source: Images, minutes: float, run: Path) -> Encoder:
    cls = find(name)
    if issubclass(cls, ClosedForm):
        return construct(cls, OPTIONS.get(name, {}), source.traits).solve(source)
    torch.manual_seed(0)
    offered = {**source.traits, "encoder": build("convnet", source.traits)}
    return fit(construct(cls, {}, offered), source, Recipe(minutes=minutes), run=run, clock=time.process_time)


def _images(split: str, pixels: np.ndarray) -> Images:  # (n, 28, 28)
    return Images(pixels[:, None], [f"{split}-{i}" for i in range(len(pixels))])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", nargs="?", type=Path, default=MNIST)
    parser.add_argument("--bank", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--ways", type=lambda text: text.split(","), default=["pixels", "pca", "simclr"])
    parser.add_argument("--run", type=Path, help="a folder to go on from")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scores(given, given.run or Path(folder))


if __name__ == "__main__":
    main()
