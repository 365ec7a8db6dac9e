"""Can a score without labels choose an encoder? Twelve encoders on four data sets, against what labels say.

    python -m benchmarks.judges [mnist.npz openmoji-72.tar] [--sets mnist emoji populations continuum]

About 8 CPU-minutes. Quality is kNN accuracy of the digit, the emoji's group or the black hole's population;
on the continuum the mean R2 (kNN) of cos i, ln r_in, ln tau and spin. Below the encoders stand the rank
correlation of each score with the quality, and the quality lost by taking the encoder that the score likes
best: of all, and of those that `auto` chooses among. What came out stands in `ilk/learning/judging.py`.
The groups of `openmoji-72.tar` come from its captions.csv (file, caption, tags, group).
"""

import argparse
import csv
import io
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from scipy.stats import spearmanr

from ilk import console
from ilk.analysis.probe import r2
from ilk.encoders import Encoder, build, embed, encode
from ilk.encoders.projected import project
from ilk.find import construct
from ilk.learning.judging import found_again
from ilk.objectives import ClosedForm, Objective, find
from ilk.source.blackholes import blackholes
from ilk.source.images import Images
from ilk.source.normalise import normalise
from ilk.training import health
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))
JUDGED, BANK = 600, 1500
CHOICE = ("patches", "pca white", "simclr 45 white")  # what `auto` chooses among
PARAMETERS = ("cos_i", "r_in", "tau", "spin")


def mnist(path: Path) -> tuple[Images, int]:
    """The pictures, and how many at their end are held out; so with all of these."""
    with np.load(path, allow_pickle=False) as data:
        pixels = np.concatenate([data["train_images"][:5000], data["test_images"][:2000]])
        labels = np.concatenate([data["train_labels"][:5000], data["test_labels"][:2000]])
    return _images(pixels[:, None], pa.table({"label": labels})), 2000


def emoji(path: Path, size: int = 32) -> tuple[Images, int]:
    with tarfile.open(path) as tar:
        table = tar.extractfile("captions.csv")
        assert table is not None
        rows = list(csv.DictReader(io.TextIOWrapper(table)))
        pixels = np.stack([_on_white(tar.extractfile(f"png/{row['file']}"), size) for row in rows])
    order = np.random.default_rng(0).permutation(len(rows))
    return _images(pixels[order], pa.table({"label": [rows[i]["group"] for i in order]})), 600


def holes(kind: str, n: int) -> tuple[Images, int]:
    made = blackholes(n, kind)
    columns = made.columns
    assert columns is not None
    pixels, _ = normalise(made.pixels)
    known = {
        "populations": pa.table({"label": columns["population"]}),
        "continuum": columns.select(PARAMETERS),
    }
    return Images(pixels, made.ids, columns=known[kind], reading={"normalise": {}}), 500


def ways(source: Images) -> Iterator[tuple[str, Encoder]]:
    """What learns, learns from `source`."""
    yield "pixels", build("pixels", source.traits).eval()
    for name, whiten in (("pca", 0.0), ("pca half", 0.5), ("pca white", 1.0)):
        yield name, _solved("pca", source, dim=64, whiten=whiten)
    yield "random", _solved("random", source)
    yield "patches", _solved("patches", source)
    for name, seconds, dim in (("simclr", 15, 128), ("simclr", 45, 128), ("autoencoder", 15, 32)):
        encoder = _trained(name, source, seconds, dim)
        yield f"{name} {seconds}", encoder
        yield f"{name} {seconds} white", project(encoder, source, dim)


def scores(encoder: Encoder, source: Images, held: int) -> dict[str, float]:
    n = len(source)
    learnt, asked = np.arange(n - held), np.arange(n - held, n)
    rows = asked[:JUDGED]
    torch.manual_seed(0)
    a, b = (encode(encoder, view) for view in source.views()(source.batch(rows)))
    z = embed(encoder, source, asked)
    found = found_again(encoder, source, rows, learnt[:BANK])
    assert found is not None
    return {
        "quality": _quality(embed(encoder, source, learnt), z, source, held),
        "found again": found,
        "view retrieval": health.view_retrieval(a, b),
        "RankMe": health.rankme(z),
        "-alpha-ReQ": -health.alpha_req(z),
        "-uniformity": -health.uniformity(z),
        "-alignment": -health.alignment(a, b),
    }


def _quality(bank: np.ndarray, asked: np.ndarray, source: Images, held: int) -> float:
    columns = source.columns
    assert columns is not None
    if "label" in columns.column_names:
        labels = np.asarray(columns["label"].to_pylist())
        return health.knn_accuracy(bank, labels[:-held], asked, labels[-held:])
    values = {name: columns[name].to_numpy() for name in PARAMETERS}
    values |= {name: np.log(values[name]) for name in ("r_in", "tau")}
    return float(np.mean([r2(np.concatenate([bank, asked]), v) for v in values.values()]))


def judges(source: Images, held: int) -> None:
    found = {}
    for name, encoder in ways(source.take(np.arange(len(source) - held))):
        found[name] = scores(encoder, source, held)
        if len(found) == 1:
            print(f"{'':22}" + "".join(f"{score:>16}" for score in found[name]))
        print(f"{name:22}" + "".join(f"{v:16.3f}" for v in found[name].values()), flush=True)
    quality = np.array([f["quality"] for f in found.values()])
    among = np.array([name in CHOICE for name in found])
    lines: dict[str, list[float]] = {"rank correlation": [], "lost, of all": [], "lost, of auto's": []}
    for score in found["pixels"]:
        s = np.array([f[score] for f in found.values()])
        lines["rank correlation"].append(float(spearmanr(s, quality)[0]))
        lines["lost, of all"].append(float(quality.max() - quality[s.argmax()]))
        lines["lost, of auto's"].append(float(quality[among].max() - quality[among][s[among].argmax()]))
    for name, figures in lines.items():
        print(f"{name:22}" + "".join(f"{v:16.3f}" for v in figures))


def _trained(name: str, source: Images, seconds: float, dim: int) -> Encoder:
    """For about so many CPU-seconds: ten steps are timed first."""
    cls = find(name)
    assert issubclass(cls, Objective)

    def run(steps: int) -> tuple[Encoder, float]:
        torch.manual_seed(0)
        encoder = build("convnet", source.traits, dim=dim, width=16)
        objective = construct(cls, {}, {**source.traits, "encoder": encoder})
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            learnt = fit(objective, source, Recipe(steps=steps, checks=1, held_out=0), run=Path(folder))
            return learnt, time.process_time() - start

    return run(max(10, round(10 * seconds / run(10)[1])))[0]


def _solved(name: str, source: Images, **options: float) -> Encoder:
    cls = find(name)
    assert issubclass(cls, ClosedForm)
    return construct(cls, options, {}).solve(source)


def _images(pixels: np.ndarray, columns: pa.Table) -> Images:
    return Images(pixels, [str(i) for i in range(len(pixels))], columns=columns)


def _on_white(file: object, size: int) -> np.ndarray:  # -> (3, size, size)
    picture = Image.open(file).convert("RGBA")  # type: ignore[arg-type]
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB").resize((size, size), Image.Resampling.BOX)).transpose(2, 0, 1)


def given(about: str | None) -> argparse.Namespace:
    """What the command line says: two files and `sets`. Nothing is told on the way, and one core works."""
    sets = ("mnist", "emoji", "populations", "continuum")
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", nargs="?", type=Path, default=DATA / "mnist.npz")
    parser.add_argument("emoji", nargs="?", type=Path, default=DATA / "openmoji-72.tar")
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets)
    torch.set_num_threads(1)
    console.quiet = True
    return parser.parse_args()


def main() -> None:
    said = given(__doc__)
    makers = {"mnist": lambda: mnist(said.mnist), "emoji": lambda: emoji(said.emoji)}
    makers |= {
        "populations": lambda: holes("populations", 1500),
        "continuum": lambda: holes("continuum", 2000),
    }
    for name in said.sets:
        start = time.process_time()
        source, held = makers[name]()
        print(f"\n{name}: {len(source):,} pictures, {held} held out")
        judges(source, held)
        print(f"{time.process_time() - start:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
