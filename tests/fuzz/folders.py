"""What ilk itself wrote, one file of which is damaged: spaces, indexes, encoders; and files of labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import ilk
from ilk import saved
from ilk.encoders import Encoder
from ilk.encoders.pixels import Pixels
from ilk.encoders.projected import Projected
from ilk.space import Space

from .targets import PIXELS, Target

READING = {"reader": "images", "size": 4, "channels": 1}
VECTORS = np.random.default_rng(1).standard_normal((90, 16)).astype(np.float32)


def _space(file: str, *, kind: str | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        space = Space.create(folder / "s.space", Pixels(1, 4), reading=READING)
        space.upsert_vectors([f"row {i}" for i in range(len(VECTORS))], VECTORS)
        if kind is not None:
            space.index(kind)
        return next(p for p in sorted(space.path.rglob(file)) if p.is_file())

    return make


def _asked(path: Path) -> None:
    """All that is read of a space: rows, index, encoder."""
    folder = next(p for p in path.parents if p.name == "s.space")
    space = Space.open(folder)
    found = space.search(VECTORS[:2], 3)
    assert found.ids.shape == (2, 3)
    space.ids(), space.vectors(), space.metadata(), space.info()
    space.encode(np.zeros((1, 4, 4), np.float32))


def _network(file: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        torch.manual_seed(0)
        saved.save(Projected(Pixels(1, 4), 4), folder, Encoder)
        return folder / file

    return make


def _loaded(path: Path) -> None:
    encoder: Encoder = saved.load(path.parent, Encoder)  # type: ignore[type-abstract]
    encoder(torch.zeros(1, 1, 4, 4))


COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 12}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "ring"}],
}
VOC = """<annotation><filename>a.png</filename><size><width>10</width><height>12</height></size>
<object><name>ring</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax></bndbox></object>
</annotation>"""


def _labels(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        Image.fromarray(PIXELS[0]).save(folder / "a.png")
        (folder / name).write_text(text)
        return folder / name

    return make


def _boxed(path: Path) -> Any:
    found = ilk.boxes(path.parent, size=16)
    return found.boxes(np.arange(len(found)))


FOLDERS = [
    Target("space.json", _space("space.json"), _asked),
    Target("rows", _space("*.lance"), _asked),
    Target("manifest", _space("*.manifest"), _asked),
    Target("index: ivf", _space("index.safetensors", kind="ivf"), _asked),
    Target("index: hnsw", _space("index.faiss", kind="hnsw"), _asked),
    Target("index: base.json", _space("base.json", kind="ivf"), _asked),
    Target("index: ids", _space("ids.arrow", kind="ivf"), _asked),
    Target("encoder.json", _network("encoder.json"), _loaded),
    Target("encoder.safetensors", _network("encoder.safetensors"), _loaded),
    Target("boxes: COCO", _labels("labels.json", json.dumps(COCO)), _boxed),
    Target("boxes: VOC", _labels("a.xml", VOC), _boxed),
    Target("boxes: YOLO", _labels("a.txt", "0 0.5 0.5 0.3 0.25\n"), _boxed),
    Target("boxes: CSV", _labels("boxes.csv", "file,x0,y0,x1,y1,class\na.png,1,2,4,6,ring\n"), _boxed),
]
