"""YOLO's text: a file beside each picture, a line a box: class, middle x, middle y, width, height in shares.

Polygons (class, then pairs of x and y) become the boxes around them. Names of classes: `classes.txt`, a
`.names` file (one a line), or `names` in a `data.yaml`.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import DataError
from .._base import Skipped
from .labels import Corners, Label, Labels, numbers

NAMES = ("classes.txt", "obj.names", "_darknet.labels", "data.yaml", "data.yml")


def read(folder: Path) -> Labels:
    names = _names(folder)
    out = Labels(classes=names, shares=True, others_empty=True)
    for path in sorted(folder.rglob("*.txt")):
        if path.name in NAMES:
            continue
        picture = path.relative_to(folder).with_suffix("").as_posix()
        out.pictures.append(picture)
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as e:
            out.broken.append(Skipped(path.name, f"cannot be read: {e}"))
            continue
        for number, line in enumerate(lines, 1):
            _add(out, line.split(), picture, f"{path.name} line {number}")
    return out


def _add(out: Labels, words: list[str], picture: str, at: str) -> None:
    if not words:
        return
    if not words[0].isdecimal():
        out.broken.append(Skipped(at, f"{words[0][:20]!r} is no number of a class"))
    elif out.classes and int(words[0]) >= len(out.classes):
        out.broken.append(Skipped(at, f"class {words[0]}, of {len(out.classes)} from 0"))
    elif len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        out.broken.append(Skipped(at, f"{len(words)} numbers; expected class, x, y, width, height"))
    else:
        kind = out.classes[int(words[0])] if out.classes else str(int(words[0]))
        out.things.append(Label(picture, _box(words[1:]), kind, at))


def _box(words: list[str]) -> Corners:
    values = numbers(words, len(words))
    if len(values) == 4:
        x, y, wide, high = values
        return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2
    across, down = values[::2], values[1::2]
    return min(across), min(down), max(across), max(down)


def _names(folder: Path) -> list[str]:
    """From beside the labels, or a folder above."""
    for place in (folder, folder.parent):
        found = [place / n for n in NAMES if (place / n).is_file()] + sorted(place.glob("*.names"))
        if found:
            return _listed(found[0])
    return []


def _listed(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path} cannot be read: {e}", "Expected the name of a class on each line.") from e
    if path.suffix not in (".yaml", ".yml"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    after = re.search(r"^names:[ \t]*(\[[^]]*\]|(?:\s*\n[ \t]*(?:-|\d+:)[^\n]*)+)", text, re.M)
    if after is None:
        return []
    parts = after[1].strip("[]").split(",") if after[1].startswith("[") else after[1].strip().splitlines()
    return [re.sub(r"^\s*(?:-|\d+:)\s*", "", p).strip().strip("'\"") for p in parts if p.strip()]
