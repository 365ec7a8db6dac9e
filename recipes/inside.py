"""A look inside a vision transformer that has learnt black holes: the picture in docs/encoders.md.

    python -m recipes.inside inside.png

About six CPU-minutes. Says how far attention gathers on one patch; with registers (`--registers 4`) on those
instead. Expected: bright cells on the ring, and heads that share it out among them.

    python -m recipes.inside inside-text.png --model FOLDER

The same of a sentence, by an encoder of text of `transformers` (MiniLM: the picture in docs/text.md), and
which pieces attention gathers on in the first 200 lines of the corpus of ILK_DATA. Seconds.
"""

import argparse
import lzma
import os
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

import ilk
from ilk.analysis.inside_text import sinks
from ilk.source.images import images

CORPUS = Path(os.environ.get("ILK_DATA", "../shared/data")) / "corpus-4m-words.txt.xz"
SENTENCE = "The river bank was steep, so the fishermen moored their boat where the bank was low."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("to", type=Path, help="a .png file")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--registers", type=int, default=0)
    parser.add_argument("--model", help="the folder of an encoder of text")
    given = parser.parse_args()
    if given.model:
        text(given.model, given.to)
    else:
        pictures(given)


def text(model: str, to: Path) -> None:
    with lzma.open(CORPUS, "rt") as lines:
        source = ilk.text([line.strip() for line in islice(lines, 200)])
    with tempfile.TemporaryDirectory() as folder:
        space = ilk.learn(source, "pretrained", out=Path(folder, "lines"), model=model)
        ilk.inside(space, SENTENCE, to)
        found = sinks(space.encoder, source.batch(np.arange(len(source))))
    assert found is not None
    for row in found.table().to_pylist():
        print(row)


def pictures(given: argparse.Namespace) -> None:
    pixels = ilk.blackholes(given.pictures, "populations").pixels
    small = {"patch": 8, "width": 64, "depth": 4, "heads": 4, "registers": given.registers}
    with tempfile.TemporaryDirectory() as folder:
        space = ilk.learn(
            images(pixels, cache=False),
            "simclr",
            out=Path(folder, "holes"),
            encoder="vit",
            dim=64,
            recipe=ilk.Recipe(steps=given.steps, learning_rate=1e-3),
            **small,
        )
        one = Path(folder, "a black hole.npy")
        np.save(one, pixels[7])
        ilk.inside(space, one, given.to)


if __name__ == "__main__":
    main()
