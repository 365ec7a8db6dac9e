"""Where the labels of some pictures are, and which picture each of them means."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ...errors import DataError
from .._reading.file import kind_of
from ..formats import KINDS
from . import coco, table, voc, yolo
from .labels import Labels

EXPECTED = (
    "Expected COCO's .json, a .csv with columns path, x0, y0, x1, y1, class, or for each picture .txt (YOLO) "
    "or .xml (Pascal VOC). labels= says where they are."
)


def find(data: str | os.PathLike[str], labels: str | os.PathLike[str] | None) -> tuple[Path, Labels]:
    """The folder of the pictures, and what is said about them."""
    path = Path(data)
    if not path.exists():
        raise DataError(f"there is no {path}", "Give a folder of pictures, or the file of their labels.")
    if labels is not None:
        return path, _read(Path(labels))
    if path.is_file():
        above = path.parent.parent if path.parent.name.lower() == "annotations" else path.parent
        return above, _read(path)
    return path, _read(_beside(path))


def _beside(folder: Path) -> Path:
    """The one file of labels in a folder of pictures, or that folder if there is one for each picture."""
    places = [folder, *(p for p in (folder / "annotations", folder / "labels") if p.is_dir())]
    files = [f for p in places for f in sorted(p.iterdir()) if f.suffix.lower() in (".json", ".csv", ".tsv")]
    if len(files) > 1:
        raise DataError(
            f"{folder} has {len(files)} files of labels: {', '.join(f.name for f in files[:3])}", EXPECTED
        )
    return files[0] if files else folder


def _read(path: Path) -> Labels:
    if not path.exists():
        raise DataError(f"there are no labels {path}", EXPECTED)
    if path.is_dir():
        if any(path.rglob("*.xml")):
            return voc.read(path)
        found = yolo.read(path)
        if not found.pictures:
            raise DataError(f"no labels in {path}", EXPECTED)
        return found
    if path.suffix.lower() == ".json":
        return coco.read(path)
    if path.suffix.lower() in table.ENDINGS:
        return table.read(path)
    raise DataError(f"{path.name} is no file of labels", EXPECTED)


class Places:
    """Which picture a name in the labels means: the one whose path ends most like it."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._at: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        for row, name in enumerate(ids):
            parts = _parts(name)
            self._at[parts[-1]].append((parts, row))

    def of(self, name: str) -> int | str:
        """Its row, or why there is none."""
        parts = _parts(name)
        known = self._at.get(parts[-1], [])
        shared = [_shared(parts, other) for other, _ in known]
        best = [row for (_, row), n in zip(known, shared) if n == max(shared)]
        if len(best) > 1:
            return "several pictures are called that"
        return best[0] if best else "there is no picture of that name"


def _parts(name: str) -> tuple[str, ...]:
    """Its folders and its name without the ending of a picture."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.name[: -len(kind_of(path.name))] if kind_of(path.name) in KINDS else path.name
    return *(p for p in path.parent.parts if p not in (".", "/")), stem


def _shared(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many of the last parts are equal."""
    n = 0
    while n < min(len(a), len(b)) and a[-1 - n] == b[-1 - n]:
        n += 1
    return n
