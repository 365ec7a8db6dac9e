"""Encoders: a network from sample to vector. One file an encoder; its name is its registration."""

from typing import Any

from .. import find as _find
from ._base import Encoder, MapEncoder, TokenEncoder, patchify, unpatchify
from ._embed import batches, embed, encode
from ._export import export

__all__ = [
    "Encoder",
    "MapEncoder",
    "TokenEncoder",
    "batches",
    "build",
    "embed",
    "encode",
    "export",
    "find",
    "names",
    "patchify",
    "unpatchify",
]


def names() -> list[str]:
    return _find.names(__name__)


def find(name: str) -> type[Encoder]:
    """`convnet`, `./mine.py` or `package.module:Mine`."""
    return _find.find(__name__, "encoder", name, Encoder)  # type: ignore[type-abstract]


def build(name: str, traits: dict[str, Any], **options: Any) -> Encoder:
    """The encoder called `name` for data with these `traits` (see `Source.traits`)."""
    return _find.construct(find(name), options, traits)
