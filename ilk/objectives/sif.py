"""SIF (Arora et al. 2017): a text is the sum of its words' vectors, the frequent ones counting little.

Legend: V pieces in the vocabulary, D dimensions, W pieces in a window.
"""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd

from ..encoders import Encoder, batches, embed
from ..encoders._tokenizer import trained
from ..encoders.bag import Bag
from ..source import Source
from ._base import ClosedForm

WINDOW = 16  # pieces that count as beside each other
ENOUGH = 1_000_000  # pieces that vectors are made from
TEXTS = 10_000  # are enough for what all share
RARE = 1e-3  # a piece of this frequency counts half


class SIF(ClosedForm):
    """`vocabulary` pieces are learnt from the text, and a vector for each from its company.

    Pieces that come together more often than by chance, by how much more (the logarithm, where positive), on
    the `dim` main axes: what word2vec finds step by step, at once (Levy & Goldberg 2014). `common`: so many
    directions that all texts share are taken out.
    """

    kind: ClassVar[str] = "text"

    def __init__(self, *, dim: int = 256, vocabulary: int = 8192, common: int = 1) -> None:
        self.dim, self.vocabulary, self.common = dim, vocabulary, common

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        tokenizer = trained("wordpiece", source, self.vocabulary, seed=seed)
        bag = Bag(tokenizer, self.dim, self.common)
        rows = np.random.default_rng(seed).permutation(len(source))
        windows = _windows(bag, source, rows)  # (m, V) of 0 and 1
        bag.vectors.copy_(torch.from_numpy(_vectors(windows, self.dim, seed) * weights(windows)[:, None]))
        if self.common:
            z = embed(bag, source, np.sort(rows[:TEXTS]))  # without `shared` yet
            axes = torch.linalg.eigh(torch.from_numpy(z.T @ z))[1].T.flip(0)  # (D, D), the largest first
            bag.shared.copy_(axes[: self.common])
        return bag.eval()


def weights(windows: Any) -> np.ndarray:  # (V,) float32
    times = np.asarray(windows.sum(0), np.float64).ravel()
    found: np.ndarray = RARE / (RARE + times / max(times.sum(), 1))
    return found.astype(np.float32)


def _windows(bag: Bag, source: Source, rows: np.ndarray) -> Any:  # (m, V) sparse
    parts: list[np.ndarray] = []
    ids: list[np.ndarray] = []
    pieces = windows = 0
    for batch in batches(source, 256, rows):
        for text in bag.known(batch):
            parts.append(windows + np.arange(len(text)) // WINDOW)
            ids.append(text)
            windows += -(-len(text) // WINDOW)
            pieces += len(text)
        if pieces >= ENOUGH:
            break
    row, column = (np.concatenate([*a, np.zeros(0, np.int64)]) for a in (parts, ids))
    found = sp.csr_matrix((np.ones(len(row), np.float32), (row, column)), (windows, bag.words.size))
    found.data[:] = 1  # a piece that comes twice in a window
    return found


def _vectors(windows: Any, dim: int, seed: int) -> np.ndarray:  # (V, D) float32, of length 1
    together = (windows.T @ windows).tocoo()
    own = together.row == together.col
    row, column, times = together.row[~own], together.col[~own], together.data[~own].astype(np.float64)
    V = windows.shape[1]
    first, second = np.bincount(row, times, V), np.bincount(column, times, V) ** 0.75
    second /= max(second.sum(), 1e-12)  # the power: rare company is not overrated (Levy et al. 2015)
    more = np.log(times / (first[row] * second[column]))
    kept = more > 0
    matrix = sp.csr_matrix((more[kept], (row[kept], column[kept])), (V, V))
    axes = randomized_svd(matrix, min(dim, V - 1), n_iter=2, random_state=seed)[0]  # (V, D)
    found = np.zeros((V, dim), np.float32)
    found[:, : axes.shape[1]] = axes
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return found
