"""How well words find pictures and pictures words, and how the two halves lie to each other.

Legend: n pairs, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..errors import DataError, SpaceError, UnknownName
from ..source import read
from ..source.pairs import NAMES, Pairs, caption_of
from ._drawn import recall as _drawn
from ._result import Picture, Result
from .zeroshot import unit

if TYPE_CHECKING:
    from ..encoders import Encoder
    from ..space import Space

KS = (1, 5, 10)
AGAIN = 50  # of the nearest, sorted again where there is a network that looks at both halves at once
_BLOCK = 1024  # rows compared at a time

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # rows of pictures and of captions, side by side


@dataclass(frozen=True)
class Way:
    """Each of one half asks; the right answers are its own other half, and those that say the same."""

    name: str
    recall: tuple[float, ...]  # share whose right answer is among the first of KS
    rank: float  # of the first right answer, the median
    chance: float  # recall at the last of KS, were the order drawn by lot


@dataclass(frozen=True)
class Retrieval(Result):
    pairs: int
    ways: list[Way]
    gap: float  # distance of the two halves' means: 0 where they lie among each other (Liang et al. 2022)
    alignment: float  # mean squared distance of the two halves of a pair: 0 same, 2 unrelated, 4 opposite
    of_pictures: float  # uniformity of each half: log of the mean exp(-2 d^2); less is more even
    of_words: float
    across: float  # the same between halves of different pairs

    def table(self) -> pa.Table:
        recalls = zip(*(w.recall for w in self.ways))
        return pa.table(
            {
                "way": [w.name for w in self.ways],
                **{f"recall@{k}": list(r) for k, r in zip(KS, recalls)},
                "median rank": [w.rank for w in self.ways],
                f"chance@{KS[-1]}": [w.chance for w in self.ways],
            }
        )

    def sentence(self) -> str:
        there, back = (w.recall[-1] for w in self.ways[:2])
        return (
            f"Of {self.pairs:,} captions {there:.1%} find their picture among the {KS[-1]} nearest, of the "
            f"pictures {back:.1%} their caption. The halves of a pair are {self.alignment:.2f} apart (mean "
            f"squared distance; 2 is unrelated), the middles of all pictures and of all captions "
            f"{self.gap:.2f}; uniformity {self.of_pictures:.2f}, {self.of_words:.2f}, "
            f"across {self.across:.2f}."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_retrieval(self, KS)


def retrieval(space: Space, data: Any = None, *, caption: str | None = None) -> Retrieval:
    """Of the space's own pictures and their captions; or of `data`: other pairs, never learnt from.

    caption  the column with the captions (default: caption, text, title, description or txt)
    """
    if not space.in_words or space.of_text:
        raise SpaceError(
            f"the encoder of {space.path} reads no words beside pictures", "Learn one: --objective clip."
        )
    if data is None:
        said, rows = _captions(space, caption)
        return both_ways(space.vectors()[rows], space.encode(said), said)
    options = {} if caption is None else {"caption": caption}
    source = data if isinstance(data, Pairs) else read({**space.reading, "reader": "pairs"}, data, **options)
    assert isinstance(source, Pairs)
    said = source.captions.batch(np.arange(len(source)))
    score = scored(space.encoder, source)
    return both_ways(space.encode(source.pictures), space.encode(said), said, score)


def scored(encoder: Encoder, source: Pairs) -> Score | None:
    """By a network that looks at both halves at once; None: the encoder has none."""
    from ..encoders.fused import Fused
    from ._sorting import scorer

    return scorer(encoder, source) if isinstance(encoder, Fused) else None


def both_ways(
    pictures: np.ndarray, words: np.ndarray, said: list[str], score: Score | None = None
) -> Retrieval:
    """Of vectors (n, D) of pictures and of their captions; by `score` what they find is sorted again."""
    from ..training import health

    if len(said) < 2:
        raise DataError(f"{len(said)} pairs", "Two or more are needed, to be taken for each other.")
    a, b = unit(pictures), unit(words)
    same = np.unique(said, return_inverse=True)[1]
    ways = [_way("words to pictures", b, a, same), _way("pictures to words", a, b, same)]
    if score is not None:
        ways += [
            _way("words to pictures, sorted again", b, a, same, lambda rows, found: score(found, rows)),
            _way("pictures to words, sorted again", a, b, same, score),
        ]
    return Retrieval(
        len(said),
        ways,
        gap=float(np.linalg.norm(a.mean(0) - b.mean(0))),
        alignment=health.alignment(a, b),
        of_pictures=health.uniformity(a),
        of_words=health.uniformity(b),
        across=_across(a, b),
    )


def _captions(space: Space, name: str | None) -> tuple[list[str], np.ndarray]:
    """What is said of the rows that have a caption, and which they are."""
    columns = space.metadata()
    names = columns.column_names
    found = name or caption_of(names)
    if found is None or found not in names:
        raise UnknownName("column of captions", found or NAMES[0], names)
    said = columns[found].cast(pa.string()).to_pylist()
    rows = [i for i, one in enumerate(said) if one and one.strip()]
    return [str(said[i]) for i in rows], np.array(rows, np.int64)


def _way(
    name: str, asking: np.ndarray, asked: np.ndarray, same: np.ndarray, score: Score | None = None
) -> Way:
    ranks = _ranks(asking, asked, same, score)
    right = np.bincount(same)[same]  # (n,) answers that count
    wrong = 1 - right / len(same)  # of one draw; of KS[-1] draws it is nearly this to their power
    return Way(
        name,
        tuple(float((ranks <= k).mean()) for k in KS),
        float(np.median(ranks)),
        float((1 - wrong ** KS[-1]).mean()),
    )


def _ranks(asking: np.ndarray, asked: np.ndarray, same: np.ndarray, score: Score | None) -> np.ndarray:
    """(n,) the place of the first right answer; what is just as near comes before it."""
    ranks = np.zeros(len(asking), np.int64)
    for start in range(0, len(asking), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(asking)))
        near = asking[rows] @ asked.T  # (b, n)
        if score is not None:
            near = _again(near, rows, score)
        right = same[rows, None] == same
        best = np.where(right, near, -np.inf).max(1, keepdims=True)
        ranks[rows] = 1 + ((near >= best) & ~right).sum(1)
    return ranks


def _again(near: np.ndarray, rows: np.ndarray, score: Score) -> np.ndarray:
    """The nearest of each row by their scores, before all others."""
    few = min(AGAIN, near.shape[1])
    first = np.argpartition(-near, few - 1, 1)[:, :few]  # (b, few)
    told = score(np.repeat(rows, few), first.reshape(-1)).reshape(first.shape)
    np.put_along_axis(near, first, 2 + told - told.min(), 1)  # a cosine is at most 1
    return near


def _across(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for start in range(0, len(a), _BLOCK):
        squared = 2 - 2 * a[start : start + _BLOCK] @ b.T  # (b, n)
        total += float(np.exp(-2 * squared, dtype=np.float64).sum())
    own = float(np.exp(-2 * (2 - 2 * (a * b).sum(1)), dtype=np.float64).sum())
    return float(np.log(max(total - own, np.finfo(float).tiny) / (len(a) * (len(a) - 1))))
