"""`ilk learn --minutes 2` on four data sets: what `auto` keeps, beside pixels. Never worse is wanted.

    OMP_NUM_THREADS=1 python -m recipes.auto [--data digits,mnist] [--minutes 2] [--seeds 0]

One row in five, by its id, is never learnt from and asked at the end (ilk/analysis/protocol.py): accuracy by
the 20 nearest. `auto` sees no label. About ten minutes. Printed is the table in docs/learning.md.

Beside it stands the same over SPLITS random fifths of all rows: that of auto's encoder less that of pixels,
and in how many splits it is below. One split of a small set decides nothing: 375 digits, of which each wrong
one costs .27 points. (No label was learnt from, so every row may be asked.)
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ilk
from ilk.analysis.protocol import TEMPERATURE, K, held_out, score
from ilk.encoders import Encoder, build, embed
from ilk.encoders.projected import Projected
from ilk.source._labels import column, labelled
from ilk.source.images import Images
from ilk.training.health import knn_accuracy
from recipes.results import LABEL, SETS

SPLITS = 10


def row(name: str, source: Images, minutes: float, seed: int) -> str:
    known = source.take(np.flatnonzero(~held_out(source)))
    plain = score(build("pixels", source.traits).eval(), source, LABEL)
    with tempfile.TemporaryDirectory() as folder:
        space = ilk.learn(known, out=Path(folder, name), recipe=ilk.Recipe(minutes=minutes, seed=seed))
        found = score(space.encoder, source, LABEL)
        kept = _named(space.encoder)
        more = gains(space.encoder, source)
    gain = f"{100 * more.mean():+.1f} ± {100 * more.std(ddof=1):.1f}"
    below = f"{(more < 0).sum()} of {SPLITS}"
    return f"| {name} | {seed} | {kept} | {found.knn:.1%} | {plain.knn:.1%} | {gain} | {below} |"


def gains(encoder: Encoder, source: Images) -> np.ndarray:
    """What kNN accuracy gains over pixels, in random splits; (SPLITS,)."""
    codes, _ = labelled(column(source, LABEL))
    ours, plain = embed(encoder, source), embed(build("pixels", source.traits).eval(), source)
    made = []
    for split in range(SPLITS):
        rows = np.random.default_rng(split).permutation(len(codes))
        asked, known = rows[: len(rows) // 5], rows[len(rows) // 5 :]
        right = [
            knn_accuracy(z[known], codes[known], z[asked], codes[asked], k=K, temperature=TEMPERATURE)
            for z in (ours, plain)
        ]
        made.append(right[0] - right[1])
    return np.array(made)


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
    parser.add_argument("--seeds", type=lambda text: [*map(int, text.split(","))], default=[0])
    given = parser.parse_args()
    print("| data | seed | kept | kNN of auto | kNN of pixels | gain over splits | below in |")
    print("|" + "---|" * 7)
    for name in given.data:
        for seed in given.seeds:
            print(row(name, SETS[name](), given.minutes, seed), flush=True)


if __name__ == "__main__":
    main()
