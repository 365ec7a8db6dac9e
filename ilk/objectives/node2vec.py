"""Nodes that random walks meet together get like vectors (Grover & Leskovec 2016; DeepWalk is p = q = 1).

Legend: n nodes, D dimensions, D' = D widened to a multiple of 8.
"""

from typing import ClassVar

import numpy as np
import torch

from ..encoders import Encoder
from ..encoders._words import kernels
from ..encoders._words.tables import tables
from ..encoders.nodes import NodeVectors
from ..errors import DataError, OptionError
from ..source import Source
from ..source.graphs import Graph
from ._base import ClosedForm
from ._walks import roads, walk
from ._words.training import train
from ._words.vectors import MODELS, check, first

BLOCK = 2048  # walks that are held at once: they are learnt from and forgotten


class Node2Vec(ClosedForm):
    """What a node is near to, not what is said of it: features do not count. A node in no edge is zero.

    walks      from each node, of `length` nodes; where edges are directed they follow them
    window     nodes before and after on the walk that count as company, at most
    negative   noise nodes beside each true one; 0: hierarchical softmax
    p          above 1: a walk seldom goes straight back; under 1: it stays near its root
    q          above 1: a walk stays among the neighbours of where it was; under 1: it leads far away
    rate       the learning rate at first
    threads    0: one a core. One thread gives the same bits each time, several nearly the same vectors
    """

    kind: ClassVar[str] = "graphs"
    whole: ClassVar[bool | None] = False

    def __init__(
        self,
        *,
        dim: int = 128,
        walks: int = 10,
        length: int = 40,
        window: int = 5,
        negative: int = 5,
        p: float = 1.0,
        q: float = 1.0,
        rate: float = 0.025,
        threads: int = 0,
    ) -> None:
        whole = {"dim": dim, "walks": walks, "length": length, "window": window, "threads": threads}
        check(MODELS[0], MODELS, 0, rate, negative=negative, **whole)
        if not (p > 0 and q > 0):
            raise OptionError(f"p is {p}, q {q}", "Give numbers above 0.")
        self.dim, self.walks, self.length, self.window, self.negative = dim, walks, length, window, negative
        self.p, self.q, self.rate, self.threads = p, q, rate, threads

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        graph = _graph(source)
        ways, visits = roads(graph.arcs), graph.arcs.sum(0)  # a walk comes by about so often (n,)
        leaving = np.flatnonzero(np.diff(ways.starts))
        visits[leaving] += 1
        inputs = first(len(graph), self.dim, 0.5 / self.dim, seed)  # (n, D')
        inputs[visits == 0] = 0
        outputs = np.zeros_like(inputs)
        known = tables(visits, sample=0, negative=self.negative)
        rng = np.random.default_rng(seed)
        roots = np.concatenate([rng.permutation(leaving) for _ in range(int(self.walks))]).astype(np.int32)

        def step(begin: int, end: int, _: int, numbers: kernels.Numbers) -> None:
            met = np.empty(BLOCK * (int(self.length) + 1), np.int32)
            fall = (numbers.last - numbers.first) / (end - begin)
            for block, at in enumerate(range(begin, end, BLOCK)):
                some = roots[at : min(at + BLOCK, end)]
                own = numbers.seed + (block << 24)  # those of the stretches lie 2^32 apart by seed, and 1
                n = walk(ways, some, int(self.length), float(self.p), float(self.q), own, met)
                rate = numbers.first + fall * (at - begin)
                now = kernels.Numbers(numbers.window, numbers.noise, rate, rate + fall * len(some), own)
                kernels.skip_gram(met, 0, n, inputs, outputs, known, now)

        train(
            step,
            roots,
            window=self.window,
            negative=self.negative,
            rate=self.rate,
            epochs=1,
            threads=self.threads,
            seed=seed,
        )
        made = NodeVectors(list(graph.ids), self.dim)
        made.vectors.copy_(torch.from_numpy(inputs[:, : self.dim]))
        return made.eval()


def _graph(source: Source) -> Graph:
    if not isinstance(source, Graph):
        do = "Read it with ilk.graphs, or say --as graphs."
        raise DataError(f"walks lead over a graph; this is a {type(source).__name__}", do)
    if not source.arcs.nnz:
        raise DataError(f"{len(source):,} nodes without an edge", "There is nowhere to walk: give edges.")
    return source
