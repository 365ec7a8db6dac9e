"""The one place that looks into a space's own rooms: its public methods ask by id, the page by row."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...errors import SpaceBusy
from ...space import Space
from ...space import layers as _layers
from ...space._folder import address_of, class_of, described
from ...space._lock import writing
from ...space.rows import Rows

PATIENCE = 2.0  # seconds


def ids(space: Space) -> pa.Array[Any]:
    """As Arrow keeps them: a million as Python text would take a second and a hundred megabytes."""
    return space._at.rows.ids


def version(space: Space) -> int:
    return space._at.rows.version


def pictures(space: Space, rows: np.ndarray) -> list[bytes | None]:
    found: list[bytes | None] = space._at.rows.take(rows, ["picture"])["picture"].to_pylist()
    return found


def matching(space: Space, where: str) -> np.ndarray:
    return space.matching(where)


def newest(path: Path) -> tuple[str, int, int]:
    """What is there now: the encoder's fingerprint, the version, how many rows."""
    rows = Rows.open(address_of(path))
    return str(described(path)["fingerprint"]), rows.version, len(rows)


def layer_written(space: Space, name: str) -> int:
    """When, in nanoseconds; 0 where there is none."""
    try:
        return (space.path / "layers" / f"{name}.parquet").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def layer_made(space: Space, name: str) -> dict[str, Any]:
    return _layers.made(space.path, name)


def write_layer(space: Space, name: str, table: pa.Table, made: dict[str, Any]) -> None:
    _patiently(lambda: space.write_layer(name, table, made))


def remove_layer(space: Space, name: str) -> None:
    def remove() -> None:
        with writing(space.path):
            (space.path / "layers" / f"{name}.parquet").unlink(missing_ok=True)

    _patiently(remove)


def _patiently(write: Callable[[], None]) -> None:
    """A layer is written in a moment: who writes one is waited for. `ilk add` takes longer: it is told of."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return write()
        except SpaceBusy:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def encoder_name(space: Space) -> str:
    return class_of(space.path / "encoder.json")
