"""What an encoder of records must know of a table: names, and the middle and spread of numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..source._records import Coded, Lists, Pictures
from ..source.tables import Table


def described(table: Table, met: Sequence[str]) -> dict[str, dict[str, Any]]:
    """As `Record` takes it; `met`: the ids of which more is to be learnt than what their columns say."""
    return {name: _column(name, table, values, met) for name, values in table.held.items()}


def _column(name: str, table: Table, values: Any, met: Sequence[str]) -> dict[str, Any]:
    kind = table.kinds[name]
    about: dict[str, Any] = {"is": kind}
    if kind == "id":
        return about | {"names": list(met)}
    if isinstance(values, Coded):
        return about | {"names": list(values.names)}
    if isinstance(values, Lists):
        used = np.unique(values.codes)
        return about | {"names": [values.names[i] for i in used], "longest": table.longest}
    if isinstance(values, Pictures | list):
        return about
    if values.ndim == 2:
        return about | {"wide": int(values.shape[1])}
    known = values[np.isfinite(values)].astype(np.float64)
    spread = float(known.std()) if len(known) else 0.0
    return about | {"mean": float(known.mean()) if len(known) else 0.0, "spread": spread or 1.0}
