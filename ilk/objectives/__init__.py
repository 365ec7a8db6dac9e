"""Objectives: what an encoder learns from. One file an objective; its name is its registration."""

from .. import find as _find
from ._base import ClosedForm, Objective

__all__ = ["ClosedForm", "Objective", "find", "names"]


def names() -> list[str]:
    return _find.names(__name__)


def find(name: str) -> type[Objective] | type[ClosedForm]:
    """`simclr`, `./mine.py` or `package.module:Mine`."""
    return _find.find(__name__, "objective", name, Objective, ClosedForm)  # type: ignore[type-abstract]
