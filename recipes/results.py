"""Every way of learning on every data set, under an equal budget of CPU-minutes: docs/results.md.

    OMP_NUM_THREADS=1 python -m recipes.results --objectives byol,vicreg --data mnist --minutes 2 --seeds 0

Appends to recipes/results.csv (--csv), so that a long table can be made in pieces, and writes docs/results.md
(--page) anew from all of it. Without --objectives the baselines and the ceiling (`labels`: the same network
learns from the labels). A closed form takes what time it needs; a network learns for the minutes on each data
set by each seed, and is evened out as `ilk learn` does. What is scored, and how: ilk/analysis/protocol.py.
Below them stand the tables that other recipes keep (recipes/sections.py); --render only writes the page.
Data: mnist.npz and openmoji-72.tar of ILK_DATA; the others are made.
"""

import argparse
import csv
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

from benchmarks.judges import PARAMETERS, emoji, holes
from ilk.analysis.protocol import held_out, score, score_amounts
from ilk.encoders import Encoder, build
from ilk.encoders.projected import evened
from ilk.encoders.vit import patch_for
from ilk.find import construct
from ilk.learning.job import NARROW
from ilk.objectives import ClosedForm, find, usual_encoder
from ilk.objectives._labels import Labels
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe
from recipes import sections

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))
PLAIN = ("pixels", "pca", "random")  # what does not beat these has learnt nothing
CEILING = "labels"
FIGURES = ("knn", "linear", "shots", "views", "rank")
FIELDS = ("data", "objective", "seed", "minutes", "dim", *FIGURES, "took", "date", "machine")
HEADINGS = (
    "Objective | CPU-minutes | Dim | kNN | Linear | 5 shots | Views | Rank | Seconds | Seeds | When, where"
)
OPTIONS: dict[str, dict[str, Any]] = {"pca": {"dim": 64, "whiten": 0.5}}  # for vectors as long as others'
LABEL = "label"


def digits() -> Images:
    found = load_digits()
    pixels = np.kron(found.images / 16 * 255, np.ones((1, 2, 2))).astype(np.uint8)[:, None]  # (n, 1, 16, 16)
    return _images(pixels, found.target)


def mnist(n: int = 20_000) -> Images:
    with np.load(DATA / "mnist.npz", allow_pickle=False) as data:
        return _images(data["train_images"][:n, None], data["train_labels"][:n])


def continuum(n: int) -> Images:
    """Black holes without kinds: their parameters instead of a label."""
    made = holes("continuum", n)[0]
    known = made.metadata()
    assert known is not None
    values = {name: known[name].to_numpy() for name in PARAMETERS}
    ours = {name: np.log(v) if name in ("r_in", "tau") else v for name, v in values.items()}
    return Images(made.pixels, made.ids, columns=pa.table(ours), reading=made.reading)


SETS: dict[str, Callable[[], Images]] = {
    "digits": digits,
    "mnist": mnist,
    "openmoji": lambda: emoji(DATA / "openmoji-72.tar")[0],
    "blackholes": lambda: holes("populations", 3000)[0],
    "continuum": lambda: continuum(3000),
}


def learnt(name: str, source: Images, minutes: float, seed: int, dim: int | None = None) -> Encoder:
    """From rows that are not held out; without their labels, but for the ceiling."""
    cls = Labels if name == CEILING else find(name)
    if issubclass(cls, ClosedForm):
        return construct(cls, OPTIONS.get(name, {}), source.traits).solve(source, seed=seed)
    torch.manual_seed(seed)
    network = usual_encoder(cls)
    small = {"convnet": {"width": NARROW}, "vit": {"patch": patch_for(source.traits["size"])}}
    encoder = build(network, source.traits, dim=dim or cls.dim, **small.get(network, {}))
    objective = construct(cls, options(name, source), {"encoder": encoder, **source.traits})
    recipe = Recipe(minutes=minutes, seed=seed)
    with tempfile.TemporaryDirectory() as run:  # minutes of its own work, however busy the machine is
        found = fit(objective, source, recipe, run=Path(run), clock=time.process_time)
    return found if objective.decoder is not None or name == CEILING else evened(found, source)


def options(name: str, source: Images) -> dict[str, Any]:
    if name != CEILING:
        return OPTIONS.get(name, {})
    classes = len(source.metadata()[LABEL].unique())  # type: ignore[index]
    return {
        "column": LABEL,
        "classes": classes,
        "front": 1.0,
        "still": False,
        "augment": source.traits["augment"],
    }


def rows(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for data in args.data:
        source = SETS[data]()
        known = source.take(np.flatnonzero(~held_out(source)))
        for name in args.objectives:
            if name == CEILING and data == "continuum":  # recipes/blackholes.py has its ceiling
                continue
            closed = name != CEILING and issubclass(find(name), ClosedForm)
            for seed in args.seeds:
                began = time.process_time()
                found = learnt(name, known, args.minutes, seed, args.dim)
                took = time.process_time() - began
                about = {
                    "data": data,
                    "objective": name,
                    "seed": seed,
                    "minutes": "" if closed else args.minutes,
                }
                stamp = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
                if data == "continuum":
                    scored = score_amounts(found, source, PARAMETERS, seed=seed)
                else:
                    scored = score(found, source, LABEL, seed=seed)
                yield about | asdict(scored) | {"took": f"{took:.0f}"} | stamp


def machine() -> str:
    chip = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return f"{chip}, {torch.get_num_threads()} threads"


def page(path: Path) -> str:
    """The tables in Markdown: all together, then each data set, the best kNN first."""
    with open(path, newline="") as f:
        kept = list(csv.DictReader(f))
    lines = [
        "# Results",
        "",
        "Every encoder under one protocol (`ilk/analysis/protocol.py`): one row in five, by its id, is",
        "never learnt from. kNN: accuracy by the 20 nearest (cosine, temperature 0.07); linear: logistic",
        "regression; 5 shots: prototypes of five rows of each label; views: held-out pictures whose changed",
        "copy finds its other one; rank: RankMe. ± is the spread over seeds. CPU-minutes are those of",
        "training; seconds are what all of learning took, of CPU too. `labels` is no rival but the ceiling:",
        "the same small network, for the same minutes, told the labels of the rows it learns from.",
        "The black holes of `continuum` have no labels: there kNN and linear are 100 R2, the mean over",
        "cos i, ln r_in, ln tau and spin, among held-out rows.",
        "Made by `recipes/results.py` from the runs in `recipes/results.csv`.",
        "",
        *_together(kept),
    ]
    for data in dict.fromkeys(row["data"] for row in kept):
        groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in (row for row in kept if row["data"] == data):
            key = tuple(row[k] for k in ("objective", "minutes", "dim", "machine", "date"))
            groups.setdefault(key, []).append(row)
        lines += ["", f"## {data}", "", "By `recipes/results.py`, the best kNN first.", "", f"| {HEADINGS} |"]
        lines += ["|" + "---|" * (HEADINGS.count("|") + 1)]
        ordered = sorted(groups.items(), key=lambda g: -mean(float(r["knn"]) for r in g[1]))
        lines += [_line(key, found) for key, found in ordered]
    for section in sections.SECTIONS:
        lines += sections.lines(section)
    return "\n".join([*lines, ""])


def _together(kept: list[dict[str, str]]) -> list[str]:
    """kNN of every objective on every data set, bold where it is above all that learnt nothing."""
    knn: dict[str, dict[str, float]] = {}  # objective -> data -> mean over the seeds of its longest runs
    for row in kept:
        same = [r for r in kept if (r["data"], r["objective"]) == (row["data"], row["objective"])]
        most = max(float(r["minutes"] or 0) for r in same)
        longest = [r for r in same if float(r["minutes"] or 0) == most]
        dims = ([float(r["knn"]) for r in longest if r["dim"] == dim] for dim in {r["dim"] for r in longest})
        knn.setdefault(row["objective"], {})[row["data"]] = max(map(mean, dims))
    sets = [*dict.fromkeys(row["data"] for row in kept)]
    bar = {data: max(knn[name].get(data, 0.0) for name in PLAIN if name in knn) for data in sets}

    def cell(name: str, data: str) -> str:
        value = knn[name].get(data)
        told = "-" if value is None else f"{100 * value:.1f}"
        return f"**{told}**" if value is not None and name not in PLAIN and value > bar[data] else told

    learning = sorted(knn.keys() - {*PLAIN, CEILING}, key=lambda n: -mean(knn[n].values()))
    behind = [n for n in learning if all(v <= bar[data] for data, v in knn[n].items())]
    lines = ["kNN of each; bold: above the pixels, their main axes and a random network; -: not run yet.", ""]
    lines += [f"| Objective | {' | '.join(sets)} |", "|" + "---|" * (len(sets) + 1)]
    for name in [n for n in (CEILING, *learning, *PLAIN) if n in knn]:
        lines.append(f"| {' | '.join([name, *(cell(name, data) for data in sets)])} |")
    if behind:
        lines += ["", f"Above them on no data set, within these minutes: {', '.join(behind)}."]
    return lines


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
    parser.add_argument("--objectives", type=listed, default=[*PLAIN, "patches", CEILING])
    parser.add_argument("--data", type=listed, default=list(SETS))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--dim", type=int, help="of a network's vectors, if not the objective's own")
    parser.add_argument("--seeds", type=lambda text: [*map(int, text.split(","))], default=[0, 1, 2])
    parser.add_argument("--csv", type=Path, default=Path("recipes/results.csv"))
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--render", action="store_true", help="learn nothing: only write the page")
    args = parser.parse_args()
    if args.render:
        args.page.write_text(page(args.csv))
        return
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
