"""Few labels: a network that learnt without labels first gets most pictures right, an untaught one fewer.

    python -m recipes.finetune [mnist] [digits] [--way "from scratch"]

Prints the tables of docs/finetune.md: accuracy on pictures never seen, mean and spread over three seeds, with
10 to 1,000 labels. All by the same convnet (width 16) and the same line on its vectors. The network learns by
SimCLR from pictures without labels (20,000 of MNIST, 1,297 of scikit-learn's digits), then by cross-entropy.
About 60 CPU-seconds a seed and data set, on one thread: 6 minutes for all.

Data: mnist.npz of ILK_DATA, as `recipes/mnist_patches.py` describes it; the digits come with scikit-learn.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from ilk.analysis.held import Dealt, line
from ilk.encoders import Encoder, build, embed
from ilk.learning.finetuning import teacher, tune
from ilk.objectives.pixels import Pixels
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

MNIST = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"
LABELS = (10, 50, 100, 1000)
SEEDS = 3
WIDTH = 16
PRETRAINED, TUNED, UNTAUGHT = 250, 60, 180  # steps: SimCLR, then from labels; from labels alone
WAYS = ("pixels, line", "from scratch", "SimCLR, line", "SimCLR, fine-tuned")


def mnist() -> tuple[Images, np.ndarray, Images, np.ndarray]:
    with np.load(MNIST, allow_pickle=False) as data:
        known, asked = data["train_images"][:20_000], data["test_images"][:2_000]
        return _images(known), data["train_labels"][:20_000], _images(asked), data["test_labels"][:2_000]


def digits() -> tuple[Images, np.ndarray, Images, np.ndarray]:
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    pixels = np.kron(found.images / 16 * 255, np.ones((1, 2, 2))).astype(np.uint8)[order]  # (n, 16, 16)
    y = found.target[order]
    return _images(pixels[500:]), y[500:], _images(pixels[:500]), y[:500]


def accuracies(name: str, seed: int, ways: list[str]) -> Iterator[tuple[int, str, float]]:
    """(labels, way, accuracy); the same labelled pictures for all ways."""
    source, y, asked, truth = {"mnist": mnist, "digits": digits}[name]()
    blank = _blank(source, seed)
    taught = _taught(source, seed) if any("SimCLR" in way for way in ways) else blank
    for n in LABELS:
        dealt = _dealt(y, n, seed)
        for way in ways:
            if way == "pixels, line":
                encoder = Pixels().solve(source)
            elif way == "from scratch":  # no line to start from: batch norm has no means yet
                encoder = _tuned(blank, source, dealt, None, UNTAUGHT, seed, front=1.0, still=False)
            elif way == "SimCLR, line":
                encoder = taught
            else:
                encoder = _tuned(taught, source, dealt, _probe(taught, source, dealt), TUNED, seed)
            told = _probe(encoder, source, dealt).predict(embed(encoder, asked))
            yield n, way, float((told == truth).mean())


def table(name: str, ways: list[str]) -> list[str]:
    found: dict[tuple[int, str], list[float]] = {}
    for seed in range(SEEDS):
        began = time.process_time()
        for n, way, accuracy in accuracies(name, seed, ways):
            found.setdefault((n, way), []).append(accuracy)
        print(f"{name}, seed {seed}: {time.process_time() - began:.0f} CPU-s", flush=True)
    lines = [f"| {name}: labels | {' | '.join(map(str, LABELS))} |", "|" + "---|" * (len(LABELS) + 1)]
    for way in ways:
        cells = (f"{100 * mean(v):.1f} ± {100 * stdev(v):.1f}" for v in (found[n, way] for n in LABELS))
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return lines


def _probe(encoder: Encoder, source: Images, dealt: Dealt) -> Any:
    return line(embed(encoder, source, dealt.known), dealt.codes[dealt.known], 0)


def _taught(source: Images, seed: int) -> Encoder:
    objective = SimCLR(_blank(source, seed), augment="digits")
    with tempfile.TemporaryDirectory() as run:
        return fit(objective, source, Recipe(steps=PRETRAINED, seed=seed), run=Path(run))


def _tuned(
    encoder: Encoder, source: Images, dealt: Dealt, probe: Any, steps: int, seed: int, **how: Any
) -> Encoder:
    recipe = Recipe(steps=steps, batch=64, learning_rate=1e-3, held_out=0.1, checks=2, seed=seed)
    objective = teacher(encoder, source, "digit", 10, seed=seed, **how)
    with tempfile.TemporaryDirectory() as run:
        return tune(objective, source, "digit", dealt, probe, recipe, Path(run))


def _blank(source: Images, seed: int) -> Encoder:
    torch.manual_seed(seed)
    return build("convnet", source.traits, width=WIDTH)


def _dealt(y: np.ndarray, n: int, seed: int) -> Dealt:
    """As many of each digit, drawn by the seed."""
    rng = np.random.default_rng(seed)
    known = np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == c))[: n // 10] for c in range(10)]))
    return Dealt(y, list(map(str, range(10))), known, known[:0], {})


def _images(pixels: np.ndarray) -> Images:  # (n, H, W)
    return Images(pixels[:, None], list(map(str, range(len(pixels)))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=["mnist", "digits"])
    parser.add_argument("--way", action="append", choices=WAYS)
    args = parser.parse_args()
    for name in args.data:
        print(*table(name, args.way or list(WAYS)), sep="\n", flush=True)
