"""Every way of learning on every data set, under an equal budget of minutes: docs/results.md.

    python -m recipes.results --objectives byol,vicreg --data mnist --minutes 2 --seeds 1

Appends to recipes/results.csv (--csv), so that a long table can be made in pieces, and writes docs/results.md
(--page) anew from all of it. Without --objectives the closed forms, each taking what time it needs; a neural
objective takes the minutes for each data set and seed, and is evened out as `ilk learn` does. What is scored,
and how: ilk/analysis/protocol.py. Data: mnist.npz and openmoji-72.tar of ILK_DATA; the others are made.
"""

import argparse
import csv
import inspect
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from sklearn.datasets import load_digits

from benchmarks.judges import emoji, holes
from ilk.analysis.protocol import held_out, score
from ilk.encoders import Encoder, TokenEncoder, build
from ilk.encoders.projected import project
from ilk.find import construct
from ilk.objectives import ClosedForm, find
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))
BASELINES = ("pixels", "pca", "random", "patches")
FIGURES = ("knn", "linear", "shots", "views", "rank")
FIELDS = ("data", "objective", "seed", "minutes", "dim", *FIGURES, "took", "date", "machine")
HEADINGS = "Objective | Minutes | Dim | kNN | Linear | 5 shots | Views | Rank | Seconds | Seeds | When, where"
OPTIONS: dict[str, dict[str, Any]] = {"pca": {"dim": 64, "whiten": 0.5}}  # for vectors as long as others'
LABEL = "label"


def digits() -> Images:
    found = load_digits()
    pixels = np.kron(found.images / 16 * 255, np.ones((1, 2, 2))).astype(np.uint8)[:, None]  # (n, 1, 16, 16)
    return _images(pixels, found.target)


def mnist(n: int = 20_000) -> Images:
    with np.load(DATA / "mnist.npz", allow_pickle=False) as data:
        return _images(data["train_images"][:n, None], data["train_labels"][:n])


SETS: dict[str, Callable[[], Images]] = {
    "digits": digits,
    "mnist": mnist,
    "openmoji": lambda: emoji(DATA / "openmoji-72.tar")[0],
    "blackholes": lambda: holes("populations", 3000)[0],
}


def learnt(name: str, source: Images, minutes: float, seed: int) -> Encoder:
    """From rows that are not held out, without their labels."""
    cls = find(name)
    if issubclass(cls, ClosedForm):
        return construct(cls, OPTIONS.get(name, {}), source.traits).solve(source, seed=seed)
    torch.manual_seed(seed)
    tokens = inspect.signature(cls).parameters["encoder"].annotation is TokenEncoder
    encoder = build("vit" if tokens else "convnet", source.traits)
    objective = construct(cls, {}, {"encoder": encoder, **source.traits})
    with tempfile.TemporaryDirectory() as run:
        found = fit(objective, source, Recipe(minutes=minutes, seed=seed), run=Path(run))
    return project(found, source, found.dim)


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for data in args.data:
        source = SETS[data]()
        known = source.take(np.flatnonzero(~held_out(source)))
        for name in args.objectives:
            for seed in range(args.seeds):
                began = time.monotonic()
                found = learnt(name, known, args.minutes, seed)
                took = time.monotonic() - began
                budget = "" if issubclass(find(name), ClosedForm) else args.minutes
                about = {"data": data, "objective": name, "seed": seed, "minutes": budget}
                stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
                yield about | asdict(score(found, source, LABEL, seed=seed)) | {"took": f"{took:.0f}"} | stamp


def machine() -> str:
    chip = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return f"{chip}, {torch.get_num_threads()} threads"


def page(path: Path) -> str:
    """The table in Markdown, the best kNN of each data set first."""
    with open(path, newline="") as f:
        kept = list(csv.DictReader(f))
    lines = [
        "# Results",
        "",
        "Every encoder under one protocol (`ilk/analysis/protocol.py`): one row in five, by its id, is",
        "never learnt from. kNN: accuracy by the 20 nearest (cosine, temperature 0.07); linear: logistic",
        "regression; 5 shots: prototypes of five rows of each label; views: held-out pictures whose changed",
        "copy finds its other one; rank: RankMe. ± is the spread over seeds. Minutes are of training,",
        "seconds what learning took, evening out included.",
        "",
        "`recipes/results.py` made this table from the runs in its CSV file. **It is a beginning**: the runs",
        "below are the baselines and a trial. The table of every objective on every data set with 20 minutes",
        "and three seeds is still to be made.",
    ]
    for data in dict.fromkeys(row["data"] for row in kept):
        groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in (row for row in kept if row["data"] == data):
            key = tuple(row[k] for k in ("objective", "minutes", "dim", "machine", "date"))
            groups.setdefault(key, []).append(row)
        lines += ["", f"## {data}", "", "Measured by `recipes/results.py`.", ""]
        lines += [f"| {HEADINGS} |"]
        lines += ["|" + "---|" * (HEADINGS.count("|") + 1)]
        ordered = sorted(groups.items(), key=lambda g: -mean(float(r["knn"]) for r in g[1]))
        lines += [_line(key, found) for key, found in ordered]
    return "\n".join([*lines, ""])


def _line(key: tuple[str, ...], found: list[dict[str, str]]) -> str:
    objective, minutes, dim, where, date = key
    cells = [_spread([float(r[name]) for r in found if r[name]], name != "rank") for name in FIGURES]
    took = f"{mean(float(r['took']) for r in found):.0f}"
    seeds = " ".join(sorted({r["seed"] for r in found}))
    return f"| {' | '.join([objective, minutes or '-', dim, *cells, took, seeds, f'{date}, {where}'])} |"


def _spread(values: list[float], share: bool) -> str:
    if not values:
        return "-"
    scale, form = (100, "{:.1f}") if share else (1, "{:.0f}")
    told = form.format(scale * mean(values))
    return told if len(values) == 1 else f"{told} ± {form.format(scale * stdev(values))}"


def _images(pixels: np.ndarray, labels: np.ndarray) -> Images:
    ids = [str(i) for i in range(len(pixels))]
    return Images(pixels, ids, columns=pa.table({LABEL: labels}))


def main() -> None:
    parser = argparse.ArgumentParser()
    listed = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--objectives", type=listed, default=BASELINES)
    parser.add_argument("--data", type=listed, default=list(SETS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--csv", type=Path, default=Path("recipes/results.csv"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    args = parser.parse_args()
    for row in rows(args):
        new = not args.csv.exists()
        with open(args.csv, "a", newline="") as f:
            table = csv.DictWriter(f, FIELDS)
            if new:
                table.writeheader()
            table.writerow(row)
        print(row, flush=True)
        args.page.write_text(page(args.csv))


if __name__ == "__main__":
    main()
