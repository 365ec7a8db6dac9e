"""A whole space as one parquet file: id, vector, metadata, and the columns of all layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .. import files
from ..console import progress
from . import layers
from .snapshot import Snapshot


def export(space: Path, at: Snapshot, fingerprint: str, path: str | os.PathLike[str]) -> None:
    """One row a sample, streamed; the file is whole or absent."""
    path = files.parquet(path)
    stored = at.rows.metadata_names
    beside = _layer_columns(space, at, {"id", "vector", *stored})
    fields = [at.rows.schema.field(name) for name in ["id", "vector", *stored]]
    fields += [pa.field(name, values.type) for name, (values, _) in beside.items()]
    schema = pa.schema(fields, metadata={b"ilk.encoder": fingerprint})
    with (
        files.replacing(path) as f,
        progress("exporting", len(at.rows)) as bar,
        pq.ParquetWriter(f, schema) as writer,
    ):
        start = 0
        for batch in at.rows.batches(["id", "vector", *stored]):
            added = [values.take(where.slice(start, batch.num_rows)) for values, where in beside.values()]
            writer.write_table(pa.Table.from_arrays([*batch.columns, *added], schema=schema))
            start += batch.num_rows
            bar.advance(batch.num_rows)


def _layer_columns(
    space: Path, at: Snapshot, taken: set[str]
) -> dict[str, tuple[pa.Array[Any], pa.Array[Any]]]:
    """For each column of each layer its values, and where each row finds its own (null: nowhere)."""
    named = layers.columns(space, taken)
    tables = {layer: layers.read(space, layer, at.rows.ids) for layer, _ in named.values()}
    where = {
        layer: pc.index_in(at.rows.ids, value_set=table["id"].combine_chunks())
        for layer, table in tables.items()
    }
    return {
        name: (tables[layer][column].combine_chunks(), where[layer])
        for name, (layer, column) in named.items()
    }
