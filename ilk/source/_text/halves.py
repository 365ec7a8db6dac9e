"""A text in two halves: what the one tells, the other goes on with, in other words."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_WORD = re.compile(r"\s+")


def halves(batch: list[str]) -> tuple[list[str], list[str]]:
    """Parted at the end of the sentence nearest the middle; at a word where there is none near it."""
    pairs = [_parted(text) for text in batch]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _parted(text: str) -> tuple[str, str]:
    middle = len(text) / 2
    for mark, near in ((_SENTENCE, 0.25), (_WORD, 1.0)):
        ends = [m for m in mark.finditer(text) if abs(m.start() - middle) <= near * len(text)]
        if ends:
            best = min(ends, key=lambda m: abs(m.start() - middle))
            return text[: best.start()], text[best.end() :]
    return text[: len(text) // 2] or text, text[len(text) // 2 :] or text
