"""A look inside a vision transformer that has learnt black holes: the picture in docs/encoders.md.

    python -m recipes.inside inside.png

About six CPU-minutes. Says how far attention gathers on one patch; with registers (`--registers 4`) on those
instead. Expected: bright cells on the ring, and heads that share it out among them.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ilk
from ilk.source.images import images


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("to", type=Path, help="a .png file")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--registers", type=int, default=0)
    given = parser.parse_args()
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
