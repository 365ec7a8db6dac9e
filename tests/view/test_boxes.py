"""Boxes are drawn where they are; a thing in the browser is shown in its picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ilk.detection import Detections, keep
from ilk.source.boxes import Boxed
from ilk.source.images import images
from ilk.space import Space
from ilk.things.found import Found
from ilk.things.measure import measure
from ilk.view._server import fields
from ilk.view._server.originals import Originals, beside
from ilk.view.boxes import INK, draw, draw_confusion, draw_curves, draw_errors

from .looked_at import Visitor

# x0, y0, x1, y1 of what is found in each; one picture's name begins as the other's
SPOTS = {"a.png": [(5, 5, 15, 15), (20, 8, 26, 14), (38, 20, 56, 34)], "a.png.png": [(30, 2, 34, 6)]}


def test_pictures_are_drawn_with_what_is_told() -> None:
    x = np.zeros((1, 40, 80), np.float32)
    shown = np.asarray(Image.open(io.BytesIO(draw(x, np.array([[10, 10, 30, 30]]), ["a"], longest=160))))
    assert shown.shape == (80, 160, 3)
    assert shown[40, 20].tolist() == list(INK)
    assert shown[40, 40].tolist() == [0, 0, 0]
    tall = draw(np.zeros((1, 3000, 10), np.uint8), np.zeros((0, 4)), longest=100)
    assert Image.open(io.BytesIO(tall)).size == (1, 100)


def test_errors_confusion_and_curves_are_drawn(tmp_path: Path) -> None:
    pictures = images(np.zeros((2, 20, 20), np.uint8))
    truth = Boxed(pictures, [np.array([[1, 1, 9, 9]]), np.zeros((0, 4))], [np.zeros(1), np.zeros(0)])
    nothing = Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    wrong = Found(np.array([[11, 11, 19, 19]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    how = measure([wrong, nothing], truth.boxes(np.arange(2)))
    with Image.open(draw_errors(truth, how, tmp_path / "e.png")) as sheet:
        colours = {c for _, c in sheet.convert("RGB").getcolors(1 << 20)}
        assert INK in colours
        assert (64, 200, 255) in colours
    for drawn in (draw_confusion(how, tmp_path / "c.png"), draw_curves(how, tmp_path / "p.png")):
        with Image.open(drawn) as picture:
            assert min(picture.size) > 100


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sky/ with two fields, and objects.space with the three spots of the first and the one of the other."""
    folder = tmp_path_factory.mktemp("field")
    (folder / "sky").mkdir()
    for name, places in SPOTS.items():
        light = np.random.default_rng(0).normal(40, 3, (40, 60))
        for x0, y0, x1, y1 in places:
            light[y0:y1, x0:x1] += 150
        Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(folder / "sky" / name)
    found = [
        Found(np.array(b, np.float32), np.ones(len(b), np.float32), np.zeros(len(b), np.int64))
        for b in SPOTS.values()
    ]
    keep(
        Detections([*SPOTS], found, ("thing",), str(folder / "sky")),
        folder / "objects.space",
        "pixels",
        size=8,
    )
    return folder


def test_the_picture_of_a_thing_is_the_one_it_was_cut_out_of(field: Path) -> None:
    found = Originals(str(field / "sky"))
    whole, part = found.picture("a.png"), found.picture("a.png@5,5,15,15")
    assert whole is not None
    assert part is not None
    assert (part == whole).all()
    assert found.picture("c.png@5,5,15,15") is None
    assert found.picture("../sky/a.png@1,1,2,2") is None
    assert beside(field / "sky.space", ["a.png@5,5,15,15"]) == str(field / "sky")
    assert beside(field / "sky.space", ["c.png@5,5,15,15"]) is None


def test_what_else_was_found_in_a_picture_is_told(field: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor, ids = Visitor(field / "objects.space"), Space.open(field / "objects.space").ids()
    row = ids.index("a.png@5,5,15,15")
    about = visitor.get(f"/api/rows/{row}/picture/about")
    assert (about["full"], about["width"], about["height"]) == (True, 60, 40)
    told = [(t["id"], tuple(t["box"])) for t in about["things"]]
    assert told == [
        (f"a.png@{','.join(map(str, b))}", b) for b in sorted(SPOTS["a.png"], key=lambda b: -area(b))
    ]
    assert [ids[t["row"]] for t in about["things"]] == [name for name, _ in told]
    other = visitor.get(f"/api/rows/{ids.index('a.png.png@30,2,34,6')}/picture/about")
    assert len(other["things"]) == 1
    monkeypatch.setattr(fields, "MOST", 2)
    near = visitor.get(f"/api/rows/{row}/picture/about")["things"]
    assert [tuple(t["box"]) for t in near] == [(5, 5, 15, 15), (20, 8, 26, 14)]


def area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
