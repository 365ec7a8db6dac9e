"""Objectives: what an encoder learns from. One file an objective; its name is its registration."""

import inspect

import pyarrow as pa

from .. import find as _find
from ._base import ClosedForm, Objective

__all__ = ["ClosedForm", "Objective", "find", "names", "table"]


def names() -> list[str]:
    return _find.names(__name__)


def find(name: str) -> type[Objective] | type[ClosedForm]:
    """`simclr`, `./mine.py` or `package.module:Mine`."""
    return _find.find(__name__, "objective", name, Objective, ClosedForm)


def table() -> pa.Table:
    """One row an objective: its name, what it is, its options with their defaults."""

    def row(name: str) -> dict[str, str]:
        cls = find(name)
        optional = [p for p in inspect.signature(cls).parameters.values() if p.default is not p.empty]
        return {
            "objective": name,
            "what": (inspect.getdoc(inspect.getmodule(cls)) or "").partition("\n")[0],
            "options": ", ".join(f"{p.name}={p.default}" for p in optional),
        }

    return pa.Table.from_pylist([row(name) for name in names()])
