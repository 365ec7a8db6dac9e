"""The version of a space that the page shows: its rows keep their numbers until the server moves on.

Only layers may change meanwhile, whoever writes them; what was made of one is made again when its file is
newer.

Legend: n rows, D dimensions.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...analysis.map import layout, place
from ...console import say
from ...errors import FormatError, SpaceBusy, UnknownName
from ...space import Space
from . import columns, inside
from .columns import Drawn, Kind

DRAWN = ("x", "y", "mark")  # of the layer `map`: not listed, since it is drawn anyway
KEPT = 16  # drawn columns kept in memory


@dataclass(frozen=True)
class Listed:
    name: str
    kind: Kind
    layer: str | None  # None: metadata
    column: str  # its name there


class Shown:
    def __init__(self, path: Path) -> None:
        self.space = Space.open(path)
        self.ids = self.space.id_array()
        self.version = f"{self.space.fingerprint[:8]}.{self.space.version}"
        self.writable = os.access(path, os.W_OK)
        self.xy = _places(self.space, self.ids, writable=self.writable)  # (n, 2) float32
        self._layers: dict[str, tuple[int, pa.Table | None]] = {}  # when written, and its columns row by row
        self._drawn: OrderedDict[tuple[str, int], Drawn] = OrderedDict()
        self._kinds: dict[tuple[str, str, int], Kind] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def stamp(self) -> str:
        """Another text whenever rows or layers are others."""
        times = [f"{name}:{inside.layer_written(self.space, name)}" for name in self.space.layers()]
        return f"{self.version}-{abs(hash(tuple(times))):x}"

    @cached_property
    def vectors(self) -> np.ndarray:  # (n, D)
        return self.space.vectors()

    @cached_property
    def metadata(self) -> pa.Table:
        return self.space.metadata()

    def names(self, rows: np.ndarray) -> list[str]:
        return [str(i) for i in self.ids.take(pa.array(rows)).to_pylist()]

    def rows(self, ids: list[str]) -> np.ndarray:
        """Where each id stands; those that are not here are left out."""
        # The few are made the set that is searched in: the other way round a million would be hashed.
        hits: Any = pc.index_in(self.ids, value_set=pa.array(ids, pa.string()))
        at = np.flatnonzero(hits.is_valid().to_numpy(zero_copy_only=False))
        order = hits.take(pa.array(at)).to_numpy()
        return at[np.argsort(order, kind="stable")]

    def layer(self, name: str) -> pa.Table | None:
        """Its columns but the id, row by row, null where it says nothing; None where there is none."""
        with self._lock:
            written = inside.layer_written(self.space, name)
            if name not in self._layers or self._layers[name][0] != written:
                self._layers[name] = (written, self._aligned(name) if written else None)
            return self._layers[name][1]

    def listed(self) -> list[Listed]:
        """All columns, each with a name of its own."""
        found = [self._listed(name, None, name, self.metadata[name]) for name in self.metadata.column_names]
        taken = {"id", *self.metadata.column_names}
        for layer in self.space.layers():
            table = None if layer == "map" else self.layer(layer)
            for name in DRAWN if layer == "map" else () if table is None else table.column_names:
                unique = name
                while unique in taken:
                    unique = f"{layer}_{unique}"  # the name that it has in a condition too
                taken.add(unique)
                if table is not None:
                    found.append(self._listed(unique, layer, name, table[name]))
        return found

    def column(self, name: str) -> tuple[Listed, Drawn]:
        listed = self.listed()
        found = next((c for c in listed if c.name == name), None)
        if found is None:
            raise UnknownName("column", name, [c.name for c in listed])
        key = (name, inside.layer_written(self.space, found.layer) if found.layer else 0)
        with self._lock:
            known = self._drawn.get(key)
        if known is None:
            known = columns.drawn(self.values(found), found.kind)
            with self._lock:
                self._drawn[key] = known
                while len(self._drawn) > KEPT:
                    self._drawn.popitem(last=False)
        return found, known

    def values(self, listed: Listed) -> pa.ChunkedArray[Any]:
        table = self.metadata if listed.layer is None else self.layer(listed.layer)
        if table is None or listed.column not in table.column_names:  # the layer changed just now
            raise UnknownName("column", listed.name, [c.name for c in self.listed()])
        return table[listed.column]

    def _listed(self, name: str, layer: str | None, column: str, values: pa.ChunkedArray[Any]) -> Listed:
        key = (layer or "", column, inside.layer_written(self.space, layer) if layer else 0)
        if key not in self._kinds:
            self._kinds[key] = columns.kind_of(values)
        return Listed(name, self._kinds[key], layer, column)

    def _aligned(self, name: str) -> pa.Table | None:
        try:
            table = self.space.layer(name)
        except (FormatError, UnknownName) as e:  # a damaged layer must not take the page with it
            say(f"layer {name!r} is left out: {e}")
            return None
        ids = table["id"].combine_chunks()
        if ids.equals(self.ids):
            return table.drop_columns(["id"]).combine_chunks()
        where = pc.index_in(self.ids, value_set=ids)
        return table.drop_columns(["id"]).combine_chunks().take(where)


def _places(space: Space, ids: pa.Array[Any], *, writable: bool) -> np.ndarray:
    """(n, 2) places on the map: the layer's where it is of this version, else laid out now."""
    known = np.full((len(ids), 2), np.nan, np.float32)
    if "map" in space.layers():
        table = space.layer("map")
        where = pc.index_in(ids, value_set=table["id"].combine_chunks())
        for axis, name in enumerate("xy"):
            known[:, axis] = table[name].combine_chunks().take(where).to_numpy(zero_copy_only=False)
        current = inside.layer_made(space, "map")["version"] == space.version
        if current and np.isfinite(known).all():
            return known
    new = int(np.isnan(known).any(1).sum())
    if not len(ids):
        return known
    say(f"Laying out the map: {new:,} of {len(ids):,} samples are new to it." if new else "Checking the map.")
    if writable:
        try:
            return layout(space).xy
        except SpaceBusy:  # `ilk add` is running: the page can follow it all the same
            pass
    return place(np.asarray(space.vectors()), known, metric=space.metric)
