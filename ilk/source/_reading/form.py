"""The one form for all pictures of a source, from the first few, where the person leaves it open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from ...console import say
from ...errors import MissingExtra, OptionError
from .. import formats
from .file import Item, Look
from .prepare import Form

ENOUGH, TRIED = 16, 256  # pictures looked at; files tried where many cannot be read
LARGEST, USUAL = 256, 64  # pixels a side: up to here a common size is kept; else this
WIDTH = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class Wish:
    """What the person said of the form; None: open."""

    size: int | None
    channels: int | None
    dtype: str | None
    fill: float | str | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        for name, value in (("size", self.size), ("channels", self.channels)):
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}; expected at least 1")
        if self.dtype is not None and self.dtype not in WIDTH:
            raise OptionError(f"dtype is {self.dtype!r}; expected one of {', '.join(WIDTH)}")
        number = isinstance(self.fill, int | float) and np.isfinite(self.fill)
        if not (self.fill is None or self.fill == "median" or number):
            raise OptionError(f"fill is {self.fill!r}; expected a number, or median")


def look_ahead(items: Iterator[Item], wish: Wish) -> tuple[list[Look], Iterator[Item]]:
    """The first readable pictures' looks, and all the items, from the first."""
    if None not in (wish.size, wish.channels, wish.dtype):
        return [], items
    looks: list[Look] = []
    seen: list[Item] = []
    for item in islice(items, TRIED):
        seen.append(item)
        look = None if item.why else _look(item, wish)
        if look is not None:
            looks.append(look)
        if len(looks) >= ENOUGH:
            break
    return looks, chain(seen, items)


def _look(item: Item, wish: Wish) -> Look | None:
    try:
        return formats.look(item.file, wish.channels)
    except MissingExtra:
        raise
    except Exception:  # reported when it is its turn to be decoded
        return None


def choose_form(looks: list[Look], wish: Wish) -> Form:
    dtype = max((k.dtype for k in looks), key=WIDTH.index, default="uint8")
    size = wish.size or _size(looks, wish.whole)
    return Form(size, wish.channels or _channels(looks), wish.dtype or dtype, wish.fill, wish.whole)


def _channels(looks: list[Look]) -> int:
    counts = Counter(k.channels for k in looks)
    if counts[3] and counts[1]:
        return 3  # grey ones among them become colour
    return max(counts, key=lambda c: (counts[c], c), default=3)


def _size(looks: list[Look], whole: bool) -> int:
    shapes = {(k.height, k.width) for k in looks}
    if len(shapes) == 1:
        height, width = next(iter(shapes))
        side = max(height, width) if whole else min(height, width)
        if side <= LARGEST:
            if height != width and not whole:
                say(f"pictures of {width} x {height}: the middle square of each is kept (or give size=)")
            return side
    if shapes:
        listed = ", ".join(f"{w} x {h}" for h, w in sorted(shapes)[:3]) + (", ..." if len(shapes) > 3 else "")
        say(f"pictures of {listed}: each is made {USUAL} x {USUAL} (or give size=)")
    return USUAL
