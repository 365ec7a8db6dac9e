"""Decoders: the way back, from vector to sample. One file a decoder; its name is its registration."""

from typing import Any

from .. import find as _find
from ._base import Decoder

__all__ = ["Decoder", "build", "find", "names"]


def names() -> list[str]:
    return _find.names(__name__)


def find(name: str) -> type[Decoder]:
    return _find.find(__name__, "decoder", name, Decoder)  # type: ignore[type-abstract]


def build(name: str, traits: dict[str, Any], **options: Any) -> Decoder:
    """The decoder called `name` for data with these `traits` (see `Source.traits`)."""
    return _find.construct(find(name), options, traits)
