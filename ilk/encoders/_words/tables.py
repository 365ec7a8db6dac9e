"""What is reckoned from how often words occur: which are left out, what noise is drawn, the tree of Huffman.

Legend: V words.
"""

from collections.abc import Sequence

import numpy as np

from .kernels import Tables

_NONE = np.zeros(1, np.int64)


def tables(
    counts: np.ndarray,
    *,
    sample: float,
    negative: int,
    bags: tuple[np.ndarray, np.ndarray] | None = None,
) -> Tables:
    """`sample`: words of a larger share are thinned out (0: none). `negative`: 0 asks for the tree."""
    accept, other = alias(counts**0.75) if negative else (np.ones(1, np.float32), np.zeros(1, np.int32))
    paths, nodes, left = huffman(counts) if not negative else (_NONE, *_nothing())
    starts, rows = (_NONE, np.zeros(1, np.int32)) if bags is None else bags
    return Tables(kept(counts, sample), accept, other, paths, nodes, left, starts, rows)


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(1, np.int32), np.zeros(1, np.float32)


def kept(counts: np.ndarray, sample: float) -> np.ndarray:  # (V,) -> (V,) uint32
    """Of 2^32: a word with share f stays with the chance sqrt(s / f) + s / f, as word2vec's code has it."""
    if not sample:
        return np.full(len(counts), 2**32 - 1, np.uint32)
    ratio = sample * counts.sum() / np.maximum(counts, 1)
    chance: np.ndarray = np.minimum(1, np.sqrt(ratio) + ratio) * (2**32 - 1)
    return chance.astype(np.uint32)


def alias(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (V,) -> (V,) float32, (V,) int32
    """Walker's tables, filled as Vose does: each place holds one word whole or two in part."""
    share = weights * (len(weights) / weights.sum())
    accept, other = share.copy(), np.arange(len(weights))
    small = [int(i) for i in np.flatnonzero(share < 1)]
    large = [int(i) for i in np.flatnonzero(share >= 1)]
    while small and large:
        one, more = small.pop(), large[-1]
        other[one] = more
        accept[more] -= 1 - accept[one]
        if accept[more] < 1:
            small.append(large.pop())
    accept[[*small, *large]] = 1  # what rounding left over
    return accept.astype(np.float32), other.astype(np.int32)


def huffman(counts: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each word's path begins (V + 1,), the inner nodes on it from the root, 1 where it goes left.

    V - 1 inner nodes, numbered as they are joined. The rarest two are joined first; of equals, words come
    before nodes, and the later word first.
    """
    V = len(counts)
    order = np.argsort(-np.asarray(counts), kind="stable")[::-1]  # rare first
    weight = np.concatenate([np.asarray(counts, np.int64)[order], np.zeros(max(V - 1, 0), np.int64)])
    above, right = np.zeros(max(2 * V - 1, 1), np.int64), np.zeros(max(2 * V - 1, 1), np.int8)
    leaf, node = 0, V
    for made in range(V, 2 * V - 1):
        pair = []
        for _ in range(2):
            if leaf < V and (node >= made or weight[leaf] <= weight[node]):
                pair.append(leaf)
                leaf += 1
            else:
                pair.append(node)
                node += 1
        weight[made] = weight[pair[0]] + weight[pair[1]]
        above[pair], right[pair[1]] = made, 1
    return _paths(V, np.argsort(order), above, right)


def _paths(
    V: int, place: np.ndarray, above: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the root down, for all words at once, a level at a time."""
    root, at = 2 * V - 2, place.copy()
    levels: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    words = np.arange(V)
    while len(words := words[at[words] != root]):
        levels.append((words, above[at[words]] - V, 1 - right[at[words]]))
        at[words] = above[at[words]]
    word, node, left = (
        (np.concatenate([one[i] for one in levels[::-1]]) for i in range(3))
        if levels
        else (np.zeros(0, np.int64),) * 3
    )
    order = np.argsort(word, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(word, minlength=V))]).astype(np.int64)
    return starts, node[order].astype(np.int32), left[order].astype(np.float32)
