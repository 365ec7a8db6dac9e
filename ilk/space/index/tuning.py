"""Choosing an index and how hard it looks, by trying on the user's own vectors.

Legend: q queries, m slots, D numbers a vector, k neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...errors import OptionError, UnknownName
from .family import Approximate, Family
from .hnsw import Hnsw
from .ivf import Ivf
from .pq import IvfPq, Pq

FAMILIES: dict[str, Family] = {f.kind: f for f in (Ivf(), Pq(), IvfPq(), Hnsw())}
KINDS = ("flat", *FAMILIES)
K = 10  # recall is measured for so many neighbours
_QUERIES = 200
_STEP = 16_384  # vectors made ready at a time
_LEAST = 16  # vectors to train on: FAISS wants one for each list, and makes no fewer lists
_FAST = 0.01  # seconds for one question: as long as exact search is quicker, nothing else is needed

Search = Callable[[np.ndarray, int], np.ndarray]  # vectors (q, D), k -> slots (q, k)


@dataclass(frozen=True)
class Measured:
    recall: float  # share of the 10 nearest that are found
    per_second: float  # questions, one at a time


def choose(kind: str, n: int, dim: int, memory: float | None, seconds: float) -> str:
    """The family for n vectors, where one exact question takes so many seconds."""
    if kind not in ("auto", *KINDS):
        raise UnknownName("kind of index", kind, ["auto", *KINDS])
    if kind != "auto":
        takes = size(kind, n, dim)
        if memory is not None and kind != "flat" and takes > memory:
            do = "Allow more memory, or take another kind: ivf-pq is the smallest."
            raise OptionError(f"{kind} of {n:,} vectors takes {takes:,.0f} bytes, of {memory:,.0f}", do)
        return kind
    if seconds < _FAST:
        return "flat"
    fitting = [f for f in ("ivf", "ivf-pq") if memory is None or size(f, n, dim) <= memory]
    if not fitting:
        least = size("ivf-pq", n, dim)
        raise OptionError(
            f"{n:,} vectors do not fit into {memory or 0:,.0f} bytes: the smallest index takes {least:,.0f}",
            "Allow more memory, or split the space.",
        )
    return fitting[0]


def size(kind: str, n: int, dim: int) -> float:
    """Bytes in memory; an exact index is memory-mapped, and counts as what it reads for a question."""
    return n * (4.0 * dim if kind == "flat" else FAMILIES[kind].bytes(dim, n))


def tune(
    near: Approximate, queries: np.ndarray, truth: np.ndarray, search: Search, wished: float
) -> Measured:
    """The least effort that finds the wished share of the true neighbours (q, k); the most where none does.

    First how many candidates it takes when looking as hard as can be; then how hard one has to look. So few
    queries are not sure to a hundredth: it is aimed as much higher.
    """
    wished += min(0.01, (1 - wished) / 2)
    efforts, wider = near.family.efforts, near.family.wider

    def recall(effort: int, candidates: float) -> float:
        near.look(effort=effort, wider=candidates)
        return share(search(queries, K), truth)

    reached = [recall(efforts[-1], w) for w in wider]
    enough = next((w for w, r in zip(wider, reached) if r >= min(wished + 0.01, 1.0)), None)
    enough = enough or wider[int(np.argmax(reached))]
    best = max(reached)
    for effort in efforts:
        got = recall(effort, enough)
        if got >= min(wished, best):
            break
    return Measured(got, rate(search, queries))


def share(found: np.ndarray, truth: np.ndarray) -> float:
    """Of the true neighbours, the share that was found."""
    if not truth.size:  # a row that is alone has none
        return 1.0
    return float(np.mean([len(np.intersect1d(f, t)) / len(t) for f, t in zip(found, truth)]))


def rate(search: Search, queries: np.ndarray) -> float:
    """Questions a second, asked one by one, each after the other."""
    began = time.perf_counter()
    for i in range(min(100, len(queries))):
        search(queries[i : i + 1], K)
    return min(100, len(queries)) / (time.perf_counter() - began)


def sample(n: int, seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).choice(n, min(n, _QUERIES), replace=False))


def build(
    family: Family,
    ready: Callable[[np.ndarray], np.ndarray],
    n: int,
    dim: int,
    seed: int,
    advance: Callable[[int], None],
) -> Approximate:
    """An index over n ready vectors, asked for by slot; `advance` hears how many more it holds."""
    chosen = np.random.default_rng(seed).choice(n, family.training(dim, n), replace=False)
    index = family.make(dim, n)
    if not index.is_trained:
        vectors = ready(np.sort(chosen))
        index.train(np.resize(vectors, (max(_LEAST, len(vectors)), dim)))  # fewer are repeated
    for start in range(0, n, _STEP):
        block = ready(np.arange(start, min(start + _STEP, n)))
        index.add(block)
        advance(len(block))
    return Approximate(family, index, effort=family.efforts[0], wider=family.wider[0])
