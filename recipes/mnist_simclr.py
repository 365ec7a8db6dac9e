"""SimCLR on handwritten digits, without their labels, beside the baselines.

    python recipes/mnist_simclr.py

Scores: see the issue of the first release; to be filled in from a run.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from ilk.encoders import Encoder, build, embed
from ilk.encoders.projected import project
from ilk.objectives.pca import PCA
from ilk.objectives.pixels import Pixels
from ilk.objectives.random import Random
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.health import knn_accuracy
from ilk.training.recipe import Recipe

DATA = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"
BANK = 20_000  # of the 60,000 pictures for learning; all 10,000 for testing are used


def digits(data: Path, kind: str, n: int | None = None) -> tuple[Images, np.ndarray]:
    with np.load(data) as archive:
        pixels, labels = archive[f"{kind}_images"][:n], archive[f"{kind}_labels"][:n]
    return Images(pixels.reshape(-1, 1, 28, 28), [f"{kind}-{i}" for i in range(len(pixels))]), labels


def score(
    encoder: Encoder, bank: Images, known: np.ndarray, asked: Images, labels: np.ndarray
) -> tuple[float, float]:
    """kNN@20 of the vectors as they are, and whitened on their first 128 axes."""
    white = project(encoder, bank, 128)
    raw, even = (knn_accuracy(embed(e, bank), known, embed(e, asked), labels, k=20) for e in (encoder, white))
    return raw, even


def learn(bank: Images, minutes: float, run: Path, *, width: int = 32) -> Encoder:
    objective = SimCLR(build("convnet", bank.traits, width=width), augment="digits")
    return fit(objective, bank, Recipe(minutes=minutes), run=run)


def main(data: Path = DATA, minutes: float = 3.0) -> None:
    bank, known = digits(data, "train", BANK)
    asked, labels = digits(data, "test")
    with tempfile.TemporaryDirectory() as run:
        encoders = {
            "pixels": Pixels().solve(bank),
            "PCA, 64 dimensions": PCA(dim=64).solve(bank),
            "random convnet": Random().solve(bank),
            f"SimCLR, {minutes:g} minutes": learn(bank, minutes, Path(run)),
        }
    print(f"{'kNN@20 on MNIST':24} {'raw':>6} {'white':>6}")
    for name, encoder in encoders.items():
        raw, white = score(encoder, bank, known, asked, labels)
        print(f"{name:24} {raw:6.1%} {white:6.1%}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="SimCLR on MNIST, beside the baselines")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--minutes", type=float, default=3.0)
    main(**vars(parser.parse_args()))
