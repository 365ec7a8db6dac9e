"""Scenes: repeatable, and what is planted is where it is said to be."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ilk.errors import DataError, OptionError, UnknownName
from ilk.source._scene import grounds
from ilk.source.scenes import scenes

DATA = Path(os.environ.get("ILK_DATA", "../shared/data"))


def test_the_same_arguments_give_the_same_scenes() -> None:
    some, more = scenes(3, seed=4), scenes(5, seed=4)
    assert (some.pictures.pixels == more.pictures.pixels[:3]).all()
    for (a, b), (c, d) in zip(some.boxes(np.arange(3)), more.boxes(np.arange(3))):
        assert (a == c).all()
        assert (b == d).all()
    assert not (scenes(3, seed=5).pictures.pixels == some.pictures.pixels).all()
    assert not (scenes(3, seed=4, part="test").pictures.pixels == some.pictures.pixels).all()
    assert some.id(0) == "digits-train-4-000000"


def test_boxes_hold_what_was_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a dark ground without noise, all light is within the boxes, and touches each of their sides."""
    monkeypatch.setattr(grounds, "textured", lambda rng, c, size: np.zeros((c, size, size), np.float32))
    monkeypatch.setattr(grounds, "noisy", lambda rng, x, sigma: x)
    found = scenes(20, size=96, many=(1, 4))
    for x, (own, kinds) in zip(found.batch(np.arange(20)).numpy()[:, 0], found.boxes(np.arange(20))):
        light = x > 0.14  # what is seen of a thing is a fifth of its light, which is 0.75 to 1
        left = x > 0.21
        for x0, y0, x1, y1 in own.astype(int):
            inside = light[y0:y1, x0:x1]
            assert inside[0].any()
            assert inside[-1].any()
            assert inside[:, 0].any()
            assert inside[:, -1].any()
            left[y0:y1, x0:x1] = False
        assert not left.any()
        assert 1 <= len(own) == len(kinds) <= 4
        assert (own >= 0).all()
        assert (own <= 96).all()
    assert 40 < sum(len(b) for b, _ in found.boxes(np.arange(20))) < 80


def test_things_of_a_folder_lose_the_paper_around_them(tmp_path: Path) -> None:
    for name, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        picture = Image.new("RGB", (30, 30), "white")
        ImageDraw.Draw(picture).rectangle((10, 5, 19, 24), fill=colour, outline="black")
        ImageDraw.Draw(picture).rectangle((13, 10, 16, 14), fill="white")  # white within is the thing's
        picture.save(tmp_path / f"{name}.png")
    found = scenes(6, "pictures", data=tmp_path, classes=2, many=(1, 1))
    assert found.classes == ("blue.png", "red.png")
    for (own, kinds), x in zip(found.boxes(np.arange(6)), found.batch(np.arange(6)).numpy()):
        x0, y0, x1, y1 = own[0].astype(int)
        assert 1.3 < (y1 - y0) / (x1 - x0) < 2.6
        patch = x[:, y0:y1, x0:x1].mean((1, 2))
        assert patch.argmax() == (2 if kinds[0] == 0 else 0)
    with pytest.raises(DataError, match="3 classes from 2"):
        scenes(1, "pictures", data=tmp_path, classes=3)


def test_holes_shine_in_their_boxes() -> None:
    found = scenes(4, "blackholes", size=96, many=(2, 2))
    assert found.classes == ("no ring", "ring", "double ring")
    assert found.traits["augment"] == "astro"
    x = found.pictures.pixels[:, 0]
    ground = np.median(np.abs(x - np.median(x))) * 1.4826  # in units of the noise, which is 1
    assert ground == pytest.approx(1, abs=0.1)
    for field, (own, _) in zip(x, found.boxes(np.arange(4))):
        for x0, y0, x1, y1 in own.astype(int):
            assert field[y0:y1, x0:x1].mean() > 1


@pytest.mark.skipif(not (DATA / "mnist.npz").exists(), reason="no mnist.npz")
def test_digits_of_mnist() -> None:
    found = scenes(3, data=DATA / "mnist.npz", part="test")
    assert found.classes == tuple("0123456789")
    assert found.traits == {"channels": 1, "size": 128, "augment": "digits", "classes": found.classes}


def test_what_makes_no_sense(tmp_path: Path) -> None:
    for wrong, error in (
        ({"kind": "cats"}, UnknownName),
        ({"part": "middle"}, UnknownName),
        ({"size": 8}, OptionError),
        ({"many": (3, 1)}, OptionError),
        ({"kind": "pictures"}, OptionError),
        ({"data": tmp_path / "none.npz"}, DataError),
    ):
        with pytest.raises(error):
            scenes(2, **wrong)  # type: ignore[arg-type]
