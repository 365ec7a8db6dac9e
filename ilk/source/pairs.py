"""Pairs: pictures, each with the words that describe it -> (picture, caption), read as either is alone.

Pairs of anything else are interactions: see there.

Legend: n pairs, B batch, C channels, H x W pixels.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from torch import Tensor

from ..console import say
from ..errors import DataError, UnknownName
from ._base import Json, Skipped, Source, Views, left_out
from ._reading.tables import beside
from .images import Images, images
from .interactions import Interactions, interactions
from .text import Text, text

NAMES = ("caption", "text", "title", "description", "txt")  # of the column with the captions
BESIDE = ".txt"  # of the file beside a picture that holds its caption
SHARDS = "txt"  # the column that such a file in a shard becomes


class Pairs(Source):
    """Pictures and their captions; a sample is (picture, caption), a batch (pictures, list of captions)."""

    def __init__(
        self,
        pictures: Images,
        captions: Text,
        *,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        if len(pictures) != len(captions):
            raise DataError(
                f"{len(pictures):,} pictures and {len(captions):,} captions", "Give one for each."
            )
        self.pictures, self.captions, self.skipped = pictures, captions, skipped
        self.found_at = pictures.found_at
        self._reading = dict(reading or {})

    @property
    def reading(self) -> dict[str, Json]:
        return {**self.pictures.reading, **self._reading, "reader": "pairs"}

    @property
    def traits(self) -> dict[str, Any]:
        """Of the pictures; not how views change them: captions tell of colours and sides."""
        return {name: self.pictures.traits[name] for name in ("channels", "size")}

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, i: int) -> tuple[Tensor, str]:  # (C, H, W), caption
        return self.pictures[i], self.captions[i]

    def id(self, i: int) -> str:
        return self.pictures.id(i)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, list[str]]:  # (B, C, H, W), (B,)
        return self.pictures.batch(rows), self.captions.batch(rows)

    def metadata(self) -> pa.Table | None:
        return self.pictures.metadata()

    def views(self) -> Views:
        """The picture and the caption: what is to be alike."""
        return tuple

    def picture(self, i: int) -> bytes:
        return self.pictures.picture(i)

    def take(self, rows: np.ndarray) -> Pairs:
        """Those at `rows`, in that order."""
        rows = np.asarray(rows)
        return Pairs(
            self.pictures.take(rows),
            Text(self.captions.batch(rows), [self.captions.id(int(r)) for r in rows]),
            reading=self._reading,
            skipped=self.skipped,
        )


@overload
def pairs(data: Any, *, caption: str | None = ..., strict: bool = ..., **options: Any) -> Pairs: ...
@overload
def pairs(data: Any, *, user: str, item: str, strict: bool = ..., **options: Any) -> Interactions: ...
@overload
def pairs(data: Any, *, users: Any, items: Any, strict: bool = ..., **options: Any) -> Interactions: ...


def pairs(data: Any, *, caption: str | None = None, strict: bool = False, **options: Any) -> Source:
    """Pictures with captions: a table (CSV, parquet) with a column of each, webdataset shards, or a folder
    of pictures where the caption of `a.png` is in `a.txt`. Or who chose what, and any two columns that belong
    together: with `users` and `items`, or `user` and `item` named (see `ilk.interactions`).

    caption  the column with the captions (default: caption, text, title, description or txt)
    strict   stop at the first picture without a caption, or that cannot be read, instead of leaving it out
    options  more of `ilk.images`: size, channels, ...

    A half whose other is missing is left out and told in `skipped`.
    """
    if caption is None and {"users", "items", "user", "item"} & options.keys():
        return interactions(data, strict=strict, **options)
    found = images(data, strict=strict, **options)
    words, lonely = _words(found, data, caption)
    has = np.array([w is not None and bool(w.strip()) for w in words])
    alone = [Skipped(found.id(int(i)), "it has no caption") for i in np.flatnonzero(~has)] + lonely
    if alone and strict:
        raise DataError(f"{alone[0].id}: {alone[0].why}", "Without strict it is left out.")
    if not has.any():
        raise DataError(f"none of {len(found):,} pictures has a caption", _WHERE)
    rows = np.flatnonzero(has)
    kept = found if len(rows) == len(found) else found.take(rows)
    captions = Text([str(words[i]).strip() for i in rows], [kept.id(i) for i in range(len(rows))])
    _report(alone, captions)
    return Pairs(
        kept,
        captions,
        reading={} if caption is None else {"caption": caption},
        skipped=[*found.skipped, *alone],
    )


_WHERE = (
    f"Give a table with a column called one of {', '.join(NAMES)} (or name it: caption=...), "
    f"shards, or a folder with a {BESIDE} file of the same name beside each picture."
)


def caption_of(names: Sequence[str]) -> str | None:
    """The column that is called like one of captions."""
    return next((n for want in NAMES for n in names if n.lower() == want), None)


def _words(found: Images, data: Any, wished: str | None) -> tuple[list[str | None], list[Skipped]]:
    """The caption of each picture, from its column or the file beside it; files that lie beside none."""
    columns = found.metadata()
    names = [] if columns is None else columns.column_names
    if wished is not None and wished not in names:
        raise UnknownName("column of captions", wished, names)
    name = wished or caption_of(names)
    if columns is not None and name is not None:
        words: Any = columns[name].cast(pa.string())
        if wished is None and SHARDS in names:  # of shards some may say it in JSON, some in a file of text
            words = pc.coalesce(words, columns[SHARDS])
            found.columns = columns.set_column(names.index(name), name, words)
        return words.to_pylist(), []
    if not isinstance(data, str | os.PathLike) or not os.path.isdir(data):
        raise DataError(f"no captions among {', '.join(names) or 'no columns'}", _WHERE)
    return _beside(found, data)


def _beside(found: Images, folder: str | os.PathLike[str]) -> tuple[list[str | None], list[Skipped]]:
    files = sorted(Path(folder).rglob(f"*{BESIDE}"))
    if not files:
        raise DataError(f"no captions in {folder}", _WHERE)
    known = {path.relative_to(folder).with_suffix("").as_posix(): said for path, said in _said(files).items()}
    stems = [os.path.splitext(found.id(i))[0] for i in range(len(found))]
    words = [known.get(stem) for stem in stems]
    found.columns = beside(found.columns, pa.table({"caption": pa.array(words, pa.string())}), "own_")
    lonely = sorted(known.keys() - {*stems})
    return words, [Skipped(stem + BESIDE, "there is no picture of that name") for stem in lonely]


def _said(files: list[Path]) -> dict[Path, str]:
    """What each file says, of those that say something."""
    try:
        read = text(files, by="file", longest=sys.maxsize)
    except DataError:  # not one of them does
        return {}
    return {Path(read.id(i)): read[i] for i in range(len(read))}


def _report(alone: Sequence[Skipped], captions: Text) -> None:
    if alone:
        say(left_out(alone, "halves"))
    twice = sum(n for n in Counter(captions.batch(np.arange(len(captions)))).values() if n > 1)
    if twice:
        say(f"{twice:,} pairs share their caption with others; these are not told from each other.")
