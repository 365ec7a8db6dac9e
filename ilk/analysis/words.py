"""Questions to a space of words: what is like a word, what is to a as b is to c, which is the odd one.

Legend: n rows of the space, t terms of a question, D dimensions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import files
from ..encoders import encode
from ..encoders._words import exchange
from ..encoders.words import Words
from ..errors import OptionError, SpaceError, UnknownName
from ..objectives._words.vectors import Vocabulary
from ..space import Space
from ..space.index.metric import Metric
from ._drawn import recall as _drawn
from ._result import Picture, Result

SIGN = re.compile(r"\s+([+-])\s+")
COSINE = Metric("cosine")
SMALL = 1e-3  # keeps a quotient finite, as in Levy & Goldberg 2014
OFTEN = 50_000  # words among which a misspelt one is looked for


@dataclass(frozen=True)
class Alike(Result):
    """Words and how alike they are, the most alike first."""

    words: list[str]
    likeness: np.ndarray  # the cosine; of `multiply` a quotient

    def table(self) -> pa.Table:
        return pa.table({"word": self.words, "likeness": self.likeness})

    def sentence(self) -> str:
        if not self.words:
            return "No word is left to answer."
        return f"Most alike: {', '.join(self.words[:3])} ({self.likeness[0]:.2f} the first)."

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_words(self)


def words(space: Space, question: str, k: int = 10, *, multiply: bool = False) -> Alike:
    """The k words most alike to "king - man + woman" (or to one word); the question's own are no answer.

    Cosines are added (3CosAdd), or multiplied so that none outweighs all (3CosMul, Levy & Goldberg 2014).
    """
    if k < 1:
        raise OptionError(f"k={k}: there is no such number of words", "Ask for 1 or more.")
    terms, signs = _terms(question)
    asked = _units(space, terms)  # (t, D)
    own = {*terms, *(t.lower() for t in terms)}
    if multiply:
        ids, score = space.ids(), _products(space, asked, signs)
        order = np.argsort(-score, kind="stable")[: k + len(terms)]
        found = [(ids[i], float(score[i])) for i in order]
    else:
        query = (signs[:, None] * asked).sum(0)
        if not query.any():
            raise OptionError(f"{question!r} leaves nothing over", "Ask for words that differ.")
        near = space.search(query, k + len(terms))
        answers = near.ids[0].tolist()
        found = list(zip(answers, (_units(space, answers) @ (query / np.linalg.norm(query))).tolist()))
    kept = [(word, value) for word, value in found if word not in own][:k]
    return Alike([w for w, _ in kept], np.array([v for _, v in kept]))


def likeness(space: Space, one: str, other: str) -> float:
    """The cosine of two words."""
    a, b = _units(space, [one, other])
    return float(a @ b)


def odd_one_out(space: Space, among: Sequence[str]) -> str:
    """The word least like the mean of all."""
    if len(among) < 3:
        raise OptionError(f"{len(among)} words have no odd one", "Give three or more.")
    units = _units(space, among)
    return among[int((units @ units.mean(0)).argmin())]


def import_words(
    path: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, lower: bool = False
) -> Space:
    """A space of the vectors that word2vec, fastText or GloVe wrote to a file (text or binary).

    out    the space's folder (default: the file's name, here); `lower`: questions are put in small letters

    The folder is whole or absent.
    """
    given = Path(path)
    encoder = exchange.load(given, lower=lower)
    content = Vocabulary(encoder, {"reader": "text", "by": "line"})
    at = Path(f"{given.stem}.space" if out is None else out)
    if at.exists():
        raise SpaceError(f"{at} exists already", "Choose another path, or remove it.")
    with files.replacing_folder(at) as folder:
        Space.create(folder, encoder, reading=content.reading).upsert(content)
    return Space.open(at)


def export_words(space: Space, path: str | os.PathLike[str], form: str = "text") -> None:
    """The words of a space as text or binary (word2vec's), glove, or fasttext (.bin)."""
    if not isinstance(space.encoder, Words):
        raise SpaceError(f"{space.path} is no space of words", "Its rows: ilk export SPACE FILE.parquet")
    exchange.save(space.encoder, Path(path), form)


def _terms(question: str) -> tuple[list[str], np.ndarray]:
    """Words (or several in a row), and +1 or -1 for each."""
    pieces = SIGN.split(question.strip())
    terms = [p.strip() for p in pieces[::2]]
    if not all(terms):
        raise OptionError(f"{question!r} is no question", 'Give a word, or words as in "king - man + woman".')
    return terms, np.array([1, *(1 if s == "+" else -1 for s in pieces[1::2])], np.float32)


def _units(space: Space, terms: Sequence[str]) -> np.ndarray:  # (t, D) of length 1
    found: np.ndarray = encode(space.encoder, list(terms)).numpy()
    for term, vector in zip(terms, found):
        if not vector.any():
            near = get_close_matches(term, space.ids()[:OFTEN], n=5)
            do = "A space that fasttext learnt has vectors for unseen words."
            raise UnknownName("word", term, near, do)
    return COSINE.ready(found)


def _products(space: Space, asked: np.ndarray, signs: np.ndarray) -> np.ndarray:  # (n,)
    vectors = space.vectors()
    score = np.ones(len(vectors))
    for start in range(0, len(vectors), 1 << 14):
        some = vectors[start : start + (1 << 14)]
        cosines = COSINE.ready(some) @ asked.T
        shares = (1 + cosines) / 2 + SMALL  # (n, t), above 0
        score[start : start + len(some)] = np.prod(np.where(signs > 0, shares, 1 / shares), axis=1)
    return score
