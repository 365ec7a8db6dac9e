"""Word vectors as others write them: word2vec text and binary, GloVe text, fastText text and .bin.

Nothing is believed: sizes are held against the file's own before room is made for them.

Legend: V words, D dimensions.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ...errors import DataError

MAGIC, VERSIONS = 793712314, (11, 12)  # of fastText's .bin
LINE = 1 << 20  # bytes; no word with its numbers is longer
BLOCK = 1 << 14  # words turned into an array at a time


class Read(NamedTuple):
    words: list[str]
    vectors: np.ndarray  # (V, D) float32; of fastText's .bin each word's own row, before its pieces
    counts: np.ndarray  # (V,) int64; 0: not known
    pieces: np.ndarray | None = None  # (buckets, D)
    shortest: int = 0
    longest: int = 0


def read(path: Path) -> Read:
    """Which of the formats it is, its first bytes tell."""
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == struct.pack("<i", MAGIC):
            return _fasttext(file, path)
        first = _line(file, path)
        header = _header(first)
        if header is None:
            file.seek(0)
            return _text(file, path, None, len(first.split()) - 1)
        V, D = header
        if os.fstat(file.fileno()).st_size < V * D * 2:
            raise _damaged(path, f"it says that it holds {V:,} words of {D:,} numbers, and is too small")
        at = file.tell()
        text = _is_text(file.readline(LINE), D)
        file.seek(at)
        return _text(file, path, V, D) if text else _binary(file, path, V, D)


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} cannot be read: {why}",
        "Expected word2vec's text or binary form, GloVe's text, or fastText's .vec or .bin; unpacked.",
    )


def _line(file: IO[bytes], path: Path) -> bytes:
    line = file.readline(LINE)
    if len(line) == LINE or not line.strip():
        raise _damaged(path, "it begins with no line of text" if line.strip() else "it is empty")
    return line


def _header(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    if len(fields) != 2 or not all(f.isdigit() and len(f) < 12 for f in fields):
        return None
    V, D = map(int, fields)
    return (V, D) if V and D else None


def _is_text(line: bytes, D: int) -> bool:
    try:
        return len([float(f) for f in line.split()[-D:]]) == D
    except ValueError:
        return False


def _text(file: IO[bytes], path: Path, V: int | None, D: int) -> Read:
    """A word may hold spaces: the last D fields are numbers."""
    if D < 1:
        raise _damaged(path, "its first line is no word with numbers")
    words, blocks, some = list[str](), list[np.ndarray](), list[list[bytes]]()
    for number, line in enumerate(iter(lambda: file.readline(LINE), b""), 1 if V is None else 2):
        if not line.strip():
            continue
        fields = line.rstrip().rsplit(None, D)
        if len(fields) != D + 1:
            raise _damaged(path, f"line {number} has {len(fields) - 1} numbers, expected {D}")
        words.append(_decoded(fields[0]))
        some.append(fields[1:])
        if len(some) == BLOCK:
            blocks.append(_numbers(some, path, number))
            some = []
    blocks.append(_numbers(some, path, len(words) + (V is not None)).reshape(-1, D))
    if V is not None and len(words) != V:
        raise _damaged(path, f"it holds {len(words):,} words; its first line says {V:,}")
    return Read(words, np.concatenate(blocks), np.zeros(len(words), np.int64))


def _numbers(fields: list[list[bytes]], path: Path, number: int) -> np.ndarray:
    try:
        return np.array(fields, np.bytes_).astype(np.float32)
    except ValueError as e:
        raise _damaged(path, f"{e}, somewhere in the {len(fields):,} lines up to {number:,}") from e


def _decoded(word: bytes) -> str:
    return word.decode("utf-8", "replace").replace("\0", "�")


def _binary(file: IO[bytes], path: Path, V: int, D: int) -> Read:
    left = os.fstat(file.fileno()).st_size - file.tell()
    if left < V * (4 * D + 1):
        raise _damaged(path, f"it ends before {V:,} words of {D:,} numbers")
    words, vectors = list[str](), np.empty((V, D), np.float32)
    for i in range(V):
        words.append(_decoded(_until(file, b" ", path).lstrip(b"\n")))
        vectors[i] = np.frombuffer(_exactly(file, 4 * D, path), "<f4")
    return Read(words, vectors, np.zeros(V, np.int64))


def _until(file: IO[bytes], mark: bytes, path: Path) -> bytes:
    found = bytearray()
    while (letter := file.read(1)) != mark:
        found += letter
        if not letter or len(found) > LINE:
            raise _damaged(path, "a word does not end")
    return bytes(found)


def _exactly(file: IO[bytes], n: int, path: Path) -> bytes:
    found = file.read(n)
    if len(found) < n:
        raise _damaged(path, "it is cut short")
    return found


def _fasttext(file: IO[bytes], path: Path) -> Read:
    """fastText's src/args.cc, dictionary.cc and densematrix.cc say what stands where."""
    _, version = struct.unpack("<2i", _exactly(file, 8, path))
    dim, *_, buckets, shortest, longest, _, _ = struct.unpack("<12id", _exactly(file, 56, path))
    _, V, labels, _, pruned = struct.unpack("<3i2q", _exactly(file, 28, path))
    if version not in VERSIONS or min(dim, V, labels + 1, buckets + 1, shortest + 1, longest + 1) < 1:
        raise _damaged(path, f"version {version}, {V:,} words of {dim:,} numbers")
    buckets = buckets if longest else 0
    if buckets and not 1 <= shortest <= longest:
        raise _damaged(path, f"pieces of {shortest} to {longest} letters")
    entries = [_entry(file, path) for _ in range(V + labels)][:V]
    quantised = _exactly(file, 1, path) != b"\0"
    if quantised or pruned > 0:
        raise DataError(f"{path} is a quantised model", "Give the one it was made of, whose rows are whole.")
    rows, columns = struct.unpack("<2q", _exactly(file, 16, path))
    left = os.fstat(file.fileno()).st_size - file.tell()
    if columns != dim or rows != V + buckets or rows * columns * 4 > left:
        raise _damaged(path, f"a matrix of {rows:,} x {columns:,} for {V:,} words and {buckets:,} pieces")
    matrix = np.fromfile(file, "<f4", rows * columns).reshape(rows, columns)
    words, counts = [w for w, _ in entries], np.array([n for _, n in entries], np.int64)
    return Read(words, matrix[:V], counts, matrix[V:] if buckets else None, shortest, longest)


def _entry(file: IO[bytes], path: Path) -> tuple[str, int]:
    word = _decoded(_until(file, b"\0", path))
    count, _ = struct.unpack("<qb", _exactly(file, 9, path))
    return word, count


def text(words: list[str], vectors: np.ndarray, *, header: bool) -> Iterator[bytes]:
    """word2vec's text, or GloVe's without its header. Nine digits tell one float from the next."""
    if header:
        yield f"{len(words)} {vectors.shape[1]}\n".encode()
    for word, vector in zip(words, vectors):
        yield f"{word} {' '.join(f'{v:.9g}' for v in vector)}\n".encode()


def binary(words: list[str], vectors: np.ndarray) -> Iterator[bytes]:
    yield f"{len(words)} {vectors.shape[1]}\n".encode()
    for word, vector in zip(words, vectors):
        yield word.encode() + b" " + vector.astype("<f4").tobytes() + b"\n"


def fasttext(model: Read) -> Iterator[bytes]:
    """A skip-gram model for vectors: the weights that foretell, which vectors do not need, are zeros."""
    V, D = model.vectors.shape
    buckets = 0 if model.pieces is None else len(model.pieces)
    window, epochs, least, negative, grams, loss, kind, rate, sample = 5, 5, 1, 5, 1, 2, 2, 100, 1e-4
    numbers = (D, window, epochs, least, negative, grams, loss, kind, buckets)
    yield struct.pack("<2i", MAGIC, VERSIONS[-1])
    yield struct.pack("<12id", *numbers, model.shortest, model.longest, rate, sample)
    yield struct.pack("<3i2q", V, V, 0, int(model.counts.sum()), -1)
    for word, count in zip(model.words, model.counts):
        yield word.encode() + b"\0" + struct.pack("<qb", int(count), 0)
    yield struct.pack("<?2q", False, V + buckets, D)
    yield model.vectors.astype("<f4").tobytes()
    yield b"" if model.pieces is None else model.pieces.astype("<f4").tobytes()
    yield struct.pack("<?2q", False, V, D)
    for _ in range(V):
        yield bytes(4 * D)
