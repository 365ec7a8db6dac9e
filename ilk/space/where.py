"""Which rows an SQL condition holds for: on the id, on metadata and on the columns of layers.

A condition on what the rows hold is Lance's to answer, which reads no more than it needs. For one that names
a layer's column, the columns it names, of rows and layers, are put side by side in memory, and the same SQL
runs there. A row that a layer does not know has null in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FilterError
from . import layers
from .columns import plain
from .rows import Rows

_CACHED = 8  # sets of columns
# What stands in single or double quotes is text, in backticks a name.
_QUOTED = re.compile(r"`[^`]*`|'(?:[^']|'')*'|\"[^\"]*\"")


class Where:
    """Answers for one version of the rows, and the layers as they are when asked."""

    def __init__(self, space: Path, rows: Rows) -> None:
        self.space = space
        self.rows = rows
        self._joined: dict[Any, lance.LanceDataset] = {}

    def places(self, where: str) -> np.ndarray:
        """The places of the rows for which the condition holds, ascending."""
        beside = self._beside(where)
        if beside:
            return self._found(self._join(where, beside), where, beside).astype(np.int64)
        sorted_, order = self._sorted
        return np.sort(order[np.searchsorted(sorted_, self._found(self.rows.data, where, beside))])

    def addresses(self, where: str) -> np.ndarray:
        """Lance's addresses (uint64) of the rows for which the condition holds, ascending."""
        beside = self._beside(where)
        if not beside:
            return self._found(self.rows.data, where, beside)
        return np.sort(self.rows.addresses[self._found(self._join(where, beside), where, beside)])

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.rows.addresses, kind="stable")
        return self.rows.addresses[order], order

    def _layers(self) -> dict[str, tuple[str, str]]:
        return layers.columns(self.space, {"id", "vector", *self.rows.metadata_names})

    def _beside(self, where: str) -> dict[str, tuple[str, str]]:
        """The columns of layers that the condition names: the name, its layer, its name there."""
        if not layers.names(self.space):
            return {}
        found = self._layers()
        return {name: found[name] for name in _named(where, found)}

    def _join(self, where: str, beside: dict[str, tuple[str, str]]) -> lance.LanceDataset:
        """Those of the rows' and layers' columns that the condition names, in the order of the rows."""
        stored = _named(where, [name for name in self.rows.schema.names if name != "vector"])
        written = [layers.written(self.space, layer) for layer, _ in beside.values()]
        key = (*stored, *beside, *written)
        if key not in self._joined:
            columns: dict[str, Any] = {}
            if stored:
                columns |= zip(stored, self.rows.columns(stored).columns)
            for layer in {layer for layer, _ in beside.values()}:
                columns |= self._of_layer(layer, {n: c for n, (of, c) in beside.items() if of == layer})
            if len(self._joined) >= _CACHED:
                self._joined.clear()
            # One file, so that a row's address there is its place here.
            self._joined[key] = lance.write_dataset(
                pa.table(columns), "memory://", max_rows_per_file=len(self.rows) + 1
            )
        return self._joined[key]

    def _of_layer(self, layer: str, named: dict[str, str]) -> dict[str, pa.Array[Any]]:
        table = layers.read(self.space, layer, self.rows.ids)
        at = pc.index_in(self.rows.ids, value_set=table["id"].combine_chunks())
        return {name: plain(table[column]).take(at) for name, column in named.items()}

    def _found(
        self, data: lance.LanceDataset, where: str, beside: dict[str, tuple[str, str]]
    ) -> np.ndarray:  # (m,) uint64
        # In brackets the whole text must parse; without, Lance ignores what follows a complete condition.
        # The line break ends a comment.
        try:
            found = data.scanner(columns=[], filter=f"({where}\n)", with_row_address=True).to_table()
        except (ValueError, OSError, NotImplementedError) as e:
            schema = self.rows.schema
            number = next((f.name for f in schema if pa.types.is_floating(f.type)), None)
            example = f"`{number}` > 0.5" if number else "id LIKE 'a%'"
            known = ", ".join(map(_quoted, ["id", *self.rows.metadata_names, *self._layers()]))
            raise FilterError(
                f"where={where!r} cannot be used: {_complaint(str(e))}",
                f"Columns: {known}. An SQL condition is expected, for example: {example}",
            ) from e
        addresses: np.ndarray = np.sort(found["_rowaddr"].to_numpy())
        return addresses


def _named(where: str, names: Iterable[str]) -> list[str]:
    """Those names that stand in the condition; one too many costs a column more to read, nothing else."""
    text = _QUOTED.sub(lambda m: m[0] if m[0][0] == "`" else "''", where)
    return [n for n in names if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text, re.IGNORECASE)]


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"`{name}`"


def _complaint(lance: str) -> str:
    """The heart of an error: not where in Lance's source it arose, nor columns that the user did not make."""
    text = lance.split(", /")[0].split(" Valid fields are")[0].replace("Invalid user input: ", "")
    literal = re.search(r"Received literal (.+) and could not convert to literal of type '(\w+)'", text)
    if literal and literal[1].startswith("Float"):
        return f"whole numbers meet {literal[1][8:-1]}: write the column as cast(NAME as double)"
    _, parser, inner = text.partition("(sql parser error: ")
    return " ".join((inner[:-1] if parser else text).split())
