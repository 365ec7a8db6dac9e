"""Objectives: what an encoder learns from. One file an objective; its name is its registration."""

import inspect

import pyarrow as pa

from .. import find as _find
from ..encoders import TokenEncoder
from ._base import ClosedForm, Objective

__all__ = ["ClosedForm", "Objective", "find", "names", "table", "usual_encoder"]


def names() -> list[str]:
    return _find.names(__name__)


def find(name: str) -> type[Objective] | type[ClosedForm]:
    """`simclr`, `./mine.py` or `package.module:Mine`."""
    return _find.find(__name__, "objective", name, Objective, ClosedForm)


def usual_encoder(cls: type[Objective] | type[ClosedForm]) -> str:
    """The network that it is given where nobody says which: the one that it asks for, or any of patches."""
    asked = inspect.signature(cls).parameters.get("encoder")
    if asked is None or not isinstance(asked.annotation, type):
        return "convnet"
    package, _, name = asked.annotation.__module__.rpartition(".")
    if package == "ilk.encoders" and not name.startswith("_"):
        return name
    return "vit" if asked.annotation is TokenEncoder else "convnet"


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
