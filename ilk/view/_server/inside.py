"""The one place that looks into the rooms of a space: what its public methods do not tell, or not so soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...errors import SpaceBusy
from ...space import Space
from ...space import layers as _layers
from ...space._folder import address_of, class_of, described
from ...space.rows import Rows

PATIENCE = 2.0  # seconds


def newest(path: Path) -> tuple[str, int, int]:
    """What is there now: the encoder's fingerprint, the version, how many rows."""
    rows = Rows.open(address_of(path))
    return str(described(path)["fingerprint"]), rows.version, len(rows)


def layer_written(space: Space, name: str) -> int:
    """When, in nanoseconds; 0 where there is none."""
    return _layers.written(space.path, name)


def layer_made(space: Space, name: str) -> dict[str, Any]:
    return _layers.made(space.path, name)


def write_layer(space: Space, name: str, table: pa.Table, made: dict[str, Any]) -> None:
    _patiently(lambda: space.write_layer(name, table, made))


def remove_layer(space: Space, name: str) -> None:
    _patiently(lambda: space.remove_layer(name))


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
