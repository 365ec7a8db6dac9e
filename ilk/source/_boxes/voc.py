"""Pascal VOC's XML: a file beside each picture, an `object` a box: name, bndbox with corners counted from 1.

A document type, which is where entities are defined, is refused: nothing is expanded or fetched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from .._base import Skipped
from .labels import THING, Label, Labels, numbers

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(folder: Path) -> Labels:
    out = Labels()
    for path in sorted(folder.rglob("*.xml")):
        try:
            root = parsed(path.read_bytes())
        except (OSError, ValueError, expat.ExpatError) as e:
            out.broken.append(Skipped(path.name, f"cannot be read as XML: {e}"))
            continue
        if root.tag == "annotation":
            _add(out, root, path, folder)
    return out


def _add(out: Labels, root: Element, path: Path, folder: Path) -> None:
    own = path.relative_to(folder).with_suffix("").as_posix()
    name = (root.findtext("filename") or "").strip()
    picture = name if Path(name).stem == path.stem else own  # copied labels keep the name of another
    out.pictures.append(picture)
    for place, thing in enumerate(root.iter("object"), 1):
        at, box = f"{path.name} object {place}", thing.find("bndbox")
        if box is None:
            out.broken.append(Skipped(at, "it has no bndbox"))
            continue
        x0, y0, x1, y1 = numbers([box.findtext(c) for c in CORNERS], 4)
        kind = (thing.findtext("name") or "").strip() or THING
        out.things.append(Label(picture, (x0 - 1, y0 - 1, x1, y1), kind, at))


def parsed(data: bytes) -> Element:
    """The tree, of tags and text only."""
    tree = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.data
    parser.StartDoctypeDeclHandler = _refuse
    parser.Parse(data, True)
    return tree.close()


def _refuse(*_: Any) -> None:
    raise ValueError("it has a document type, which could define entities")
