"""Decoded once: pictures of one form in one memory-mapped array, and a record of which file gave which.

A folder holds `pixels.raw` (rows of equal size, only ever appended to) and `index-*.arrow`: what the rows
are, a segment for every few seconds of work. Pixels are on the disk before the segment that names them, and a
segment appears whole by rename, so an interruption at any moment leaves all segments true; what lies
behind the last named row is overwritten by the next run. A segment that does not fit its pixels means
damage, and the folder is made anew.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from .. import files
from ..console import say
from ..errors import DataError, FormatError
from ._reading.file import Item
from ._reading.prepare import Form

FORMAT = 1
WHOLE, END = -1, -2  # parts: the file is one picture; no more parts follow
EXTRA = "+"  # before the names of columns that came with the pixels
SECONDS, BYTES = 2.0, 2**26  # of work between two segments, at most
CHECKED = (
    2**29
)  # bytes whose checksums are compared at the start; of larger ones the last are: cut files end early


class Entry(NamedTuple):
    name: str
    size: int
    mtime: int
    part: int
    row: int  # -1: none, it cannot be read
    why: str


SCHEMA: pa.Schema = pa.schema(
    [
        ("name", pa.string()),
        ("size", pa.int64()),
        ("mtime", pa.int64()),
        ("part", pa.int32()),
        ("row", pa.int64()),
        ("why", pa.string()),
    ]  # type: ignore[arg-type]
)


def folder() -> Path:
    """Where decoded pictures are kept: ILK_CACHE, or the user's cache folder. Safe to delete."""
    if given := os.environ.get("ILK_CACHE"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ilk"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ilk"


def place(root: str, form: Form, options: dict[str, Any]) -> Path:
    """The folder for pictures below `root`, decoded in this way."""
    key = json.dumps([FORMAT, root, form.shape, form.dtype, options], sort_keys=True)
    return folder() / "images" / hashlib.sha256(os.fsencode(key)).hexdigest()[:16]


class Store:
    """The cache folder while it is being filled; `opened` gives one."""

    def __init__(self, path: Path, form: Form) -> None:
        self.path, self.form = path, form
        self.row_bytes = int(np.prod(form.shape)) * np.dtype(form.dtype).itemsize
        self.segments = self._segments()
        self.rows = self.first = _stop(self.segments)  # rows written; the first of them not yet in a segment
        self.crc = 0  # of the rows from `first` on
        self.fresh: list[Entry] = []
        self.extra: list[pa.Table] = []
        self.committed = time.monotonic()
        self._look_up()
        path.mkdir(parents=True, exist_ok=True)
        self.raw = open(path / "pixels.raw", "ab", buffering=0)  # noqa: SIM115 (`opened` closes it)
        if self.raw.tell() > self.rows * self.row_bytes:  # begun, never named
            self.raw.truncate(self.rows * self.row_bytes)

    def _segments(self) -> list[pa.Table]:
        found, first = [], 0
        raw = self.path / "pixels.raw"
        try:
            for path in sorted(self.path.glob("index-*.arrow")):
                segment = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
                if segment.schema.metadata[b"first"] != str(first).encode():
                    raise ValueError("a segment is missing")
                found.append(segment)
                first = _stop(found)
            if first * self.row_bytes > (raw.stat().st_size if first else 0):
                raise ValueError("pixels are missing")
            self._check(found, first)
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as e:
            raise FormatError(
                f"the cache in {self.path} is damaged: {e}", "Delete it: it is made again."
            ) from e
        return found

    def _check(self, segments: list[pa.Table], rows: int) -> None:
        with open(self.path / "pixels.raw", "rb") if rows else open(os.devnull, "rb") as raw:
            for segment in reversed(segments):
                first, stop, crc = (int(segment.schema.metadata[k]) for k in (b"first", b"stop", b"crc"))
                if (rows - first) * self.row_bytes > CHECKED and stop < rows:
                    return
                raw.seek(first * self.row_bytes)
                found = 0
                for low in range(first, stop, step := max(1, 2**24 // self.row_bytes)):
                    found = zlib.crc32(raw.read((min(low + step, stop) - low) * self.row_bytes), found)
                if found != crc:
                    raise ValueError(f"rows {first} to {stop} changed since they were written")

    def _look_up(self) -> None:
        """Names -> positions in the index, of the latest version of each file."""
        table = (
            pa.concat_tables([s.select(SCHEMA.names) for s in self.segments])
            if self.segments
            else SCHEMA.empty_table()
        )
        self.size, self.mtime, self.part, self.row = (
            table[c].to_numpy() for c in ("size", "mtime", "part", "row")
        )
        self.why = table["why"]
        self.index: dict[str, int | list[int]] = {}
        self.stale = 0
        position = 0
        for names in table["name"].chunks:
            for name in names.to_pylist():
                self._add(str(name), position)
                position += 1

    def _add(self, name: str, position: int) -> None:
        before = self.index.get(name)
        if before is not None:
            last = before if isinstance(before, int) else before[-1]
            if self.mtime[last] != self.mtime[position] or self.size[last] != self.size[position]:
                self.stale += 1 if isinstance(before, int) else len(before)
                before = None
        if self.part[position] == WHOLE and before is None:
            self.index[name] = position
        elif isinstance(before, list):
            before.append(position)
        else:
            self.index[name] = [position] if before is None else [before, position]

    def known(self, item: Item) -> list[Entry]:
        """What this file gave, if it has not changed since."""
        found = self.index.get(item.name)
        if found is None:
            return []
        positions = [found] if isinstance(found, int) else found
        if self.size[positions[0]] != item.size or self.mtime[positions[0]] != item.mtime:
            return []
        return [
            Entry(item.name, item.size, item.mtime, int(self.part[p]), int(self.row[p]), self.why[p].as_py())
            for p in positions
        ]

    def append(self, block: np.ndarray, extra: pa.Table | None, entries: list[Entry]) -> None:
        """`block` (b, C, S, S) and what is now known of some files; on disk at the next commit."""
        left = memoryview(block.tobytes())
        crc = zlib.crc32(left, self.crc)
        with files.room(self.path):
            try:
                while left:
                    left = left[self.raw.write(left) :]
            except OSError:  # the room of half a block is enough to name the whole ones before it
                with suppress(OSError):
                    self.raw.truncate(self.rows * self.row_bytes)
                raise
        self.fresh += entries
        self.extra += [] if extra is None else [extra]
        self.rows, self.crc = self.rows + len(block), crc
        if time.monotonic() - self.committed > SECONDS or (self.rows - self.first) * self.row_bytes > BYTES:
            self.commit()

    def commit(self) -> None:
        """What was appended is now kept, whatever happens next."""
        entries = [e for e in self.fresh if e.row < self.rows]
        if entries:
            with files.room(self.path):
                os.fsync(self.raw.fileno())
            segment = self._segment(entries)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, segment.schema) as writer:
                writer.write_table(segment)
            name = f"index-{len(self.segments):08d}.arrow"
            files.write(self.path / name, sink.getvalue().to_pybytes())
            self.segments.append(segment)
        self.first, self.crc, self.fresh, self.extra = self.rows, 0, [], []
        self.committed = time.monotonic()

    def _segment(self, entries: list[Entry]) -> pa.Table:
        segment = pa.table({n: [getattr(e, n) for e in entries] for n in SCHEMA.names}, SCHEMA)
        if self.extra:
            own = pa.array([e.row - self.first if e.row >= self.first else None for e in entries], pa.int64())
            more = pa.concat_tables(self.extra).take(own)
            for name in more.column_names:
                segment = segment.append_column(EXTRA + name, more[name])
        facts = {"first": self.first, "stop": self.rows, "crc": self.crc}
        return segment.replace_schema_metadata({k: str(v) for k, v in facts.items()})

    def pixels(self) -> np.ndarray:
        """All rows, (rows, C, S, S), memory-mapped."""
        if not self.rows:
            return np.zeros((0, *self.form.shape), self.form.dtype)
        return np.memmap(self.path / "pixels.raw", self.form.dtype, "r", shape=(self.rows, *self.form.shape))

    def columns(self) -> pa.Table | None:
        """What was given as `extra`, for each row."""
        parts = [s.filter(pa.array(s["row"].to_numpy() >= 0)) for s in self.segments]
        names = [n for s in parts[:1] for n in s.column_names if n.startswith(EXTRA)]
        parts = [s.select(names) for s in parts if len(s)]
        return (
            pa.concat_tables(parts).rename_columns([n[len(EXTRA) :] for n in names])
            if names and parts
            else None
        )


def _stop(segments: list[pa.Table]) -> int:
    return int(segments[-1].schema.metadata[b"stop"]) if segments else 0


@contextmanager
def opened(path: Path, form: Form) -> Iterator[Store]:
    """The cache in `path`, for one process at a time. What was appended is kept however the block ends."""
    try:
        with files.room(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".lock").touch()
    except (PermissionError, FileExistsError, NotADirectoryError) as e:
        raise DataError(
            f"decoded pictures cannot be kept in {path.parent}: {(e.strerror or str(e)).lower()}",
            "Set ILK_CACHE to a folder that may be written.",
        ) from e
    with _alone(path.with_suffix(".lock")):
        store = _sound(path, form)
        try:
            yield store
        finally:
            try:
                store.commit()
            finally:
                store.raw.close()


def _sound(path: Path, form: Form) -> Store:
    try:
        with files.room(path):
            store = Store(path, form)
        if store.stale * 2 <= store.rows:
            return store
        store.raw.close()
        say(f"most of the pictures in the cache {path} have changed: it is made anew")
    except FormatError as e:
        say(f"{e.what}: it is made anew")
    shutil.rmtree(path)  # who still maps the old pixels keeps them
    with files.room(path):
        return Store(path, form)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Other processes that fill the same cache wait, then find it filled."""
    if sys.platform == "win32":  # no flock; there two runs at once on one new folder are not supported
        yield
        return
    import fcntl

    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ilk decodes the same pictures: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as e:  # a network's file system may have no locks: as on Windows then
            if e.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
        yield
