"""Word vectors against gensim: words a CPU second, and what the vectors are worth.

    python -m benchmarks.words CORPUS --gensim PYTHON [--seeds 0 1 2] [--epochs 5] [--only cbow] [--keep]

CORPUS: a text, one sentence a line, words parted by spaces (.xz, .gz or plain); PYTHON: the interpreter of an
environment that has gensim 4.4 (not this one: it wants older libraries). Figures of docs/words.md are of 4.4
million words of English reference text; about 15 CPU-minutes for three seeds. `--keep` adds a row of each to
recipes/words.csv (docs/results.md), so that the seeds may be learnt one by one.

Both learn the same corpus with the same dimension, window, noise, epochs, learning rate, least count,
buckets and number of threads, in turns, each in a process of its own. Only learning is timed, by the clock
and as CPU time of the whole process: reading, counting and compiling are not. gensim reads its fastest way
(corpus_file). Scores: Spearman correlation with WordSim-353 and SimLex-999, share of right analogies (3CosAdd
among the 30,000 most frequent words); gensim ships the three sets. Of the seeds, the mean and standard
deviation.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from recipes.sections import keep

WAYS: dict[str, dict[str, Any]] = {
    "skip-gram": {"model": "skip-gram", "negative": 5},
    "cbow": {"model": "cbow", "negative": 5},
    "fasttext": {"model": "skip-gram", "negative": 5, "buckets": 200_000},
    "skip-gram, tree": {"model": "skip-gram", "negative": 0},
    "cbow, tree": {"model": "cbow", "negative": 0},
}
USUAL = ("skip-gram", "cbow", "fasttext")
SPEED = "words a CPU second"
SIZE = {"dim": 100, "window": 5, "min_count": 5, "sample": 1e-3, "rate": 0.025}

PEER = """
import json, sys, time
from pathlib import Path
import numpy as np
import gensim
from gensim.models import FastText, Word2Vec
way, corpus, out = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
given = dict(
    vector_size=way["dim"], window=way["window"], min_count=way["min_count"], sample=way["sample"],
    alpha=way["rate"], sg=int(way["model"] == "skip-gram"), hs=int(way["negative"] == 0),
    negative=way["negative"], workers=way["threads"], seed=way["seed"] + 1, epochs=way["epochs"],
)
model = FastText(**given, bucket=way["buckets"]) if "buckets" in way else Word2Vec(**given)
model.build_vocab(corpus_file=corpus)
start, clock = time.process_time(), time.perf_counter()
model.train(
    corpus_file=corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words,
    epochs=way["epochs"],
)
seconds, clock = time.process_time() - start, time.perf_counter() - clock
words = model.wv.index_to_key
counts = [model.wv.get_vecattr(w, "count") for w in words]
np.savez(out, words=np.array(words), counts=counts, vectors=model.wv.vectors, seconds=seconds, clock=clock)
print(Path(gensim.__file__).parent / "test" / "test_data")
"""


def ours(way: dict[str, Any], corpus: str, out: str) -> None:
    from ilk.encoders import encode
    from ilk.encoders.words import Words
    from ilk.objectives import ClosedForm, find
    from ilk.objectives._words.corpus import corpus as read
    from ilk.source.text import text

    source = text(Path(corpus), by="line")
    cls = find("fasttext" if "buckets" in way else "word2vec")
    assert issubclass(cls, ClosedForm)
    options = {k: v for k, v in way.items() if k != "seed"}
    cls(**options | {"epochs": 1}).solve(text(["a b c"] * 99))  # compiles, or finds what is compiled
    start = now()
    read(source, lower=True, min_count=way["min_count"])
    reading = now() - start
    made = cls(**options).solve(source, seed=way["seed"])  # reads once more
    seconds, clock = now() - start - 2 * reading
    assert isinstance(made, Words)
    found = encode(made, made.words).numpy()
    np.savez(out, words=np.array(made.words), counts=made.counts, vectors=found, seconds=seconds, clock=clock)


def now() -> np.ndarray:
    """Of this process's work, and by the clock."""
    return np.array([time.process_time(), time.perf_counter()])


def pairs(path: Path) -> list[tuple[str, str, float]]:
    fields = (line.lower().split("\t") for line in path.read_text().splitlines() if line[:1] != "#")
    rows = [(f[0], f[1], f[2]) for f in fields if len(f) > 2]
    return [(a, b, float(s)) for a, b, s in rows if s.replace(".", "").isdigit()]


def scores(words: np.ndarray, counts: np.ndarray, vectors: np.ndarray, sets: Path) -> dict[str, float]:
    from scipy.stats import spearmanr

    order = np.lexsort((words, -counts))  # equals in the same order for both
    place = {str(word): n for n, word in enumerate(words[order])}
    z = vectors[order]
    z = z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    found = {}
    for name, path in (("WordSim", "wordsim353.tsv"), ("SimLex", "simlex999.txt")):
        both = [(place[a], place[b], s) for a, b, s in pairs(sets / path) if a in place and b in place]
        i, j, said = zip(*both)
        found[name] = 100 * float(spearmanr((z[list(i)] * z[list(j)]).sum(1), said)[0])
    lines = (sets / "questions-words.txt").read_text().lower().splitlines()
    asked = [line.split() for line in lines if not line.startswith(":")]
    few = min(30_000, len(z))
    known = [[place[w] for w in q] for q in asked if all(place.get(w, few) < few for w in q)]
    rows = np.array(known, np.int64).reshape(-1, 4)
    right = 0
    for q in np.array_split(rows, max(1, len(rows) // 1000)):
        score = (z[q[:, 1]] - z[q[:, 0]] + z[q[:, 2]]) @ z[:few].T
        np.put_along_axis(score, q[:, :3], -9, 1)
        right += int((score.argmax(1) == q[:, 3]).sum())
    return found | {"analogies": 100 * right / max(1, len(rows))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--gensim", required=True, metavar="PYTHON")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=USUAL, choices=WAYS)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(asked, Path(folder))


def compare(asked: argparse.Namespace, folder: Path) -> None:
    corpus, out = unpacked(asked.corpus, folder), folder / "vectors.npz"
    with open(corpus) as lines:
        total = sum(len(line.split()) for line in lines) * asked.epochs
    for name in asked.only:
        met: dict[str, list[dict[str, float]]] = {"ilk": [], "gensim": []}
        for seed in asked.seeds:
            way = SIZE | WAYS[name] | {"seed": seed, "epochs": asked.epochs, "threads": asked.threads}
            told = json.dumps(way)
            done = subprocess.run(
                [asked.gensim, "-c", PEER, told, corpus, out], stdout=-1, check=True, text=True
            )
            sets = Path(done.stdout.strip())
            met["gensim"].append(row(out, sets, total))
            subprocess.run(
                [sys.executable, "-m", "benchmarks.words", "--ours", told, corpus, out], check=True
            )
            met["ilk"].append(row(out, sets, total))
            print(f"{name}, seed {seed}:", *(f"{k} {v[-1]}" for k, v in met.items()), sep="\n  ", flush=True)
            for who in met if asked.keep else ():
                said = {"way": name, "by": who, "epochs": asked.epochs, "threads": asked.threads}
                keep("words", said | {"seed": seed} | met[who][-1])
        tell(name, met)


def unpacked(path: Path, folder: Path) -> str:
    from ilk.source._text.files import unpacked

    with unpacked(str(path)) as file, open(folder / "corpus.txt", "wb") as copy:
        shutil.copyfileobj(file, copy)
    return str(folder / "corpus.txt")


def row(out: Path, sets: Path, total: int) -> dict[str, float]:
    with np.load(out, allow_pickle=False) as file:
        speed = {SPEED: round(total / float(file["seconds"])), "words/s": round(total / float(file["clock"]))}
        found = scores(file["words"], file["counts"], file["vectors"], sets)
        return speed | {k: round(v, 1) for k, v in found.items()}


def tell(name: str, met: dict[str, list[dict[str, float]]]) -> None:
    for who, rows in met.items():
        for figure in rows[0]:
            values = [r[figure] for r in rows]
            print(f"{name:16} {who:7} {figure:20} {np.mean(values):12,.1f} +- {np.std(values):,.1f}")
    for figure in (SPEED, "words/s"):
        ratios = [a[figure] / b[figure] for a, b in zip(met["ilk"], met["gensim"])]
        print(f"{name:16} {figure}: {np.mean(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        ours(json.loads(sys.argv[2]), *sys.argv[3:5])
    else:
        main()
