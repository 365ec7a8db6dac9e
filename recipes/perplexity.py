"""Perplexity of a small causal language model beside n-grams with Kneser-Ney smoothing, on the same pieces.

    python -m recipes.perplexity [corpus-4m-words.txt.xz] [--lines 100000] [--steps 1200] [--keep]

All learn from the same lines and are asked for the same 2,000 others, each line alone, in pieces of the same
vocabulary (2,048 pieces of byte-level BPE, learnt from the lines to learn from). The n-grams take all in at
once, in five CPU-seconds; the model (2 blocks, 96 wide) takes 64 lines a step, 1,200 steps in under three
CPU-minutes. Perplexity a piece: exp of the mean surprise at each piece and at the end of each line.
The file: one sentence a line, packed or not; any text that `ilk.text` reads will do. `--keep` adds each row
to recipes/perplexity.csv (docs/results.md).

Legend: n the order of an n-gram, V pieces in the vocabulary, N pieces asked for.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import ilk
from ilk.encoders._tokenizer import Tokenizer, trained
from ilk.encoders.causal import Causal as Network
from ilk.objectives.causal import Causal
from ilk.source.text import Text
from ilk.training.fit import fit
from ilk.training.recipe import Recipe
from recipes.sections import keep

CORPUS = Path(os.environ.get("ILK_DATA", "../shared/data")) / "corpus-4m-words.txt.xz"
VOCABULARY = 2048  # to the power of the highest order it is below 2**63
ASKED = 2000  # lines
ORDERS = (1, 2, 3, 4)


class KneserNey:
    """Interpolated n-grams of every order up to `order` (Chen & Goodman 1999).

    p_n(w | h) = max(c(hw) - d, 0) / c(h) + d N(h) / c(h) p_{n-1}(w | h'): d = n1 / (n1 + 2 n2) of the order's
    own counts, N(h) the number of different pieces behind h, h' all of h but its first. Below the highest
    order c(hw) is how many different pieces stand before hw. Below order 1: each piece alike.
    """

    def __init__(self, lines: Sequence[np.ndarray], order: int, size: int) -> None:
        self.order, self.size = order, size
        grams = np.unique(np.concatenate([self._keys(line, order) for line in lines]), return_counts=True)
        self.tables = [_Table(*grams, size)]
        for n in range(order - 1, 0, -1):
            behind = self.tables[0].keys % size**n  # without the first piece: each once for what stood before
            self.tables.insert(0, _Table(*np.unique(behind, return_counts=True), size))

    def surprise(self, line: np.ndarray) -> np.ndarray:  # (N + 1,) -> (N,) nats, of all but the start
        keys, p = self._keys(line, self.order), np.full(len(line) - 1, 1 / self.size)
        for n, table in enumerate(self.tables, 1):
            p = table.interpolated(keys % self.size**n, p)
        return np.asarray(-np.log(p))

    def _keys(self, line: np.ndarray, n: int) -> np.ndarray:
        """Of each piece but the start, itself and the n - 1 before it as one number."""
        whole = np.concatenate([np.full(n - 1, line[0]), line]).astype(np.int64)
        keys = np.zeros(len(line), np.int64)
        for i in range(n):
            keys = keys * self.size + whole[i : i + len(line)]
        return keys[1:]


class _Table:
    """Counts of n-grams, by key."""

    def __init__(self, keys: np.ndarray, counts: np.ndarray, size: int) -> None:
        self.keys, self.counts, self.size = keys, counts, size
        once, twice = (int((counts == c).sum()) for c in (1, 2))
        self.discount = once / max(once + 2 * twice, 1)
        self.before, first, self.different = np.unique(keys // size, return_index=True, return_counts=True)
        self.total = np.add.reduceat(counts, first)

    def interpolated(self, keys: np.ndarray, lower: np.ndarray) -> np.ndarray:
        count = _looked_up(self.keys, self.counts, keys)
        total = _looked_up(self.before, self.total, keys // self.size)
        different = _looked_up(self.before, self.different, keys // self.size)
        seen = np.maximum(total, 1)
        p = np.maximum(count - self.discount, 0) / seen + self.discount * different / seen * lower
        return np.where(total > 0, p, lower)


def _looked_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, values[at], 0)


def perplexity(
    path: Path = CORPUS, lines: int = 100_000, steps: int = 1200, seed: int = 0, kept: bool = False
) -> dict[str, float]:
    def say(name: str, value: float, began: float) -> None:
        found[name], spent = value, time.process_time() - began
        print(f"{name}: perplexity {value:.1f}, {spent:.0f} CPU-seconds", flush=True)
        if kept:
            figures = {"perplexity": f"{value:.1f}", "CPU-seconds": f"{spent:.0f}"}
            keep("perplexity", {"model": name, "lines": lines, "seed": seed} | figures)

    everything = ilk.text(path, by="line")
    rows = np.random.default_rng(seed).permutation(len(everything))[: lines + ASKED]
    asked, known = (_some(everything, r) for r in (rows[:ASKED], rows[ASKED:]))
    description = trained("bpe", known, VOCABULARY, seed=seed)
    found: dict[str, float] = {}
    words = Tokenizer(description)
    learnt, truth = (_numbers(words, source) for source in (known, asked))
    pieces = sum(map(len, learnt))
    print(f"{len(known):,} lines of {pieces:,} pieces; asked for {sum(len(t) - 1 for t in truth):,}")
    for order in ORDERS:
        began = time.process_time()
        model = KneserNey(learnt, order, words.size)
        say(f"Kneser-Ney, order {order}", exp_mean([model.surprise(line) for line in truth]), began)
    torch.manual_seed(seed)
    objective = Causal(Network(description, length=64, dim=96, depth=2, heads=4))
    began = time.process_time()
    recipe = Recipe(steps=steps, batch=64, learning_rate=1e-2, checks=2, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        fit(objective, known, recipe, run=Path(folder))
    say(f"causal, {steps} steps", objective.perplexity(asked, np.arange(len(asked))), began)
    return found


def exp_mean(surprise: Sequence[np.ndarray]) -> float:
    return float(np.exp(np.concatenate(surprise).mean()))


def _some(source: Text, rows: np.ndarray) -> Text:
    return Text(source.batch(rows), [source.id(int(i)) for i in rows])


def _numbers(words: Tokenizer, source: Text) -> list[np.ndarray]:
    texts = words.numbers(source.batch(np.arange(len(source))))
    return [np.array([words.start, *pieces, words.end]) for pieces in texts]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    perplexity(given.corpus, given.lines, given.steps, given.seed, given.keep)
