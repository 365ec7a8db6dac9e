"""Addresses that draw: new pictures by the U-Net of the space, or of the run that lies beside it.

Legend: n pictures, C channels, H x W pixels.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
from fastapi import APIRouter

from ...errors import DataError, OptionError
from ...source import Json, read
from ...source.images import Images
from . import answers, questions
from .desk import Desk, Here, TheDesk, one_row
from .shown import Shown

if TYPE_CHECKING:
    from ...generate.drawing import Drawing

router = APIRouter(prefix="/api")

BITS = 4  # pixels of a mask in one letter


@router.get("/drawing")
def drawing(at: Here) -> answers.Draws:
    """What can be told to who draws here."""
    unet = at.easel.drawing().unet
    numbers = [answers.Told(name=name, **known) for name, known in (unet.numbers or {}).items()]
    return answers.Draws(
        words=unet.words is not None,
        text=unet.text,
        numbers=numbers,
        size=unet.size,
        channels=unet.channels,
    )


@router.post("/draw")
def draw(desk: TheDesk, at: Here, wish: questions.Draw) -> answers.Drawn:
    """New pictures; or with `row` that sample's, under noise and back, or with `mask` a part of it anew."""
    tool = at.easel.drawing()
    told = {"prompt": wish.prompt, "where": wish.where, "guidance": wish.guidance}
    how = {**told, "n": wish.n, "steps": wish.steps, "seed": wish.seed}
    if wish.row is None and wish.mask is not None:
        raise OptionError("a mask over nothing", "Give the row of the sample that it lies over.")
    with desk.work("drawing"):
        if wish.row is None:
            pixels = tool.draw(**how).pixels  # type: ignore[arg-type]
        else:
            image = _of_row(desk, at.shown, one_row(at, wish.row), tool)
            if wish.mask is None:
                pixels = tool.draw(image=image, strength=wish.strength, **how).pixels  # type: ignore[arg-type]
            else:
                mask = _mask(wish.mask, tool.unet.size)
                pixels = tool.edit(image, mask, **how).pixels  # type: ignore[arg-type]
    return answers.Drawn(pictures=[_png(p) for p in pixels])


def _of_row(desk: Desk, shown: Shown, row: int, tool: Drawing) -> Images:
    """The sample as the network takes it: from its data, or from the small picture that the space keeps."""
    from ...generate._points import thumbnail

    name = shown.names(np.array([row]))[0]
    original = desk.originals.picture(name) if desk.originals.data else None
    if original is not None:
        return _images(np.asarray(read(tool.reading, original[None]).batch(np.arange(1))))
    exact = shown.space.reading.get("dtype") == "uint8"
    face = thumbnail(shown.space, name) if exact else None
    if face is None:
        raise DataError(f"the space keeps no picture of {name} as it was", "Say where the data lie: --data.")
    like: dict[str, Json] = {"reader": "images", "size": tool.unet.size, "channels": tool.unet.channels}
    return _images(np.asarray(read(like, face.numpy()).batch(np.arange(1))))


def _images(pixels: np.ndarray) -> Images:
    return Images(pixels, ["sample"])


def _mask(letters: str, size: int) -> Images:
    """Four pixels a letter (hexadecimal), row by row, from the left above: 1 is drawn anew."""
    if len(letters) != -(-(size**2) // BITS):
        raise OptionError(
            f"a mask of {len(letters)} letters", f"Give one for each {BITS} of {size} x {size} pixels."
        )
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(letters + "0" * (len(letters) % 2)), np.uint8))
    return _images(bits[: size**2].reshape(1, 1, size, size) * np.uint8(255))


def _png(picture: np.ndarray) -> str:
    from ...generate.sheet import png

    return base64.b64encode(png(picture)).decode()
