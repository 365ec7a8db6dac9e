"""Words encoders from the files of others, and back.

Legend: V words, D dimensions.
"""

from pathlib import Path

import numpy as np

from ...console import say
from ...errors import DataError, UnknownName
from ...files import replacing
from ..words import Words, filled
from . import files
from .pieces import bags, means

FORMS = ("text", "binary", "glove", "fasttext")


def load(path: Path, *, lower: bool = False) -> Words:
    """What word2vec, fastText or GloVe wrote."""
    found = files.read(path)
    first = {w: i for i, w in reversed([*enumerate(found.words)])}
    bad = ~np.isfinite(found.vectors).all(axis=1)
    if bad.any():
        raise DataError(f"{path}: the vector of {found.words[int(bad.argmax())]!r} holds NaN or inf")
    vectors, pieces = found.vectors, found.pieces
    if pieces is not None:
        rows = bags(found.words, found.shortest, found.longest, len(pieces))
        vectors = means(np.concatenate([vectors, pieces]), rows)
    kept = sorted(first.values())
    if len(kept) < len(found.words):
        say(f"{len(found.words) - len(kept):,} words of {path} come twice; the first counts.")
    ends = {} if pieces is None else {"shortest": found.shortest, "longest": found.longest}
    names = [found.words[i] for i in kept]
    return filled(names, vectors[kept], found.counts[kept], pieces, lower=lower, **ends)


def save(words: Words, path: Path, form: str) -> None:
    """`form`: text or binary (word2vec), glove, or fasttext (.bin)."""
    if form not in FORMS:
        raise UnknownName("form of word vectors", form, FORMS)
    vectors, names = words.vectors.cpu().numpy(), words.words
    odd = next((w for w in names if not w or any(c.isspace() or c == "\0" for c in w)), None)
    if odd is not None:
        raise DataError(f"the word {odd!r} cannot be written: spaces end a word in these files")
    if form == "fasttext":
        pieces = words.pieces.cpu().numpy() if words.buckets else None
        if pieces is not None:  # the word's own row is what its pieces leave of the mean
            rows = bags(names, words.shortest, words.longest, words.buckets)
            nothing = np.zeros_like(vectors)
            vectors = (vectors - means(np.concatenate([nothing, pieces]), rows)) * np.diff(rows[0])[:, None]
        ends = (words.shortest, words.longest) if words.buckets else (0, 0)
        model = files.Read(names, vectors.astype(np.float32), words.counts.cpu().numpy(), pieces, *ends)
        parts = files.fasttext(model)
    elif form == "binary":
        parts = files.binary(names, vectors)
    else:
        parts = files.text(names, vectors, header=form == "text")
    with replacing(path) as file:
        for part in parts:
            file.write(part)
