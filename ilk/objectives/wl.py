"""Graphs are alike whose nodes' neighbourhoods are: the Weisfeiler-Leman kernel's main axes, in closed form.

Legend: g graphs, c colours, D dimensions.
"""

from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd

from ..encoders import Encoder, batches, wl
from ..errors import DataError, OptionError
from ..source import Source
from ..source.graphs import Graphs
from ._base import ClosedForm

BATCH = 1024
_ALIKE = "Let all nodes begin alike (labels=False), or give graphs whose features agree."


class WL(ClosedForm):
    """Of whole graphs. Cosines of the vectors are the kernel, as near as `dim` axes come.

    Colours that one graph alone has make it unlike all others: they count in its length, but have no axis.

    rounds  how far from a node its colour sees
    labels  nodes begin with what their features say, else all alike; edges' features count with them
    """

    kind: ClassVar[str] = "graphs"
    whole: ClassVar[bool | None] = True

    def __init__(self, *, dim: int = 128, rounds: int = 3, labels: bool = True) -> None:
        if dim < 1 or rounds < 0:
            raise OptionError(f"dim is {dim}, rounds {rounds}", "Give 1 and 0 or more.")
        self.dim, self.rounds, self.labels = dim, rounds, labels

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        if not isinstance(source, Graphs):
            do = "Read a folder or a list of graphs with ilk.graphs."
            raise DataError(f"the WL kernel compares graphs; this is a {type(source).__name__}", do)
        blank = wl.WL(self.rounds, self.labels)
        parts = [blank.coloured(batch) for batch in batches(source, BATCH)]
        found = np.concatenate([colour for colour, _ in parts])
        owner = np.concatenate([at + BATCH * i for i, (_, at) in enumerate(parts)])
        known = shared(found, owner)
        if not len(known):
            raise DataError(f"no two of {len(source):,} graphs have a colour in common", _ALIKE)
        counts = wl.counted(found, owner, len(source), known)  # (g, c)
        dim = min(self.dim, *counts.shape)
        axes = _axes(counts, dim, seed)  # (c, D)
        made = wl.WL(self.rounds, self.labels, len(known), dim)
        made.colours.copy_(torch.from_numpy(known))
        made.axes.copy_(torch.from_numpy(axes))
        return made.eval()


def shared(found: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The colours, rising, that come in two graphs or more."""
    pairs = np.unique(np.stack([found, owner]), axis=1)
    known, graphs = np.unique(pairs[0], return_counts=True)
    return np.asarray(known[graphs > 1])


def _axes(counts: csr_array, dim: int, seed: int) -> np.ndarray:
    if min(counts.shape) <= 4 * dim or min(counts.shape) <= 500:  # exact where that is cheap
        right = np.linalg.svd(counts.toarray(), full_matrices=False)[2][:dim]
    else:
        right = randomized_svd(counts, dim, n_iter=4, random_state=seed)[2]
    return np.ascontiguousarray(right.T, np.float32)
