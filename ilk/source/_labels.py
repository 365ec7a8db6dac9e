"""A column of labels as whole numbers. Legend: n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa


def labelled(values: pa.ChunkedArray[Any]) -> tuple[np.ndarray, list[str]]:
    """The place (n,) of each value in the sorted labels, -1 for none; and the labels."""
    plain = values.to_pylist()
    if values.type in (pa.float32(), pa.float64()):
        plain = [None if v is None or v != v else v for v in plain]
    names = sorted({v for v in plain if v is not None}, key=lambda v: (isinstance(v, str), v))
    place = {v: i for i, v in enumerate(names)}
    return np.array([-1 if v is None else place[v] for v in plain], int), [str(v) for v in names]
