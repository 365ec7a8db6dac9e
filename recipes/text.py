"""How well does each way find what a text is a kind of? Glosses of WordNet, no label learnt from.

A gloss ("a domesticated carnivorous mammal ...") asks for the gloss of its hypernym among all others: MRR is
the mean of 1 / rank, R@10 the share found among ten. Learnt from the same glosses, examples included.

    OMP_NUM_THREADS=1 python -m recipes.text WORDNET --minutes 3 [--hub FOLDER] [--only sif,simcse] [--keep]

WORDNET is the folder with data.noun, data.verb, ... (Debian: wordnet-base, /usr/share/wordnet); FOLDER a
sentence encoder. Minutes are the processor's own. Networks are evened out as `ilk learn` does. Some fifteen
CPU-minutes with the defaults. `--keep` adds each row to recipes/text.csv (docs/results.md).
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch

import ilk
from ilk import encoders, objectives, saved
from ilk.encoders import Encoder, embed
from ilk.encoders.projected import evened
from ilk.find import construct
from ilk.learning.judging import Judge
from ilk.learning.towers import start_from, with_vocabulary
from ilk.learning.usual import encoder_for
from ilk.objectives import ClosedForm
from ilk.source.text import Text
from recipes.sections import keep

CLOSED = ("tfidf", "sif", "word2vec", "fasttext", "doc2vec")
LEARNT: dict[str, tuple[str, dict[str, Any]]] = {
    "simcse-started": ("simcse", {"halves": True, "projector": ()}),  # from the words' vectors of sif
    "simcse-cropped": ("simcse", {"cropped": 0.3}),
    "simcse": ("simcse", {}),
    "bert": ("bert", {}),
    "tsdae": ("tsdae", {}),
}
ASKED = 1000
LENGTH = 48  # pieces; nine glosses in ten have fewer
FIGURES = ("MRR", "R@10", "halves found", "CPU-seconds")


def main() -> None:
    options = _options()
    source, pairs = wordnet(options.wordnet, options.most)
    judge = Judge(source, ilk.Recipe(minutes=options.minutes))
    print(f"{len(source):,} glosses, {len(pairs):,} questions")
    print(f"| way | dim | {' | '.join(FIGURES)} |")
    print("|---|---|---|---|---|---|")
    for name, encoder, seconds in ways(source, options):
        mrr, ten = retrieval(embed(encoder, source), pairs)
        halves = judge(name, encoder).found or 0.0
        print(
            f"| {name} | {encoder.dim} | {mrr:.3f} | {ten:.3f} | {halves:.3f} | {seconds:.0f} |", flush=True
        )
        if options.keep:
            figures = dict(zip(FIGURES, (*(f"{v:.4f}" for v in (mrr, ten, halves)), f"{seconds:.0f}")))
            about = {"way": name, "dim": encoder.dim, "glosses": len(source), "seed": options.seed}
            keep("text", about | figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("--most", type=int, default=20_000, help="glosses")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each network")
    every = [*CLOSED, *LEARNT]
    parser.add_argument("--only", type=lambda text: text.split(","), default=every, help=",".join(every))
    parser.add_argument("--hub", help="a folder with a sentence encoder")
    parser.add_argument("--hub-name", default="all-MiniLM-L6-v2", help="what it is called in the table")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def wordnet(folder: Path, most: int) -> tuple[Text, np.ndarray]:
    """Glosses, and (q, 2): rows of a gloss and of its hypernym's."""
    found: dict[tuple[str, str], tuple[str, list[tuple[str, str]]]] = {}
    for file in sorted(folder.glob("data.*")):
        for line in file.read_text().splitlines():
            if not line.startswith("  "):
                head, _, gloss = line.partition("|")
                fields = head.split()
                at = 4 + 2 * int(fields[3], 16)
                links = [fields[at + 1 + 4 * i : at + 4 + 4 * i] for i in range(int(fields[at]))]
                above = [(offset, part) for sign, offset, part in links if sign in ("@", "@i")]
                found[fields[0], fields[2].replace("s", "a")] = (gloss.strip(), above)
    rng = np.random.default_rng(0)
    all_keys = list(found)
    keys = [all_keys[i] for i in np.sort(rng.permutation(len(found))[:most])]
    return _chosen(found, keys, rng)


def _chosen(
    found: dict[tuple[str, str], tuple[str, list[tuple[str, str]]]],
    keys: list[tuple[str, str]],
    rng: np.random.Generator,
) -> tuple[Text, np.ndarray]:
    rows = {key: i for i, key in enumerate(keys)}
    pairs = [(rows[k], rows[above]) for k in keys for above in found[k][1][:1] if above in rows]
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:ASKED]]
    return ilk.text([found[key][0] for key in keys]), np.array(chosen)


def ways(source: Text, options: argparse.Namespace) -> Iterator[tuple[str, Encoder, float]]:
    for name in options.only:
        began = time.process_time()
        found = (
            _learnt(*LEARNT[name], source, options) if name in LEARNT else _solved(name, source, options.seed)
        )
        yield name, found, time.process_time() - began
    if options.hub:
        yield (
            f"pretrained, {options.hub_name}",
            encoders.build("hub_text", {}, model=options.hub).eval(),
            0.0,
        )


def _solved(name: str, source: Text, seed: int) -> Encoder:
    cls = objectives.find(name)
    assert issubclass(cls, ClosedForm)
    return construct(cls, {}, {}).solve(source, seed=seed)


def _learnt(name: str, more: dict[str, Any], source: Text, options: argparse.Namespace) -> Encoder:
    cls = objectives.find(name)
    assert not issubclass(cls, ClosedForm)
    network = encoder_for(name, "text")
    torch.manual_seed(options.seed)
    asked: dict[str, Any] = {"length": LENGTH}
    if more.get("halves"):
        asked["start"] = mkdtemp()
        saved.save(_solved("sif", source, options.seed), Path(asked["start"]), Encoder)
    pieces = with_vocabulary(encoders.find(network), cls, asked, source, options.seed)
    encoder = encoders.build(network, {}, **pieces)
    if "start" in asked:
        start_from(encoder, asked["start"])
    objective = construct(cls, more, {"encoder": encoder})
    recipe = ilk.Recipe(
        minutes=options.minutes,
        batch=options.batch,
        learning_rate=options.learning_rate,
        checks=2,
        seed=options.seed,
    )
    found = ilk.fit(objective, source, recipe, run=Path(mkdtemp()), clock=time.process_time)
    return evened(found, source) if objective.level else found


def retrieval(z: np.ndarray, pairs: np.ndarray) -> tuple[float, float]:
    """Mean of 1 / rank, and the share among the first ten; a gloss is no answer to itself."""
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    likeness = z[pairs[:, 0]] @ z.T  # (q, n)
    likeness[np.arange(len(pairs)), pairs[:, 0]] = -np.inf
    own = likeness[np.arange(len(pairs)), pairs[:, 1]][:, None]
    rank = 1 + (likeness > own).sum(1)
    return float((1 / rank).mean()), float((rank <= 10).mean())


if __name__ == "__main__":
    main()
