"""Sources: where samples come from. `source/X.py` defines the function `X(data, **options)`."""

import importlib
from typing import Any

from ..errors import FormatError
from ..find import names
from ._base import Json, Skipped, Source, Views

__all__ = ["Json", "Skipped", "Source", "Views", "read"]


def read(reading: dict[str, Json], data: Any, **options: Any) -> Source:
    """More of the same: `data` prepared as `reading` (a `Source.reading`) says."""
    wish = dict(reading)
    reader = wish.pop("reader", None)
    if not isinstance(reader, str) or reader not in names(__name__):
        raise FormatError(
            f"this space was filled by a reader called {reader!r}, which this version does not have"
        )
    source: Source = getattr(importlib.import_module(f"{__name__}.{reader}"), reader)(data, **wish, **options)
    return source
