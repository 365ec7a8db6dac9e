"""Rows as a file to take away, and as figures to hold beside other rows."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from .shown import Shown

Format = Literal["csv", "parquet"]


def exported(shown: Shown, rows: np.ndarray | None, form: Format, *, vectors: bool) -> bytes:
    """id, metadata, the layers' columns (and the vectors, in parquet) of these rows, or all (None)."""
    at = None if rows is None else pa.array(rows)

    def some(values: Any) -> Any:
        return values if at is None else values.take(at)

    columns: dict[str, Any] = {"id": some(shown.ids)}
    columns |= {listed.name: some(shown.values(listed)) for listed in shown.listed()}
    out = io.BytesIO()
    if form == "csv":
        plain = {name: _plain(values) for name, values in columns.items()}
        pcsv.write_csv(pa.table(plain), out)
        return out.getvalue()
    if vectors:
        x = np.ascontiguousarray(shown.vectors if rows is None else shown.vectors[rows])
        columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), x.shape[1])
    table = pa.table(columns).replace_schema_metadata({"ilk.encoder": shown.space.fingerprint})
    pq.write_table(table, out)
    return out.getvalue()


def _plain(values: Any) -> Any:
    """What CSV has no form for becomes text."""
    t = values.type
    if pa.types.is_nested(t) or pa.types.is_binary(t) or pa.types.is_large_binary(t):
        return pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())
    return pc.cast(values, pa.float32()) if pa.types.is_float16(t) else values
