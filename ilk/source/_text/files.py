"""Files of text: which they are, and their letters one piece after the other, whatever packs them."""

from __future__ import annotations

import bz2
import codecs
import glob
import gzip
import io
import lzma
import os
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from ...errors import DataError, UnreadableSample
from .._reading.file import readable

PLAIN = (  # read as they are
    *(".txt", ".text", ".md", ".markdown", ".rst", ".adoc", ".org", ".tex", ".log", ".srt", ".vtt"),
    *(".py", ".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".js", ".ts", ".go", ".rs", ".sh", ".sql", ".r"),
)
LINES = (".jsonl", ".ndjson")
SEPARATED = (".csv", ".tsv")
PARQUET = (".parquet", ".pq")
KINDS = (*PLAIN, *LINES, *SEPARATED, *PARQUET)
PACKED: dict[str, Callable[[str], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path: pa.CompressedInputStream(pa.OSFile(path, "r"), "zstd"),
}
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, pa.ArrowException)  # cut short, or packed otherwise
MARKS = {  # the first bytes of a file that says its own encoding; the longer mark first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
HEAD = 8192  # bytes that tell whether a file is text
NO_TEXT = 0.3  # share of bytes that are no UTF-8, from which on a file is not taken for text


@dataclass(frozen=True)
class Found:
    """One file, and what its samples are called by."""

    path: str
    id: str

    @property
    def kind(self) -> str:
        return kind_of(self.path)


def kind_of(path: str) -> str:
    """The ending that says how a file is read, that of the packing left away."""
    stem, ending = os.path.splitext(path.lower())
    return os.path.splitext(stem)[1] if ending in PACKED else ending


def found(data: str | os.PathLike[str]) -> tuple[list[Found], Counter[str]]:
    """The files of text in a folder, of a pattern, or the one file; and the endings of those passed over."""
    path = os.fspath(data)
    if os.path.isdir(path):
        return _of_folder(path)
    if os.path.isfile(path):
        return [Found(path, readable(os.path.basename(path)))], Counter()
    if not glob.has_magic(path):
        do = "Give a folder, a file, a pattern ('docs/*.md') or a list of texts."
        raise DataError(f"there is no {path}", do)
    paths = sorted(p for p in glob.glob(path, recursive=True) if os.path.isfile(p))
    if not paths:
        raise DataError(f"no file matches {path!r}", f"Looked from {os.getcwd()}. ** goes through folders.")
    fixed = path[: next(i for i, c in enumerate(path) if c in "*?[")]
    root = os.path.dirname(fixed) or "."
    return [Found(p, readable(Path(os.path.relpath(p, root)).as_posix())) for p in paths], Counter()


def _of_folder(root: str) -> tuple[list[Found], Counter[str]]:
    files: list[Found] = []
    others: Counter[str] = Counter()
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(n for n in inside if not n.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            path = os.path.join(folder, name)
            if kind_of(name) in (*KINDS, ""):
                files.append(Found(path, readable(Path(os.path.relpath(path, root)).as_posix())))
            else:
                others[kind_of(name)] += 1
    return files, others


def unpacked(path: str) -> IO[bytes]:
    """The bytes of a file, unpacked on the way."""
    opener = PACKED.get(os.path.splitext(path.lower())[1])
    return open(path, "rb") if opener is None else io.BufferedReader(opener(path))


def opened(path: str, encoding: str | None) -> IO[str]:
    """The letters of a file; bytes that mean none become lone surrogates, which the store repairs."""
    stream = unpacked(path)
    try:
        found = encoding or _encoding(stream.read(HEAD))
        stream.seek(0)
    except io.UnsupportedOperation:  # what pyarrow unpacks goes one way
        stream.close()
        stream = unpacked(path)
    except BaseException:
        stream.close()
        raise
    errors = "surrogateescape" if found.startswith("utf-8") else "replace"
    return io.TextIOWrapper(stream, found, errors)


def _encoding(head: bytes) -> str:
    """By the mark at its beginning, else UTF-8."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if head.startswith(b"%PDF"):
        raise UnreadableSample("a PDF, which is no plain text (pdftotext makes it such)")
    if b"\0" in head:
        raise UnreadableSample("binary data, not text")
    wrong = sum("\udc80" <= c <= "\udcff" for c in head.decode("utf-8", "surrogateescape"))
    if wrong > NO_TEXT * len(head):
        raise UnreadableSample("neither UTF-8 nor marked as anything else: its encoding must be given")
    return "utf-8"
