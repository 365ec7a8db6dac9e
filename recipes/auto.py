"""`ilk learn --minutes 2` on four data sets: what `auto` keeps, beside pixels. Never worse is wanted.

    OMP_NUM_THREADS=1 python -m recipes.auto [--data digits,mnist,openmoji,blackholes] [--minutes 2]

One row in five, by its id, is never learnt from and asked at the end (ilk/analysis/protocol.py): accuracy by
the 20 nearest. `auto` sees no label. About ten minutes. Printed is the table in docs/learning.md.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ilk
from ilk.analysis.protocol import held_out, score
from ilk.encoders import Encoder, build
from ilk.encoders.projected import Projected
from ilk.source.images import Images
from recipes.results import LABEL, SETS


def row(name: str, source: Images, minutes: float) -> str:
    known = source.take(np.flatnonzero(~held_out(source)))
    plain = score(build("pixels", source.traits).eval(), source, LABEL)
    with tempfile.TemporaryDirectory() as folder:
        space = ilk.learn(known, out=Path(folder, name), recipe=ilk.Recipe(minutes=minutes))
        found = score(space.encoder, source, LABEL)
        kept = _named(space.encoder)
    verdict = "yes" if found.knn >= plain.knn else "NO"
    return f"| {name} | {kept} | {found.knn:.1%} | {plain.knn:.1%} | {verdict} |"


def _named(encoder: Encoder) -> str:
    """Pixels on axes: white PCA."""
    on_axes = isinstance(encoder, Projected)
    return f"{type(encoder.encoder if on_axes else encoder).__name__}{', on axes' if on_axes else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    labelled = [name for name in SETS if name != "continuum"]
    parser.add_argument("--data", type=lambda text: text.split(","), default=labelled)
    parser.add_argument("--minutes", type=float, default=2.0)
    given = parser.parse_args()
    print("| data | kept | kNN of auto | kNN of pixels | no worse |\n|---|---|---|---|---|")
    for name in given.data:
        print(row(name, SETS[name](), given.minutes), flush=True)


if __name__ == "__main__":
    main()
