"""Words that stand together far more often than by chance become one: new_york (Mikolov et al. 2013).

Legend: V words, N ids.
"""

from typing import Any

import numpy as np

from ...compiled import compiled

THRESHOLD = 100.0  # as word2phrase has it
PAIRS = 20_000_000  # different ones that are held; then the rarest are forgotten
BLOCK = 1 << 22  # ids that are looked at together


def join(
    ids: np.ndarray, names: list[str], counts: np.ndarray, *, least: int
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The same corpus with phrases in it, shorter, in the same place; numbers of words stay."""
    pairs, often = _counted(ids, len(names))
    first, second = pairs // max(len(names), 1), pairs % max(len(names), 1)
    # How much more often than by chance; the discount keeps rare words from becoming phrases
    score = (often - least) * counts.sum() / (counts[first] * counts[second]).astype(np.float64)
    good = score > THRESHOLD
    pairs, first, second = pairs[good], first[good], second[good]
    names = [*names, *(f"{names[a]}_{names[b]}" for a, b in zip(first, second))]
    counts = np.concatenate([counts, np.zeros(len(pairs), np.int64)])
    n = _joined(ids, pairs, len(names) - len(pairs), counts)
    return ids[:n], names, counts


def _counted(ids: np.ndarray, V: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours a, b as a * V + b, rising, and how often each occurs."""
    pairs, often = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for start in range(0, len(ids), BLOCK):
        some = ids[start : start + BLOCK + 1].astype(np.int64)  # one more: the pair across the border
        both = (some[:-1] >= 0) & (some[1:] >= 0)
        new, n = np.unique(some[:-1][both] * V + some[1:][both], return_counts=True)
        pairs, place = np.unique(np.concatenate([pairs, new]), return_inverse=True)
        often = np.bincount(place, np.concatenate([often, n])).astype(np.int64)
        least = 1
        while len(pairs) > PAIRS:
            least += 1
            pairs, often = pairs[often >= least], often[often >= least]
    return pairs, often


@compiled()
def _joined(ids: Any, pairs: Any, V: Any, counts: Any) -> Any:
    """Pair by pair from the left, in place; `counts` follow -> how many ids are left."""
    at = n = 0
    while at < ids.shape[0]:
        word = ids[at]
        at += 1
        if word >= 0 and at < ids.shape[0] and ids[at] >= 0:
            pair = np.int64(word) * V + ids[at]
            place = np.searchsorted(pairs, pair)
            if place < pairs.shape[0] and pairs[place] == pair:
                counts[word] -= 1
                counts[ids[at]] -= 1
                word = V + place
                counts[word] += 1
                at += 1
        ids[n] = word
        n += 1
    return n
