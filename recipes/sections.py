"""Sections of docs/results.md beside those of images: each a table that a recipe has kept as CSV.

A recipe calls `keep("detect", row)` for each row it prints: it goes to recipes/detect.csv. SECTIONS names the
CSV, and `python -m recipes.results --render` writes the page.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev

HERE = Path(__file__).parent
SEED, DATE = "seed", "date"


@dataclass(frozen=True)
class Section:
    """Rows that are the same but for seed, date and `figures` become one: mean ± spread of the figures."""

    title: str
    csv: str  # NAME of recipes/NAME.csv
    about: str  # a sentence or two: what is measured, by which recipe, what a figure is
    figures: tuple[str, ...]  # columns of the CSV: numbers, shown as they are kept, to three digits


FOUND = ("mAP@50", "mAP@50:95")

SECTIONS: tuple[Section, ...] = (
    Section(
        "Finding things",
        "detect",
        "A detector by `yolo` on 300 scenes of 128 pixels never learnt from (`recipes/detect.py`).",
        ("steps", *FOUND),
    ),
    Section(
        "Finding things, few labels",
        "detect_few",
        "Fifty labelled scenes of 800: a trunk that learnt from what `discover` cuts out of all of them, or "
        "a blank one (`recipes/detect.py few`).",
        FOUND,
    ),
    Section(
        "Finding things without labels",
        "discover_scenes",
        "`discover` on 60 scenes of each kind, whatever the classes (`recipes/discover.py scenes`).",
        ("recall", "told for each thing", *FOUND, "CPU-ms a scene"),
    ),
    Section(
        "Learning from what was discovered",
        "discover_teach",
        "A detector taught by what was discovered in 400 scenes of digits, asked about 100 others "
        "(`recipes/discover.py teach`).",
        ("recall", *FOUND),
    ),
    Section(
        "Vectors of things found",
        "discover_vectors",
        "kNN accuracy of the class of digits cut out of 400 scenes (`recipes/discover.py vectors`).",
        ("kNN",),
    ),
    Section(
        "Words",
        "words",
        "Word vectors beside gensim 4.4, the same 4.4 million words, dimension 100, window 5, five noise "
        "words; WordSim-353 and SimLex-999 (correlation) and analogies in % (`benchmarks/words.py`). The "
        "machine was shared: compare words a CPU second.",
        ("words a CPU second", "words/s", "WordSim", "SimLex", "analogies"),
    ),
    Section(
        "Words of a larger text",
        "debian",
        "Skip-gram, one epoch over documentation of Debian packages, one thread (`recipes/debian.py`); "
        "memory of the process's own, beyond what it had before.",
        ("words", "words kept", "CPU-seconds", "memory, MB"),
    ),
    Section(
        "Text",
        "text",
        "A gloss of WordNet asks for the gloss of what it is a kind of (`recipes/text.py`); networks learnt "
        "from the glosses alone. Halves found: what `auto` judges by.",
        ("MRR", "R@10", "halves found", "CPU-seconds"),
    ),
    Section(
        "Small language models",
        "perplexity",
        "Perplexity a piece of 2,000 lines never learnt from (`recipes/perplexity.py`).",
        ("perplexity", "CPU-seconds"),
    ),
    Section(
        "Pictures and words",
        "clip",
        "OpenMoji, a fifth of the captions held out (`recipes/clip.py`); by chance R@10 is .022.",
        (
            *("text to picture R@1", "text to picture R@10", "picture to text R@1", "picture to text R@10"),
            *("gap", "alignment", "uniformity of pictures", "of captions", "across", "CPU-seconds"),
        ),
    ),
    Section(
        "Graphs",
        "graphs",
        "packages: the section, one of 58, of 10,000 Debian packages by a line on the vectors of 6,367 "
        "others; label propagation sees the same labels and all edges. karate: the side of each member of "
        "Zachary's club by the 3 nearest. blocks: adjusted Rand index of 5 planted blocks of 100 nodes. "
        "families: which of four kinds each of 200 graphs is, by the 5 nearest (`recipes/graphs.py`, "
        "[graphs.md](graphs.md)).",
        ("score", "CPU-s"),
    ),
    Section(
        "Links",
        "links",
        "A tenth of the edges of 3,000 Debian packages hidden, and as many pairs without one "
        "(`recipes/graphs.py links`).",
        ("AUC", "hits@10", "hits@100", "CPU-s"),
    ),
    Section(
        "Who chose what",
        "recommend",
        "Users whose tastes are known, and Debian packages that ask for others (`recipes/recommend.py`).",
        ("recall@10", "NDCG@10", "coverage", "of new items, recall@10", "CPU-seconds"),
    ),
    Section(
        "Made pictures",
        "made",
        "400 made pictures beside those that were learnt from, by vectors of `patches` "
        "(`recipes/generate.py`, [generate.md](generate.md)): Fréchet's distance over the variance of true "
        "vectors, precision, recall, density, coverage, and how many are copies. The same for as many true "
        "pictures: nothing made can be expected to do better.\n\n"
        "![MNIST by a vae](images/made-vae.png)\n\n![MNIST by a gan](images/made-gan.png)\n\n"
        "![MNIST by latent diffusion](images/made-latent-diffusion.png)\n\n"
        "![Black holes by latent diffusion](images/made-holes.png)",
        ("distance", "precision", "recall", "density", "coverage", "copies"),
    ),
    Section(
        "Black holes drawn after numbers",
        "told",
        "R2 of five parameters as a probe reads them off pictures: 160 true ones never learnt from, and one "
        "drawn after the parameters of each, at guidance 1, 2 and 4 (`recipes/diffusion.py holes`, "
        "[diffusion.md](diffusion.md)).\n\n"
        "![Black holes drawn at three inclinations](images/diffusion-inclination.png)",
        ("true", "guidance 1", "guidance 2", "guidance 4"),
    ),
    Section(
        "OpenMoji drawn after words",
        "prompts",
        "Sixty captions, four pictures of each by `latent_diffusion`: how often the nearest of the sixty "
        "true pictures, by vectors of `patches`, is what was asked for, is among five, or is of its kind "
        "(`recipes/diffusion.py emoji`).\n\n![Asked for, and drawn](images/diffusion-asked.png)",
        ("nearest", "among five", "kind"),
    ),
    Section(
        "What noisy black holes allow",
        "posterior",
        "Posteriors of five parameters of black holes under noise, by Hamiltonian Monte Carlo in the space "
        "of a `vae`: how often the truth lies in the middle 50, 80 and 95% of the draws, the width of the "
        "middle 90% beside that of all, R2 of the mean, and of kNN on the network's vector of the picture "
        "(`recipes/posterior.py`, [posterior.md](posterior.md)).\n\n"
        "![Truth against posterior, and coverage](images/posterior-coverage.png)",
        ("in 50%", "in 80%", "in 95%", "ranks even, p", "width", "R2", "R2 of the vector"),
    ),
)


def keep(name: str, row: Mapping[str, object], *, folder: Path = HERE) -> None:
    """Adds a row, with today's date, to NAME.csv; every row of a file has the same columns."""
    path, row = folder / f"{name}.csv", {**row, DATE: f"{datetime.now(UTC):%Y-%m-%d}"}
    known = [*row]
    if path.exists():
        with open(path, newline="") as f:
            known = next(csv.reader(f))
    if set(known) != row.keys():
        raise ValueError(f"{path} has the columns {known}, the row {[*row]}")
    new = not path.exists()
    with open(path, "a", newline="") as f:
        table = csv.DictWriter(f, known)
        if new:
            table.writeheader()
        table.writerow(row)


def lines(section: Section, *, folder: Path = HERE) -> list[str]:
    """The section in Markdown; none where its CSV has not been made."""
    path = folder / f"{section.csv}.csv"
    if not path.exists():
        return []
    with open(path, newline="") as f:
        kept = list(csv.DictReader(f))
    told = [name for name in kept[0] if name not in (*section.figures, SEED, DATE)]
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in kept:
        groups.setdefault(tuple(row[name] for name in told), []).append(row)
    seeded = [SEED + "s"] if SEED in kept[0] else []
    headings = [*told, *section.figures, *seeded, DATE]
    made = ["", f"## {section.title}", "", section.about, ""]
    made += [f"| {' | '.join(headings)} |", "|" + "---|" * len(headings)]
    for key, rows in groups.items():
        cells = [*(value or "-" for value in key)]
        cells += [spread([float(r[name]) for r in rows if r[name]]) for name in section.figures]
        cells += [" ".join(sorted({r[SEED] for r in rows}))] if seeded else []
        made.append(f"| {' | '.join([*cells, max(r[DATE] for r in rows)])} |")
    return made


def spread(values: list[float]) -> str:
    """To three digits, large ones in full; of several their mean ± standard deviation."""
    if not values:
        return "-"
    form = ",.0f" if abs(mean(values)) >= 1000 else ".3g"
    told = f"{mean(values):{form}}"
    return told if len(values) == 1 else f"{told} ± {stdev(values):{form.replace('3', '2')}}"
