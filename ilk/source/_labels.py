"""A column of a source, and labels as whole numbers. Legend: n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import UnknownName
from ._base import Source


def column(source: Source, name: str) -> pa.ChunkedArray[Any]:
    """Of its metadata, (n,)."""
    table = source.metadata()
    if table is None or name not in table.column_names:
        raise UnknownName("metadata column", name, [] if table is None else table.column_names)
    return table[name]


def labelled(values: pa.ChunkedArray[Any]) -> tuple[np.ndarray, list[str]]:
    """The place (n,) of each value in the sorted labels, -1 for none (null, NaN, empty); and the labels."""
    plain = [None if v is None or v != v or v == "" else v for v in values.to_pylist()]
    names = sorted({v for v in plain if v is not None}, key=lambda v: (isinstance(v, str), v))
    place = {v: i for i, v in enumerate(names)}
    return np.array([-1 if v is None else place[v] for v in plain], int), [str(v) for v in names]
