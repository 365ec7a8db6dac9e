"""A stream of letters parted into samples: files, paragraphs or lines, and long ones into chunks.

Whatever comes, only a few pieces of it are in memory at a time: a line may be longer than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, TypeAlias

BY = ("file", "paragraph", "line")
PIECE = 1 << 16  # letters read at a time
LOOK = 1 << 20  # letters by which it is told whether a file has paragraphs

Part: TypeAlias = tuple[int, Iterable[str]]  # the number of its first line (0: a whole file), and its pieces


def parts(stream: IO[str], by: str) -> Iterator[Part]:
    """The samples in their order. The pieces of each are to be taken before the next is asked for."""
    if by == "file":
        yield 0, iter(lambda: stream.read(PIECE), "")
    else:
        yield from _Lines(stream).lines() if by == "line" else _Lines(stream).paragraphs()


def told(stream: IO[str]) -> str:
    """Paragraphs where at least one blank line in twenty parts them, else lines."""
    lines = stream.read(LOOK).split("\n")
    blank = sum(not line.strip() for line in lines[:-1])
    return "paragraph" if blank * 20 >= len(lines) > 2 else "line"


class _Lines:
    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.number = 0

    def lines(self) -> Iterator[Part]:
        while first := self._next():
            yield self.number, self._line(first)

    def paragraphs(self) -> Iterator[Part]:
        while first := self._next():
            if first.strip() or not first.endswith("\n"):
                yield self.number, self._paragraph(first)

    def _next(self) -> str:
        self.number += 1
        return self.stream.readline(PIECE)

    def _line(self, first: str) -> Iterable[str]:
        return (first,) if first.endswith("\n") else self._long(first)

    def _long(self, piece: str) -> Iterator[str]:
        while piece:
            yield piece
            piece = "" if piece.endswith("\n") else self.stream.readline(PIECE)

    def _paragraph(self, line: str) -> Iterator[str]:
        while line:
            yield from self._line(line)
            line = self._next()
            if line.endswith("\n") and not line.strip():
                return


def chunks(pieces: Iterable[str], longest: int) -> Iterator[tuple[int, str]]:
    """One sample in chunks of at most so many letters, counted from 1; 0 where it is one and whole."""
    held, number = "", 0
    for piece in pieces:
        held, start = held + piece, 0
        while len(held) - start > longest:
            end = _end(held, start, longest)
            text = held[start:end].strip()
            if text:
                number += 1
                yield number, text
            start = end
        held = held[start:]
    text = held.strip()
    if text:
        yield number and number + 1, text


def _end(held: str, start: int, longest: int) -> int:
    """Where a chunk ends best: after a paragraph, a line, a sentence, a word."""
    for mark in ("\n\n", "\n", ". ", " "):
        at = held.rfind(mark, start + longest // 2, start + longest)
        if at >= 0:
            return at + len(mark)
    return start + longest
