"""Sources: where samples come from. `source/X.py` defines the function `X(data, **options)`."""

import importlib
import inspect
import os
from typing import Any

from ..errors import DataError, FormatError
from ..find import names
from ._base import Json, Skipped, Source, Views

__all__ = ["Json", "Skipped", "Source", "Views", "arrived", "read", "sent"]


def read(reading: dict[str, Json], data: Any, **options: Any) -> Source:
    """More of the same: `data` prepared as `reading` (a `Source.reading`) says."""
    wish = dict(reading)
    reader = wish.pop("reader", None)
    if not isinstance(reader, str) or reader not in names(__name__):
        raise FormatError(
            f"this space was filled by a reader called {reader!r}, which this version does not have"
        )
    function = getattr(importlib.import_module(f"{__name__}.{reader}"), reader)
    known = inspect.signature(function).parameters
    unknown = sorted(wish.keys() - known.keys())
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in known.values()):  # those hand on to another
        raise FormatError(f"this space was filled with {unknown[0]!r}, which {reader} does not know")
    source: Source = function(data, **wish, **options)
    return source


def sent(source: Source) -> Any:
    """What another process makes the same of by `arrived`: its address where it has one, else itself."""
    if source.found_at is None:
        return source
    return source.reading, os.path.abspath(source.found_at), len(source)


def arrived(given: Any) -> Source:
    if isinstance(given, Source):
        return given
    reading, found_at, samples = given
    source = read(reading, found_at)
    if len(source) != samples:
        raise DataError(
            f"there are {len(source)} samples in {found_at}, not {samples} as where the call was made",
            "Let all machines see the same data there. A part of them has no address: store it as files.",
        )
    return source
