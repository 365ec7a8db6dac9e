"""Do words find pictures that were never learnt from? OpenMoji: 2,456 pictures with captions.

A fifth, chosen by a number made of the caption, is held out. R@10: the share of its captions whose picture is
among the ten nearest of all held-out ones (and of its pictures whose caption is).

word vectors  captions as averages of word vectors (SIF) of the corpus, and the pictures' main axes (PCA)
              mapped onto these by ridge regression
clip          from scratch: a convnet and a small transformer, learnt together
clip, words   the same, the transformer replaced by those word vectors

    python recipes/clip.py openmoji-72.tar corpus-4m-words.txt.xz --steps 800

The archive holds png/ and captions.csv (file, caption, ...), made of OpenMoji's own; the corpus is any text.
Printed: docs/captions.md.
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
from torch import Tensor
from torch.nn import functional as F

import ilk
from ilk import encoders, saved
from ilk.encoders import Encoder, embed
from ilk.encoders.projected import project
from ilk.objectives.clip import CLIP, numbered
from ilk.objectives.sif import SIF
from ilk.source.pairs import Pairs
from ilk.usual import two_towers

PENALTIES = 10.0 ** np.arange(-3, 4)  # of the ridge, chosen on a tenth of what is learnt from
AXES = 128


def main() -> None:
    options = _options()
    work = Path(mkdtemp())
    found = openmoji(options.archive, work)
    held = (numbered(found.captions.batch(np.arange(len(found)))).numpy() % 5) == 0
    taught, asked = found.take(np.flatnonzero(~held)), found.take(np.flatnonzero(held))
    print(f"{len(taught):,} pairs to learn from, {len(asked):,} held out")
    print("| way | text to picture R@10 | picture to text R@10 | CPU-seconds |")
    print("|---|---|---|---|")
    print(f"| chance | {10 / len(asked):.3f} | {10 / len(asked):.3f} | - |", flush=True)
    began = time.process_time()
    words = SIF().solve(ilk.text(options.corpus, by="line"))
    saved.save(words, work / "words", Encoder)
    _line("word vectors", *regressed(words, taught, asked), began)
    for name, tower in (("clip", "transformer"), ("clip, words", str(work / "words"))):
        for how in options.how:
            began = time.process_time()
            _line(f"{name}, {how}", *learnt(tower, how, taught, asked, options), began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--how", nargs="+", default=["softmax"], help="softmax, sigmoid")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def openmoji(archive: Path, work: Path) -> Pairs:
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data")
    table = pa.csv.read_csv(work / "captions.csv")
    paths = pa.array([f"png/{name}" for name in table["file"].to_pylist()])
    pa.csv.write_csv(table.set_column(0, "file", paths), work / "openmoji.csv")
    return ilk.pairs(work / "openmoji.csv", size=64, cache=False)


def regressed(words: Encoder, taught: Pairs, asked: Pairs) -> tuple[Tensor, Tensor]:
    """Pictures and captions of those asked, as word vectors."""
    pixels = encoders.build("pixels", taught.traits).eval()
    seeing = project(pixels, taught.pictures, AXES)
    x, y = embed(seeing, taught.pictures), embed(words, taught.captions)
    middle = y.mean(0)
    tenth = np.arange(len(x)) % 10 == 0

    def weights(some: np.ndarray, penalty: float) -> np.ndarray:
        a = x[some]
        solved: np.ndarray = np.linalg.solve(
            a.T @ a + penalty * len(a) * np.eye(AXES), a.T @ (y[some] - middle)
        )
        return solved

    off = [np.square(x[tenth] @ weights(~tenth, p) - (y[tenth] - middle)).sum() for p in PENALTIES]
    best = weights(np.ones(len(x), bool), float(PENALTIES[int(np.argmin(off))]))
    pictures = embed(seeing, asked.pictures) @ best
    return torch.from_numpy(pictures).float(), torch.from_numpy(embed(words, asked.captions) - middle)


def learnt(
    tower: str, how: str, taught: Pairs, asked: Pairs, options: argparse.Namespace
) -> tuple[Tensor, Tensor]:
    torch.manual_seed(options.seed)
    seeing = encoders.build("convnet", taught.traits, dim=128)
    objective = CLIP(two_towers(seeing, taught, options.seed, tower, 2000), how=how)
    recipe = ilk.Recipe(
        steps=options.steps, batch=options.batch, held_out=0, checks=1, seed=options.seed, weight_decay=0.05
    )
    encoder = ilk.fit(objective, taught, recipe, run=Path(mkdtemp()))
    return torch.from_numpy(embed(encoder, asked.pictures)), torch.from_numpy(embed(encoder, asked.captions))


def _line(name: str, pictures: Tensor, words: Tensor, began: float) -> None:
    cosines = F.normalize(words) @ F.normalize(pictures).T  # (n, n)
    figures = f"{recall(cosines):.3f} | {recall(cosines.T):.3f}"
    print(f"| {name} | {figures} | {time.process_time() - began:.0f} |", flush=True)


def recall(cosines: Tensor, k: int = 10) -> float:
    """The share of rows whose own column is among the k largest; equals count against it."""
    nearer = (cosines >= cosines.diag()[:, None]).sum(1)
    return (nearer <= k).float().mean().item()


if __name__ == "__main__":
    main()
