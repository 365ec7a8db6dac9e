"""Where a U-Net lies, and how pictures are read for it."""

import json
from pathlib import Path
from typing import Any

from .. import saved
from ..encoders import Encoder
from ..encoders.projected import Projected
from ..encoders.unet import UNet
from ..errors import FormatError
from ..source import Json
from ..space import Space
from ..training import frozen


def holds(folder: Path) -> bool:
    """Without loading weights. The vectors of a space may have been evened after."""
    try:
        one = json.loads((folder / "encoder.json").read_bytes())
        while one["class"] == "projected":
            one = one["keywords"]["encoder"]
    except (ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{folder}/encoder.json is damaged: {e}") from e
    return bool(one["class"] == "unet")


def opened(folder: Path) -> tuple[UNet, dict[str, Json]]:
    encoder: Any = saved.load(folder, Encoder)  # type: ignore[type-abstract]
    while isinstance(encoder, Projected):
        encoder = encoder.encoder
    assert isinstance(encoder, UNet)
    if (folder / "space.json").exists():
        return encoder, Space.open(folder).reading
    asked: dict[str, Any] | None = frozen.asked(folder)
    plain: dict[str, Json] = {"reader": "images", "size": encoder.size, "channels": encoder.channels}
    return encoder, plain if asked is None else asked["source"]["reading"]
