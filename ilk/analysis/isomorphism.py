"""Are two graphs the same but for their nodes' names? Colours that neighbours give (Weisfeiler & Leman 1968).

All nodes begin with one colour, or that of a column. In each round a node's new colour stands for its old one
and those of its neighbours, with how often each comes; equal colours mean equal trees of walks from there.
Graphs whose colours differ are different for certain. Whose colours agree may differ all the same: no graph
in which every node has as many neighbours of each colour as every other is told from another such
(tests/analysis/test_isomorphism.py has six in a ring beside two triangles, and two molecules).

A multiset is told by the sum of its members' 64 random bits. Two unlike ones out of n agree with a chance
under n^2 / 2^65, and then a node is taken for another: never the other way round.

Legend: n nodes of all graphs together, g graphs, c colours.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from scipy.sparse import block_diag, csr_array

from ..errors import DataError, OptionError
from ..source._graph.bits import mixed
from ..source._labels import column
from ..source.graphs import Graph


def colours(graphs: Sequence[Graph], *, by: str | None = None, rounds: int | None = None) -> list[np.ndarray]:
    """The colour of each node of each graph, after so many rounds (None: until nothing is told apart more).

    The same number is the same colour in all graphs. `by`: a metadata column to begin with. Weights do not
    count; of directed graphs, those before and those after a node do so apart.
    """
    if rounds is not None and rounds < 0:
        raise OptionError(f"rounds is {rounds}", "Give 0 or more, or None.")
    *_, found = islice(_rounds(graphs, by), None if rounds is None else rounds + 1)
    return np.split(found, np.cumsum([len(g) for g in graphs])[:-1])


def told_apart(a: Graph, b: Graph, *, by: str | None = None) -> int | None:
    """After how many rounds their colours differ: the graphs are not isomorphic. None: they never do."""
    if a.directed != b.directed:
        raise DataError("one graph is directed, the other is not", "Read both alike: directed=True or False.")
    if len(a) != len(b):
        return 0
    for number, found in enumerate(_rounds([a, b], by)):
        one, other = (np.bincount(part, minlength=found.max() + 1) for part in np.split(found, [len(a)]))
        if (one != other).any():
            return number
    return None


def kernel(graphs: Sequence[Graph], *, by: str | None = None, rounds: int = 3) -> np.ndarray:  # -> (g, g)
    """How alike graphs are, 0 to 1: cosines of how often each colour of each round comes.

    The subtree kernel of Shervashidze et al. (2011), normalised.
    """
    owner = np.repeat(np.arange(len(graphs)), [len(g) for g in graphs])  # (n,)
    total = np.zeros((len(graphs), len(graphs)))
    still = rounds + 1
    for found in islice(_rounds(graphs, by), rounds + 1):
        counts = csr_array((np.ones(len(found)), (owner, found)))  # (g, c), the same places add up
        shared = (counts @ counts.T).toarray()
        total += shared
        still -= 1
    total += shared * still  # what is stable stays so in the rounds to come
    length = np.sqrt(np.diag(total))
    return np.asarray(total / length[:, None] / length)


def _rounds(graphs: Sequence[Graph], by: str | None) -> Iterator[np.ndarray]:
    """Colours (n,) 0 to c - 1 before any round, after the first, ...; the last is stable."""
    if not graphs:
        raise DataError("no graphs", "Give one at least.")
    arcs = csr_array(block_diag([g.arcs for g in graphs], format="csr"))
    arcs.data = np.ones(arcs.nnz, np.uint64)
    ways = [arcs, arcs.T.tocsr()] if any(g.directed for g in graphs) else [arcs]
    found, before = _first(graphs, by), 0
    while (now := int(found.max()) + 1) > before:  # colours are only ever parted
        yield found
        code = _bits(found, 0)
        for number, way in enumerate(ways, 1):
            code = mixed(code) + way @ _bits(found, number)  # sums modulo 2^64
        before, found = now, np.unique(code, return_inverse=True)[1]


def _first(graphs: Sequence[Graph], by: str | None) -> np.ndarray:
    if by is None:
        return np.zeros(sum(map(len, graphs)), int)
    values: list[str] = []
    for graph in graphs:
        values += [str(v) for v in column(graph, by).to_pylist()]
    return np.unique(values, return_inverse=True)[1]


def _bits(colour: np.ndarray, way: int) -> np.ndarray:
    """64 bits that look random for each colour, others for each way."""
    return mixed(colour.astype(np.uint64) * np.uint64(4) + np.uint64(way + 1))
