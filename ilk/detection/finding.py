"""The two ways to find: by a detector that has learnt from boxes, and by what stands out, without any.

Legend: B pieces, C channels, T pixels a side of a piece, S of the pictures that a detector learnt from.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from .. import console, saved
from ..encoders import Encoder, MapEncoder
from ..encoders.detector import Detector
from ..errors import DataError, OptionError, UnreadableSample
from ..find import parameters
from ..generate._folders import folders, nothing, several
from ..learning.target import paths
from ..source import Json, Source
from ..source._base import Skipped, named
from ..source._boxes.labels import THING
from ..source.boxes import Boxed, boxes
from ..space import Space
from ..things.blobs import blobs
from ..things.found import Found
from ..things.measure import Measure
from ..things.tiles import tiled
from ..things.unlike import stand_out
from .found import Detections
from .pictures import Ready, as_learnt, fitted, pictures, plain

LARGE = 2  # times the side of what a detector learnt from: larger pictures are looked at in tiles
TILE = 1024  # pixels a side, where nothing was learnt
OVERLAP = 0.25  # of a tile, with the next


def detect(
    run: str | os.PathLike[str],
    data: Any,
    *,
    least: float = 0.25,
    above: float = 0.5,
    soft: bool = False,
    tile: int | None = None,
    strict: bool = False,
) -> Detections:
    """What the detector of `run` (NAME.run, NAME.space, ...) finds in the pictures of `data`.

    data    a folder, list, glob or file of pictures, or a source
    least   how sure, 0 to 1
    above   boxes of a class that overlap by a larger IoU show the same thing
    soft    such are made less sure instead of left out
    tile    look at pictures in tiles of so many pixels a side, at their own size (default: at pictures of
            more than twice the size of what it learnt from)
    """
    if not 0 <= least < 1:
        raise OptionError(f"least is {least}", "How sure a box must be: from 0 to below 1.")
    detector, reading = _learnt(Path(run))
    channels, side = detector.encoder.channels, int(str(reading["size"]))

    def find(x: Tensor) -> list[Found]:
        return detector.find(x, least=least, above=above, soft=soft)

    def one(field: Any) -> Found:
        high, wide = field.shape[1:]
        if tile is not None or max(high, wide) > LARGE * side:
            T = tile or side
            overlap = round(OVERLAP * T)
            return tiled(
                field, find, ready=as_learnt(reading, channels), tile=T, overlap=overlap, above=above
            )
        x, back = fitted(np.asarray(field[:, :, :]), reading, channels)
        found = find(x)[0]
        boxes = np.clip((found.boxes - back[0]) * back[1], 0, np.array([wide, high] * 2, np.float32))
        return Found(boxes, found.scores, found.classes)

    ids, found = _each(data, one, strict=strict)
    return Detections(ids, found, tuple(detector.classes), data, detector, dict(reading))


def judge(
    run: str | os.PathLike[str] | None,
    data: Any,
    *,
    labels: str | os.PathLike[str] | None = None,
    least: float = 0.01,
    strict: bool = False,
    **options: Any,
) -> tuple[Measure, Detections, Boxed]:
    """How well `run` (None: `discover`, whatever the classes) finds what `data` are labelled with.

    data     a source with boxes, or what `ilk.boxes` reads, with these `labels`
    options  more of `detect` or `discover`
    """
    if not isinstance(data, Boxed):
        side = None if run is None else int(str(_learnt(Path(run))[1]["size"]))
        data = boxes(data, labels=labels, size=side, strict=strict)
    if run is None:
        data = one_class(data)
        found = discover(data, strict=strict, **options)
    else:
        found = detect(run, data, least=least, strict=strict, **options)
    return found.judge(data), found, data


def one_class(data: Boxed) -> Boxed:
    """The same boxes, all of one class."""
    known = data.boxes(np.arange(len(data)))
    return Boxed(data.pictures, [b for b, _ in known], [0 * k for _, k in known], skipped=data.skipped)


def discover(
    data: Any,
    *,
    by: str | os.PathLike[str] | None = None,
    smallest: float = 4.0,
    largest: float | None = None,
    least: float = 5.0,
    any_light: bool | None = None,
    tile: int | None = None,
    strict: bool = False,
) -> Detections:
    """What stands out in the pictures of `data`: nothing has to be labelled.

    by                 a run or space whose encoder has maps (convnet, resnet, ...): what is unlike the ground
                       by these; default: by its light alone, for which nothing has to be learnt
    smallest, largest  sides of things in pixels (default: to half the picture's, or a quarter of a tile's)
    least              times the noise that a thing must stand out
    any_light          dark things too, not only bright ones (default: in colour pictures); not with `by`
    tile               look in tiles of so many pixels a side (default: 1024, at larger pictures)
    """
    ready, look = (plain, _by_light(any_light)) if by is None else _by_features(Path(by))

    def one(field: Any) -> Found:
        T = tile or TILE
        if max(field.shape[1:]) <= T:
            x = ready(np.asarray(field[:, :, :])[None])
            return look(x, smallest=smallest, largest=largest, least=least)[0]
        most = OVERLAP * T if largest is None else largest

        def each(x: Tensor) -> list[Found]:
            return look(x, smallest=smallest, largest=most, least=least)

        return tiled(field, each, ready=ready, tile=T, overlap=min(round(most), T // 2))

    ids, found = _each(data, one, strict=strict)
    return Detections(ids, found, (THING,), data)


def _by_light(any_light: bool | None) -> Callable[..., list[Found]]:
    def look(x: Tensor, **sides: Any) -> list[Found]:
        return [blobs(one, any_light=any_light, **sides) for one in x.numpy()]

    return look


def _by_features(run: Path) -> tuple[Ready, Callable[..., list[Found]]]:
    network, reading = _of(run, MapEncoder, "has maps to find things by", "Learn one: --encoder convnet.")  # type: ignore[type-abstract]

    @torch.inference_mode()
    def look(x: Tensor, **sides: Any) -> list[Found]:
        return [stand_out(maps, network.strides[0], **sides) for maps in network.maps(x)[0].numpy()]

    return as_learnt(reading, network.channels), look


def _each(data: Any, one: Callable[[Any], Found], *, strict: bool) -> tuple[list[str], list[Found]]:
    ids, found, skipped = [], [], list[Skipped]()
    with console.progress("pictures", len(data) if isinstance(data, Source) else None) as bar:
        for name, field in pictures(data, strict=strict):
            try:
                found.append(one(field))
                ids.append(name)
            except UnreadableSample as e:  # of channels that the network does not know, ...
                if strict:
                    raise UnreadableSample(f"{name}: {e.what}", "Without strict it is left out.") from e
                skipped.append(Skipped(name, e.what))
            bar.advance()
    if skipped:
        console.say(f"left out {len(skipped):,} of {len(ids) + len(skipped):,} pictures: {named(skipped)}")
    return ids, found


E = TypeVar("E", bound=Encoder)


def _learnt(run: Path) -> tuple[Detector, dict[str, Json]]:
    """The one detector there, and how the pictures were read that it learnt from."""
    do = "Learn one: ilk learn FOLDER --objective yolo. Or find without: ilk detect discover FOLDER"
    return _of(run, Detector, "finds things", do)


def _of(run: Path, kind: type[E], does: str, do: str) -> tuple[E, dict[str, Json]]:
    """The one encoder of that kind there, or within another; and how its pictures were read."""
    held = {folder: saved.load(folder, Encoder) for folder in folders(run)}  # type: ignore[type-abstract]
    does_it = {folder: one for folder, encoder in held.items() if (one := _within(encoder, kind)) is not None}
    if not does_it:
        raise nothing(run, does, do)
    if len(does_it) > 1:
        raise several(run, does, list(does_it))
    folder, network = next(iter(does_it.items()))
    beside = [place.with_suffix(".space") for place in (run, folder.parent) if place.suffix == ".run"]
    for place in (folder, *beside, paths(run)[1]):
        if (place / "space.json").exists():
            return network.eval(), Space.open(place).reading
    raise DataError(f"{run} does not say how its pictures were read", "Expected its .space beside it.")


def _within(encoder: Any, kind: type[E]) -> E | None:
    """It, or what it evens out the vectors of."""
    while not isinstance(encoder, kind):
        if "encoder" not in parameters(type(encoder)):
            return None
        encoder = encoder.encoder
    return encoder
