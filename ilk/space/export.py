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
from ..errors import DataError, OptionError
from . import layers
from .snapshot import Snapshot


def export(space: Path, at: Snapshot, fingerprint: str, path: Path) -> None:
    """One row a sample, streamed; the file is whole or absent."""
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise OptionError(
            f"{path.name} is not the name of a parquet file", "Name a file that ends in .parquet."
        )
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"cannot write the file {path}", "Give the path of a file in a folder that exists.")
    stored = at.rows.metadata_names
    beside = _layer_columns(space, at, {"id", "vector", *stored})
    fields = [at.rows.schema.field(name) for name in ["id", "vector", *stored]]
    fields += [pa.field(name, values.type) for name, (values, _) in beside.items()]
    schema = pa.schema(fields, metadata={b"ilk.encoder": fingerprint})
    temporary = path.with_name(path.name + ".new")
    try:
        with files.room(path), open(temporary, "wb") as f, progress("exporting", len(at.rows)) as bar:
            with pq.ParquetWriter(f, schema) as writer:
                start = 0
                for batch in at.rows.batches(["id", "vector", *stored]):
                    added = [
                        values.take(where.slice(start, batch.num_rows)) for values, where in beside.values()
                    ]
                    writer.write_table(pa.Table.from_arrays([*batch.columns, *added], schema=schema))
                    start += batch.num_rows
                    bar.advance(batch.num_rows)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
