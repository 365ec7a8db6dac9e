"""Writes what this version makes of a few digits and texts into tests/formats/VERSION/.

python -m tests.formats.make
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import ilk
from ilk.source.images import Images
from ilk.training.recipe import Recipe

HERE = Path(__file__).parent
SMALL: dict[str, Any] = {"dim": 8, "width": 4, "projector": (16, 8)}
TEXTS = [
    "the ring is bright",
    "a bright ring",
    "the jet is long",
    "a long jet",
    "a dark disc",
    "the disc is dark",
]


def main() -> None:
    folder = HERE / ilk.__version__.partition(".dev")[0]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pixels = (load_digits().images[:40] * 15).astype(np.uint8)
    source = Images(pixels[:, None], [f"{i:02}.png" for i in range(40)])
    recipe = Recipe(steps=3, batch=16, checks=1)
    space = ilk.learn(source, "simclr", out=folder / "digits", recipe=recipe, **SMALL)
    ilk.clusters(space)
    space.index("ivf")
    texts = ilk.learn(ilk.text(TEXTS), "sif", out=folder / "texts", dim=4)
    told = {
        "digits": space.search("03.png", 5).ids[0].tolist(),
        "texts": texts.search("bright ring", 2).ids[0].tolist(),
        "vector": [round(float(x), 5) for x in space.vectors()[3]],
    }
    (folder / "told.json").write_text(json.dumps(told, indent=1) + "\n")
    for left in folder.rglob("*lock*"):
        left.unlink()


if __name__ == "__main__":
    main()
