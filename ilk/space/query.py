"""What can be asked of a space, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError, EncoderMismatch, OptionError, UnknownName
from .snapshot import Snapshot


class Id(str):
    """Text that is the id of a row, never a path."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest rows of each of q queries, the nearest first."""

    ids: np.ndarray  # (q, k) of str
    distances: np.ndarray  # (q, k) float32; smaller is nearer

    def table(self) -> pa.Table:
        """One line for each neighbour: query (counted from 0), rank (from 1), id, distance."""
        q, k = self.ids.shape
        return pa.table(
            {
                "query": np.repeat(np.arange(q), k),
                "rank": np.tile(np.arange(1, k + 1), q),
                "id": pa.array(self.ids.reshape(-1).tolist(), pa.string()),
                "distance": self.distances.reshape(-1),
            }
        )


@dataclass(frozen=True)
class Upserted:
    added: int
    replaced: int
    skipped: int  # samples of the source that could not be read


@dataclass(frozen=True)
class Compacted:
    before: int  # bytes of the rows, old versions and all
    after: int
    versions: int  # that went
    held: int  # old versions that stay because somebody looks at them


@dataclass(frozen=True)
class Question:
    vectors: np.ndarray  # (q, D) float32
    itself: int | None = None  # the slot of the row that asks, which is no answer


def question(
    query: Any, at: Snapshot, maker: str, encode: Callable[[Any], np.ndarray], in_words: bool
) -> Question:
    """An id, a file or array to encode, or vectors; where it can be asked `in_words`, also these.

    `maker` names the space's encoder in errors.
    """
    if isinstance(query, str):
        if not query:
            raise OptionError("an empty query", "Give an id of the space, or a file.")
        slot = at.slots.find([query])
        if slot[0] >= 0:
            return Question(at.slots.vectors(slot), int(slot[0]))
        if in_words and not isinstance(query, Id) and not is_file(query):
            return Question(_said([query], encode))
        if isinstance(query, Id) or not Path(query).exists():
            some = [str(i) for i in at.rows.ids.slice(0, 5)]
            kind = "row" if isinstance(query, Id) else "row, and no file,"
            raise UnknownName(kind, query, some, f"(the first of {len(at.rows)})" if len(at.rows) > 5 else "")
        return Question(encode(Path(query)))
    if isinstance(query, (Path, bytes)):
        return Question(encode(query))
    if in_words and isinstance(query, (list, tuple)) and all(isinstance(q, str) for q in query):
        return Question(_said(list(query), encode))
    array = np.asarray(query)
    if array.dtype.kind not in "fiub":
        raise OptionError(
            f"a query of type {type(query).__name__} ({array.dtype})",
            "Give an id, a file, an array of pixels, or a vector of floats.",
        )
    if array.ndim == 1 or (array.ndim == 2 and array.dtype.kind == "f" and array.shape[1] == at.rows.dim):
        return Question(vectors(array[None] if array.ndim == 1 else array, at.rows.dim, maker))
    return Question(encode(array))


def is_file(query: str) -> bool:
    try:
        return Path(query).exists()
    except (OSError, ValueError):  # too long for a name, or with a zero character
        return False


def _said(texts: list[str], encode: Callable[[Any], np.ndarray]) -> np.ndarray:
    found = encode(texts)
    silent = np.flatnonzero(~found.any(1))
    if len(silent):
        what = texts[silent[0]] if len(found) == len(texts) else "a part of the query"
        raise OptionError(f"no word of {what!r} is known to the encoder", "Ask in other words.")
    return found


def vectors(given: Any, dim: int, maker: str, ids: Sequence[str] | None = None) -> np.ndarray:
    """(n, D) float32, finite and of the space's dimension."""
    array = np.asarray(given)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise OptionError(
            f"vectors of shape {array.shape} and type {array.dtype}", "Expected numbers (n, D)."
        )
    if array.shape[1] != dim:
        raise EncoderMismatch(
            f"vectors of an encoder with {array.shape[1]} dimensions meet a space of {maker} with {dim}",
            "Use the encoder that the space was made with (space.encode), or create another space.",
        )
    if ids is not None and len(ids) != len(array):
        raise OptionError(f"{len(ids)} ids for {len(array)} vectors", "Give one id for each vector.")
    if array.dtype != np.float32 or not array.flags.c_contiguous:
        with np.errstate(over="ignore"):  # what does not fit becomes inf, and is told below
            array = np.ascontiguousarray(array, np.float32)
    if not math.isfinite(np.vdot(array, array)) and not np.isfinite(array).all():  # the first is quicker
        bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
        first = f"number {bad[0]}" if ids is None else repr(ids[bad[0]])
        raise DataError(
            f"{len(bad)} of {len(array)} vectors hold NaN or inf, the first is {first}",
            "Leave these out, or find out what the encoder made of them.",
        )
    return array
