"""Boxes are drawn where they are; a thing in the browser is shown in its picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ilk.source.boxes import Boxed
from ilk.source.images import images
from ilk.things.found import Found
from ilk.things.measure import measure
from ilk.view._server.originals import Originals, beside
from ilk.view.boxes import INK, draw, draw_confusion, draw_curves, draw_errors, framed


def test_a_frame_lies_around_its_box_and_changes_nothing_else() -> None:
    x = np.full((3, 50, 70), 100, np.uint8)
    out = framed(x, (20, 10, 40, 30))
    assert out[:, 9, 25].tolist() == list(INK)
    assert out[:, 20, 19].tolist() == list(INK)
    assert (out[:, 10:30, 20:40] == 100).all()
    assert (x == 100).all()
    changed = (out != x).any(0)
    assert changed[:8].sum() == 0
    grey = framed(np.random.default_rng(0).normal(0, 1, (1, 50, 70)).astype(np.float32), (-5, -5, 10, 10))
    assert 2 < grey[0, 10, 3] < 3.5  # as bright as the brightest of the picture, not brighter


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


def test_a_thing_is_shown_in_its_picture(tmp_path: Path) -> None:
    (tmp_path / "sky").mkdir()
    Image.fromarray(np.full((40, 60), 9, np.uint8)).save(tmp_path / "sky" / "a.png")
    found = Originals(str(tmp_path / "sky"))
    whole, part = found.picture("a.png"), found.picture("a.png@10,10,20,20")
    assert whole is not None
    assert part is not None
    assert part.shape == whole.shape == (1, 40, 60)
    assert found.picture("b.png@10,10,20,20") is None
    assert found.picture("../sky/a.png@1,1,2,2") is None
    assert beside(tmp_path / "sky.space", ["a.png@10,10,20,20"]) == str(tmp_path / "sky")
    assert beside(tmp_path / "sky.space", ["b.png@10,10,20,20"]) is None


@pytest.mark.parametrize("box", [(0, 0, 60, 40), (-9, -9, 90, 90), (59, 39, 60, 40)])
def test_frames_beyond_the_picture_are_cut(box: tuple[int, int, int, int]) -> None:
    assert framed(np.zeros((1, 40, 60), np.float32), box).shape == (1, 40, 60)
