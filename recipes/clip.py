"""Do words find pictures that were never learnt from? OpenMoji: 2,456 pictures with captions.

A fifth, chosen by a number made of the caption, is held out. R@10: the share of its captions whose picture is
among the ten nearest of all held-out ones (and of its pictures whose caption is).

word vectors  captions as averages of word vectors (SIF) of the corpus, and the pictures' main axes (PCA)
              mapped onto these by ridge regression
clip          from scratch: a convnet and a small transformer, learnt together
clip, words   the same, the transformer replaced by those word vectors
clip, hub     the same, replaced by a sentence encoder of transformers (`--hub FOLDER`) that stays as it is
matching      as clip, and sorted again by what looks at both at once (`--both`)

    python -m recipes.clip openmoji-72.tar corpus-4m-words.txt.xz --steps 800
    python -m recipes.clip ... --steps 300 --towers words --how softmax sigmoid --wrong 0 0.25 0.5
    python -m recipes.clip ... --steps 400 --towers words hub --hub all-MiniLM-L6-v2 --both --keep --seed 1

`--keep` adds each row to recipes/clip.csv (docs/results.md), with its `--seed`.

`--wrong`: this share of the pairs learnt from is given the caption of another. The gap is the distance of the
middles of all pictures and of all captions; alignment and uniformity as Wang & Isola (2020) have them.

    python -m recipes.clip openmoji-72.tar - --memory 1024 --part 64

prints what waits for the backward pass of one step of so many pairs, with and without gradient caching.

The archive holds png/ and captions.csv (file, caption, ...), made of OpenMoji's own; the corpus is any text.
Printed: docs/captions.md.
"""

import argparse
import tarfile
import time
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow as pa
import pyarrow.csv
import torch
from torch import Tensor

import ilk
from ilk import encoders, saved
from ilk.analysis.retrieval import Retrieval, both_ways, scored
from ilk.encoders import Encoder, embed
from ilk.encoders.fused import Fused
from ilk.encoders.projected import project
from ilk.learning.towers import two_towers
from ilk.objectives.clip import CLIP, numbered
from ilk.objectives.matching import Matching
from ilk.objectives.sif import SIF
from ilk.source.pairs import Pairs
from ilk.source.text import Text
from recipes.sections import keep

FIGURES = (
    *("text to picture R@1", "text to picture R@10", "picture to text R@1", "picture to text R@10"),
    *("gap", "alignment", "uniformity of pictures", "of captions", "across", "CPU-seconds"),
)
PENALTIES = 10.0 ** np.arange(-3, 4)  # of the ridge, chosen on a tenth of what is learnt from
AXES = 128


def main() -> None:
    options = _options()
    work = Path(mkdtemp())
    found = openmoji(options.archive, work)
    held = (numbered(found.captions.batch(np.arange(len(found)))).numpy() % 5) == 0
    taught, asked = found.take(np.flatnonzero(~held)), found.take(np.flatnonzero(held))
    if options.memory:
        waiting(taught, options)
        return
    print(
        f"{len(taught):,} pairs to learn from, {len(asked):,} held out; by chance R@10 {10 / len(asked):.3f}"
    )
    print(f"| way | {' | '.join(FIGURES)} |")
    print("|---|" + "---|" * len(FIGURES))
    line = partial(_line, options)
    began = time.process_time()
    said = asked.captions.batch(np.arange(len(asked)))
    if "words" in options.towers:
        words = SIF().solve(ilk.text(options.corpus, by="line"))
        saved.save(words, work / "words", Encoder)
        if not options.both:
            line("word vectors, mapped onto", both_ways(*regressed(words, taught, asked), said), began)
    towers = {"transformer": "transformer", "words": str(work / "words"), "hub": options.hub}
    for wrong in options.wrong:
        given = shuffled(taught, wrong, options.seed)
        for name, how in product(options.towers, options.how):
            began = time.process_time()
            mixed = f", {wrong:.0%} wrong" if wrong else ""
            encoder = learnt(towers[name], how, given, options)
            vectors = embed(encoder, asked.pictures), embed(encoder, asked.captions)
            judged = both_ways(*vectors, said, scored(encoder, asked))
            way = "matching" if options.both else f"clip, {how}"
            line(f"{way}, {name}{mixed}, {options.steps} steps", judged, began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--how", nargs="+", default=["softmax"], help="softmax, sigmoid")
    parser.add_argument("--towers", nargs="+", default=["transformer", "words"])
    parser.add_argument("--hub", help="the folder of a sentence encoder")
    parser.add_argument("--both", action="store_true", help="the objective matching")
    parser.add_argument("--wrong", nargs="+", type=float, default=[0.0])
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("--part", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def openmoji(archive: Path, work: Path) -> Pairs:
    with tarfile.open(archive) as tar:
        tar.extractall(work, filter="data")
    table = pa.csv.read_csv(work / "captions.csv")
    paths = pa.array([f"png/{name}" for name in table["file"].to_pylist()])
    pa.csv.write_csv(table.set_column(0, "file", paths), work / "openmoji.csv")
    return ilk.pairs(work / "openmoji.csv", size=64, cache=False)


def shuffled(source: Pairs, share: float, seed: int) -> Pairs:
    """With so many of the captions dealt out anew among themselves."""
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(source))[: round(share * len(source))]
    said = source.captions.batch(np.arange(len(source)))
    dealt = {int(i): said[j] for i, j in zip(some, np.roll(some, 1))}
    words = [dealt.get(i, one) for i, one in enumerate(said)]
    return Pairs(source.pictures, Text(words, [source.id(i) for i in range(len(source))]))


def waiting(taught: Pairs, options: argparse.Namespace) -> None:
    """Megabytes that a forward pass leaves for the backward pass: of all parts, and of one."""
    batch = taught.batch(np.arange(options.memory))
    print(f"| {options.memory:,} pairs a step | waiting, MB | CPU-seconds |")
    print("|---|---|---|")
    for part in (None, options.part):
        torch.manual_seed(options.seed)
        seeing = encoders.build("convnet", taught.traits, dim=128)
        two = two_towers(seeing, taught, options.seed, "transformer", 2000)
        began = time.process_time()
        kept = left_by(CLIP(two, part=part), batch)
        if part is not None:  # one part is gone through again at a time
            torch.manual_seed(options.seed)
            kept += left_by(CLIP(two), (batch[0][:part], batch[1][:part]))
        spent = time.process_time() - began
        print(
            f"| {'all at once' if part is None else f'in parts of {part}'} | {kept / 1e6:.0f} | {spent:.0f} |"
        )


def left_by(objective: CLIP, batch: tuple[Tensor, list[str]]) -> int:
    """Bytes; what is shared is counted once."""
    met: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            met[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        (loss,) = objective.loss(*objective.views(batch), progress=0.0).values()
        held = sum(met.values())
    loss.backward()  # type: ignore[no-untyped-call]
    return held


def regressed(words: Encoder, taught: Pairs, asked: Pairs) -> tuple[np.ndarray, np.ndarray]:
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
    return pictures, embed(words, asked.captions) - middle


def learnt(tower: str, how: str, taught: Pairs, options: argparse.Namespace) -> Encoder:
    torch.manual_seed(options.seed)
    seeing = encoders.build("convnet", taught.traits, dim=128)
    two = two_towers(seeing, taught, options.seed, tower, 2000)
    objective = Matching(Fused(two)) if options.both else CLIP(two, how=how)
    recipe = ilk.Recipe(
        steps=options.steps, batch=options.batch, held_out=0, checks=1, seed=options.seed, weight_decay=0.05
    )
    return ilk.fit(objective, taught, recipe, run=Path(mkdtemp()))


def _line(options: argparse.Namespace, name: str, found: Retrieval, began: float) -> None:
    """A row; where what was found was sorted again, a second one with that."""
    spent = time.process_time() - began
    halves = (found.gap, found.alignment, found.of_pictures, found.of_words, found.across)
    for more, ways in (("", found.ways[:2]), (", sorted again", found.ways[2:])):
        if not ways:
            continue
        recalls = [f"{r:.3f}" for way in ways for r in (way.recall[0], way.recall[-1])]
        cells = [*recalls, *(f"{v:.2f}" for v in halves), f"{spent:.0f}"]
        print(f"| {name}{more} | {' | '.join(cells)} |", flush=True)
        if options.keep:
            keep("clip", {"way": name + more, "seed": options.seed} | dict(zip(FIGURES, cells)))


if __name__ == "__main__":
    main()
