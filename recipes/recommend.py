"""Which items suit which user: two towers beside popularity and matrix factorisation.

    python -m recipes.recommend tastes                       known tastes: so is the best there can be
    python -m recipes.recommend merges                       the same, scored beyond the dot product
    python -m recipes.recommend stepwise                     the same, tower by tower
    python -m recipes.recommend packages package-graph.npz   which package depends on which (Debian)

A tenth of the items is new: nobody is known to have chosen any. Of the other choices a fifth is held out;
recall@10 is the share of them among the ten best of all items that the user is not known to have chosen,
NDCG@10 the same with the order, coverage the share of items that anybody is shown. New items are ranked among
themselves. CPU-seconds on one thread. Each takes a minute. `--keep` adds each row to recipes/recommend.csv
(docs/results.md), with its `--seed`.

`packages` asks for the arrays edges (m, 2), labels (n,) and features_indices, features_indptr (words of n
descriptions).
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.sparse import csr_array

import ilk
from ilk.analysis._factors import factors, popularity
from ilk.analysis.recommend import best, quality
from ilk.encoders import embed
from ilk.encoders._merge import MERGES
from ilk.encoders.record import Record
from ilk.encoders.towers import Towers
from ilk.learning.towers import side_by_side
from ilk.objectives.two_tower import TwoTower
from ilk.source.interactions import Interactions
from ilk.source.tables import Table
from ilk.source.tastes import tastes, truth
from recipes.sections import keep

K = 10
FIGURES = ("recall@10", "NDCG@10", "coverage", "of new items, recall@10", "CPU-seconds")
POOL = 100  # items that a merge sorts
Score = Callable[[np.ndarray], np.ndarray]  # users -> (b, I)


class Task:
    """What is learnt from, and what is asked of whom. `name`: what rows are kept under, if they are."""

    def __init__(self, whole: Interactions, seed: int, name: str | None, *, cold: float = 0.1) -> None:
        self.seed, self.name = seed, name
        rng = np.random.default_rng(seed)
        unknown = rng.random(len(whole.items)) < cold  # items that nobody is known to have chosen
        hidden, later = unknown[whole.ends[:, 1]], rng.random(len(whole)) < 0.2
        self.taught = whole.take(np.flatnonzero(~hidden & ~later))
        self.seen = self.taught.matrix
        self.asked = self._truth(whole, ~hidden & later)
        self.cold, self.items = self._truth(whole, hidden), np.flatnonzero(unknown)
        print(
            f"{len(self.taught):,} choices of {self.seen.shape[0]:,} users among {len(whole.items):,} items"
        )
        print(f"| way | {' | '.join(FIGURES)} |")
        print("|---|---|---|---|---|---|", flush=True)

    def _truth(self, whole: Interactions, rows: np.ndarray) -> csr_array:
        return whole.take(np.flatnonzero(rows)).matrix

    def line(self, name: str, score: Score, began: float | None = None, *, cold: bool = False) -> None:
        known = np.setdiff1d(np.arange(self.seen.shape[1]), self.items)
        cells = [f"{v:.3f}" for v in self._measured(score, self.asked, known)]
        cells.append(f"{self._measured(score, self.cold, self.items)[0]:.3f}" if cold else "")
        cells.append("" if began is None else f"{time.process_time() - began:.0f}")
        print(f"| {name} | {' | '.join(cell or '-' for cell in cells)} |", flush=True)
        if self.name is not None:
            about = {"choices": self.name, "way": name, "seed": self.seed}
            keep("recommend", about | dict(zip(FIGURES, cells)))

    def _measured(self, score: Score, truth: csr_array, among: np.ndarray) -> tuple[float, float, float]:
        users = np.flatnonzero(np.diff(truth.indptr))
        seen = self.seen[users][:, among]
        lot = 1e-6 * np.random.default_rng(0).random(len(among))  # of equals, whichever: not the first
        found = best(lambda rows: score(users[rows])[:, among] + lot, seen, K)
        q = quality("", found, truth[users][:, among])
        return q.recall, q.ndcg, q.coverage


def towers(task: Task, encoder: Towers) -> Score:
    """By the cosine; where there is a network that sorts, by that among the best by the cosine."""
    u, v = (embed(encoder, table) for table in (task.taught.users, task.taught.items))

    def score(rows: np.ndarray) -> np.ndarray:
        near: np.ndarray = u[rows] @ v.T
        if encoder.merged is None:
            return near
        pool = np.argpartition(-near, POOL, 1)[:, :POOL]
        with torch.inference_mode():
            items = torch.from_numpy(v[pool])
            merged = encoder.score(torch.from_numpy(u[rows])[:, None], items).numpy()
        np.put_along_axis(near, pool, 10 + merged - merged.min(), 1)
        return near

    return score


def learnt(
    source: Interactions,
    seed: int,
    steps: int,
    encoder: Towers | None = None,
    batch: int = 128,
    **options: Any,
) -> Towers:
    own = {k: options.pop(k) for k in ("how", "corrected", "still") if k in options}
    torch.manual_seed(seed)
    made = encoder or side_by_side(source, 64, seed, **options)
    recipe = ilk.Recipe(steps=steps, batch=batch, learning_rate=5e-3, held_out=0, checks=1, seed=seed)
    ilk.fit(TwoTower(made, **own), source, recipe, run=Path(mkdtemp()))
    return made.eval()


def product(u: np.ndarray, v: np.ndarray) -> Score:
    return lambda rows: u[rows] @ v.T


def baselines(task: Task, dims: tuple[int, ...]) -> None:
    items = len(task.taught.items)
    rng = np.random.default_rng(1)
    task.line("chance", lambda rows: rng.random((len(rows), items)), cold=True)
    liked = popularity(task.seen)
    task.line("popularity", lambda rows: np.tile(liked, (len(rows), 1)))
    for dim in dims:
        began = time.process_time()
        u, v = factors(task.seen, dim, seed=task.seed)
        task.line(f"matrix factorisation, {dim} factors", product(u, v), began)


STEPS = 600


def of_tastes(seed: int, what: str, kept: bool) -> None:
    whole = tastes(2000, 1000, each=20, topics=10, seed=seed)
    task, chance = Task(whole, seed, what if kept else None), truth(whole)
    if what == "stepwise":
        stepwise(task)
        return
    ways: dict[str, dict[str, Any]]
    if what == "merges":  # every user is scored with every item of the batch: four times as dear at 128
        ways = {merge: {"merge": merge, "batch": 64} for merge in MERGES}
    else:
        task.line("the truth", lambda rows: chance[rows], cold=True)
        baselines(task, (16, 64))
        ways = {
            "two towers": {},
            "... without log Q": {"corrected": False},
            "... bpr": {"how": "bpr"},
            "... bce": {"how": "bce"},
            "... the history by attention": {"sequence": "attention"},
        }
    for name, options in ways.items():
        began = time.process_time()
        task.line(name, towers(task, learnt(task.taught, seed, STEPS, **options)), began, cold=True)
    if what == "tastes":
        began = time.process_time()
        known = learnt(bare(task.taught), seed, 4 * STEPS, forget=0.0)
        task.line("... ids alone, four times as long", towers(task, known), began, cold=True)


def stepwise(task: Task) -> None:
    """The items' tower alone, by what was chosen together; then the users' to meet it; then both."""
    began = time.process_time()
    alone = learnt(task.taught.swapped("items"), task.seed, STEPS // 3)
    torch.manual_seed(task.seed)
    both = side_by_side(task.taught, 64, task.seed)
    assert isinstance(alone.items, Record)
    assert isinstance(both.users, Record)
    both.items, both.of_items = alone.items, alone.of_items
    task.line("the items' tower alone", towers(task, both), began, cold=True)
    began = time.process_time()
    learnt(task.taught, task.seed, STEPS // 3, both, still="items")
    task.line("... the users' learns to meet it", towers(task, both), began, cold=True)
    began = time.process_time()
    learnt(task.taught, task.seed, STEPS // 3, both)
    task.line("... then both", towers(task, both), began, cold=True)
    began = time.process_time()
    torch.manual_seed(task.seed)
    again = side_by_side(task.taught, 64, task.seed)
    again.items, again.of_items = alone.items, alone.of_items
    assert isinstance(again.users, Record)
    print(f"{again.users.start_from(alone.items):,} vectors of items go into the users' tower", flush=True)
    learnt(task.taught, task.seed, 2 * STEPS // 3, again)
    task.line("... both at once, what items are carried over", towers(task, again), began, cold=True)


def bare(source: Interactions) -> Interactions:
    """Nothing known of users and items but who they are."""
    users, items = (
        Table(t.ids, pa.table({"_": t.ids}).drop_columns(["_"]), {"id": "id"}, side=t.side)
        for t in (source.users, source.items)
    )
    return Interactions(users, items, source.ends, history=0)


def of_packages(path: Path, seed: int, kept: bool) -> None:
    held = np.load(path, allow_pickle=False)
    ends = held["edges"].astype(np.int64)
    ends = ends[np.bincount(ends[:, 0])[ends[:, 0]] >= 10]  # packages that ask for ten others or more
    used = np.unique(ends[:, 1], return_counts=True)
    ends = ends[np.isin(ends[:, 1], used[0][used[1] >= 5])]  # and those asked for by five
    met, starts = held["features_indices"], held["features_indptr"]  # read once: each asking unpacks anew
    words = [[f"w{i}" for i in met[a:b]] for a, b in pairwise(starts)]
    labels = held["labels"]
    places, sides = [], []
    for end, side in enumerate(("users", "items")):
        known, at = np.unique(ends[:, end], return_inverse=True)
        columns = pa.table({"section": [f"s{labels[i]}" for i in known], "says": [words[i] for i in known]})
        kinds = {"id": "id", "section": "category", "says": "several"}
        places.append(at)
        sides.append(Table([f"p{i}" for i in known], columns, kinds, side=side))
    task = Task(Interactions(sides[0], sides[1], np.stack(places, 1)), seed, "packages" if kept else None)
    baselines(task, (64,))
    for name, source, forget in (
        ("two towers", task.taught, 0.5),
        ("... ids alone", bare(task.taught), 0.0),
    ):
        began = time.process_time()
        task.line(name, towers(task, learnt(source, seed, 2 * STEPS, forget=forget)), began, cold=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("tastes", "merges", "stepwise", "packages"))
    parser.add_argument("graph", type=Path, nargs="?")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if options.what == "packages":
        of_packages(options.graph, options.seed, options.keep)
    else:
        of_tastes(options.seed, options.what, options.keep)


if __name__ == "__main__":
    main()
