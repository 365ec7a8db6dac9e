"""Text: files, folders, tables or lists of it, in whatever packing -> one text a sample, kept beside memory.

Legend: n samples, B batch.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from ..console import progress, say
from ..errors import DataError, OptionError, UnreadableSample
from ._base import Json, Skipped, Source, Views, left_out, named
from ._reading.tables import beside
from ._text import files, rows
from ._text.files import Found
from ._text.halves import halves
from ._text.parting import BY, chunks, parts, told
from ._text.store import Store

LONGEST = 2000  # letters in a sample: some 300 words, about what a sentence encoder reads


class Text(Source):
    """Texts with their ids; the column `text` of the metadata holds them too, so that a search shows them."""

    def __init__(
        self,
        texts: Sequence[str] | pa.Array[Any],
        ids: Sequence[str],
        *,
        columns: pa.Table | None = None,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
        found_at: str | None = None,  # the folder, file or pattern that they were read from
    ) -> None:
        kept: Any = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
        self.texts: pa.Array[Any] = kept
        self.ids = ids
        self.columns = columns
        self.skipped = skipped
        self.found_at = found_at
        self._reading = dict(reading or {})

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "text", **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, i: int) -> str:
        return str(self.texts[i])

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> list[str]:
        found: Any = self.texts.take(pa.array(rows))
        return [str(t) for t in found.to_pylist()]

    def metadata(self) -> pa.Table:
        return beside(pa.table({"text": self.texts}), self.columns, "own_") or pa.table({})

    def views(self) -> Views:
        """Two halves of each text: they tell of the same in other words."""
        return halves


def text(
    data: Any,
    *,
    by: str = "auto",
    column: str | None = None,
    encoding: str | None = None,
    longest: int = LONGEST,
    strict: bool = False,
) -> Text:
    """Texts from a folder, file, pattern, table or list of them; .gz, .bz2, .xz and .zst are unpacked.

    by        what a sample is: file, paragraph or line (auto: a file of a folder; of a single file a
              paragraph where blank lines part them, else a line). A row of a table is a sample
    column    the column or field with the text (default: `text`, or what is clearly it); the others are kept
              as metadata, and `id` as the id
    encoding  of the files (default: UTF-8, or what their first bytes say); what is wrong in it is repaired
    longest   letters; longer samples are cut into chunks with the ids `doc#1`, `doc#2`, ...
    strict    stop at the first file that cannot be read instead of leaving it out
    """
    _check(by, encoding, longest)
    reader = _Reader(by, column, encoding, longest, strict)
    with closing(reader.store):
        if isinstance(data, str | os.PathLike) or _are_paths(data):
            reader.paths(data)
        else:
            reader.given(data)
        return reader.made(os.fspath(data) if isinstance(data, str | os.PathLike) else None)


def _check(by: str, encoding: str | None, longest: int) -> None:
    if by not in ("auto", *BY):
        raise OptionError(f"by is {by!r}", f"Give auto, {', '.join(BY)}.")
    if not isinstance(longest, int) or longest < 2:
        raise OptionError(f"longest is {longest!r}", "Give a number of letters, 2 or more.")
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
    except LookupError as e:
        raise OptionError(str(e), "Give one that Python knows: utf-8, latin-1, cp1252, ...") from e


def _are_paths(data: Any) -> bool:
    return isinstance(data, list | tuple) and bool(data) and all(isinstance(d, Path) for d in data)


class _Reader:
    """Goes through what was given, once, and stores the samples met."""

    def __init__(self, by: str, column: str | None, encoding: str | None, longest: int, strict: bool) -> None:
        self.by, self.column, self.encoding, self.longest, self.strict = by, column, encoding, longest, strict
        self.store = Store()
        self.tables: list[pa.Table | int] = []  # metadata; a number: so many rows without any
        self.rows = 0  # of the metadata
        self.skipped: list[Skipped] = []

    def paths(self, data: Any) -> None:
        if isinstance(data, str | os.PathLike):
            found, others = files.found(data)
            alone = os.path.isfile(data)
        else:
            found, others, alone = [Found(str(p), p.as_posix()) for p in data], None, False
        if not found:
            met = ", ".join(f"{n:,} {kind}" for kind, n in (others or {}).items()) or "nothing"
            do = f"Looked for {', '.join(files.KINDS)}, packed or not; met {met}."
            raise DataError(f"no text in {data}", do)
        if others:
            met = ", ".join(f"{n:,} {kind}" for kind, n in others.most_common(5))
            say(f"Passed over, being no text: {met}.")
        if self.by == "auto":
            self.by = self._guessed(found[0]) if alone else "file"
        with progress("reading", len(found)) as bar:
            for one in found:
                self._file(one)
                bar.advance()

    def given(self, data: Any) -> None:
        """Texts, or a table of them, in memory."""
        self.store.names.append("")
        if isinstance(data, pa.Table):
            self._take(*rows.of_table(data, self.column), 0)
            return
        texts: Any = data.to_pylist() if isinstance(data, pa.Array | pa.ChunkedArray) else data
        if isinstance(texts, bytes) or not isinstance(texts, Iterable):
            do = "Give a folder, a file, a pattern, a table or a list of texts."
            raise DataError(f"a {type(data).__name__} cannot be read as text", do)
        for i, one in enumerate(texts):
            if not isinstance(one, str):
                raise DataError(f"number {i} is a {type(one).__name__}; expected text")
            self.store.own.append(str(i))
            self._sample(one, 0, i)

    def made(self, found_at: str | None) -> Text:
        store = self.store
        self._report(found_at or "what was given")
        reading: dict[str, Json] = {"by": self.by if self.by != "auto" else "line"}
        reading |= {} if self.column is None else {"column": self.column}
        reading |= {} if self.encoding is None else {"encoding": self.encoding}
        reading |= {} if self.longest == LONGEST else {"longest": self.longest}
        return Text(
            store.texts(),
            store.ids(),
            columns=self._columns(),
            reading=reading,
            skipped=self.skipped,
            found_at=found_at,
        )

    def _guessed(self, one: Found) -> str:
        if one.kind in (*files.LINES, *files.SEPARATED, *files.PARQUET):
            return "line"
        try:
            with files.opened(one.path, self.encoding) as stream:
                return told(stream)
        except (UnreadableSample, *files.BROKEN):
            return "line"  # the reason is told when it is read

    def _file(self, one: Found) -> None:
        self.store.names.append(one.id)
        before = len(self.store)
        try:
            if one.kind in files.KINDS and one.kind not in files.PLAIN:
                first = self.rows
                for texts, others in rows.rows(one.path, self.column, self.encoding):
                    self._take(texts, others, first)
            else:
                with files.opened(one.path, self.encoding) as stream:
                    self._plain(stream)
            why = "" if len(self.store) > before else "it holds no text"
        except (UnreadableSample, *files.BROKEN) as e:
            why = str(e) or "it is cut short"
        if why and self.strict:
            raise UnreadableSample(f"{one.path} cannot be read: {why}", "Without strict it is left out.")
        if why:
            kept = len(self.store) - before
            self.skipped.append(Skipped(one.id, why + (f" (after {kept:,} samples)" if kept else "")))

    def _plain(self, stream: IO[str]) -> None:
        for place, pieces in parts(stream, self.by):
            for number, chunk in chunks(pieces, self.longest):
                self.store.add(chunk, place, number)

    def _take(self, texts: list[str | None], others: pa.Table | None, first: int) -> None:
        """Rows of a table; `first`: of the metadata, the row that its file begins with."""
        own: list[Any] = [None] * len(texts)
        if others is not None and "id" in others.column_names:
            own = others["id"].to_pylist()
            others = others.drop_columns(["id"])
        self.store.own += [None if i is None or i == "" else str(i) for i in own]
        self.tables.append(len(texts) if others is None else others)
        for row, one in enumerate(texts, self.rows):
            if one is not None:
                self._sample(one, row - first + 1, row)
        self.rows += len(texts)

    def _sample(self, one: str, place: int, row: int) -> None:
        for number, chunk in chunks((one,), self.longest):
            self.store.add(chunk, place, number, row)

    def _columns(self) -> pa.Table | None:
        tables = [t for t in self.tables if isinstance(t, pa.Table)]
        if not tables:
            return None
        whole = pa.concat_tables(
            [pa.table({"": pa.nulls(t)}) if isinstance(t, int) else t for t in self.tables],
            promote_options="permissive",
        )
        taken = np.frombuffer(self.store.rows, "q")
        rows = pa.array(taken, mask=taken < 0)
        return whole.select([n for n in whole.column_names if n]).take(rows)

    def _report(self, what: str) -> None:
        if not len(self.store):
            why = f": {named(self.skipped)}" if self.skipped else ""
            raise DataError(f"no text in {what}{why}", "Give some.")
        if self.skipped:
            say(left_out(self.skipped, "files"))
        if self.store.repaired:
            do = "Give their encoding if they have another."
            say(f"{self.store.repaired:,} samples held bytes that are no UTF-8; each is now a �. {do}")
