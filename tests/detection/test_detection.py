"""Found by a network or by light alone, in files of any shape; cut out, kept, judged, drawn."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from astropy.io import fits
from PIL import Image

import ilk
from ilk.detection import Detections, detect, discover, judge, keep
from ilk.encoders.convnet import ConvNet
from ilk.encoders.detector import Detector
from ilk.errors import DataError, OptionError
from ilk.source.images import images
from ilk.space import Space
from ilk.things.found import Found, parent, part_id

SPOTS = {"a.png": [(10, 12, 5), (40, 80, 9)], "b.png": [(30, 20, 7)], "c.png": []}  # row, column, radius


def spots(places: list[tuple[int, int, int]], high: int = 60, wide: int = 100) -> np.ndarray:
    rng = np.random.default_rng(len(places))
    y, x = np.mgrid[:high, :wide]
    light = 40 + 3 * rng.standard_normal((high, wide))
    for row, column, radius in places:
        light += 150 * (np.hypot(y - row, x - column) <= radius)
    return light


def boxes_of(places: list[tuple[int, int, int]]) -> list[list[float]]:
    return [[c - r, y - r, c + r + 1, y + r + 1] for y, c, r in places]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ILK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sky").mkdir()
    for name, places in SPOTS.items():
        Image.fromarray(spots(places).clip(0, 255).astype(np.uint8)).save(tmp_path / "sky" / name)
    return tmp_path / "sky"


def close(found: np.ndarray, planted: list[list[float]], within: float = 2.0) -> bool:
    if len(found) != len(planted) or not planted:
        return len(found) == len(planted)
    order = np.argsort(found[:, 0])
    return bool(np.abs(found[order] - np.array(sorted(planted))).max(initial=0) <= within)


def test_discover_finds_what_stands_out_at_the_pictures_own_size(folder: Path) -> None:
    found = discover(folder)
    assert list(found.ids) == sorted(SPOTS)
    for name, one in zip(found.ids, found.found):
        assert close(one.boxes, boxes_of(SPOTS[name]))
    assert len(found) == 3
    assert found.sentence() == "3 things in 3 pictures; in 1 of them none."
    assert found.table()["class"].to_pylist() == ["thing"] * 3


def test_a_large_field_is_looked_at_in_tiles(tmp_path: Path) -> None:
    places = [(50, 60, 8), (120, 250, 6), (290, 128, 9), (300, 300, 5)]
    light = spots(places, 320, 330).astype(np.float32)
    light[200:210, 100:120] = np.nan  # a hole in the chip
    fits.writeto(tmp_path / "f.fits", light[::-1])
    found = discover(tmp_path / "f.fits", tile=128)
    (one,) = found.found
    assert close(one.boxes, boxes_of(places))


def test_unreadable_pictures_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "d.png").write_text("no picture")
    assert list(discover(folder).ids) == sorted(SPOTS)
    assert "left out 1 of 4 pictures: d.png" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"d\.png"):
        discover(folder, strict=True)
    with pytest.raises(DataError, match="no pictures"):
        discover(ilk.text(["a text"]))


def test_what_was_found_can_be_learnt_from(folder: Path) -> None:
    found = discover(folder)
    found.write("found.csv")
    told = ilk.boxes(folder, labels="found.csv", size=100)
    assert len(told) == 3  # with the picture that holds nothing
    for (own, _), places in zip(told.boxes(np.arange(3)), SPOTS.values()):
        assert close(own, [[x0, y0 + 20, x1, y1 + 20] for x0, y0, x1, y1 in boxes_of(places)])  # letterboxed
    how, again, _ = judge(None, folder, labels="found.csv")
    assert how.ap50 == 1
    assert len(again) == 3


def test_each_thing_becomes_a_row_with_its_cut_out(folder: Path) -> None:
    found = discover(folder)
    space = keep(found, "objects.space", "pixels", size=16)
    assert len(space) == 3
    about = space.metadata()
    assert set(about.column_names) == {"parent", "x0", "y0", "x1", "y1", "score", "class"}
    ids = space.ids()
    assert [parent(i)[0] for i in ids] == about["parent"].to_pylist()  # type: ignore[index]
    for png in space.pictures(ids):
        face = np.asarray(Image.open(io.BytesIO(png)))  # type: ignore[arg-type]
        assert face.shape == (16, 16)
        assert face[8, 8] > 150 > 60 > face[0, 0]  # the spot in the middle, its surroundings in the corner
    assert space.search(ids[0], 2, where="parent = 'b.png'").ids.tolist() == [[ids[2]]]
    (folder.parent / "more").mkdir()
    (folder / "a.png").rename(folder.parent / "more" / "z.png")
    more = keep(discover("more"), "objects")
    assert len(more) == 5
    learnt = json.loads(Path("objects.run/learn.json").read_text())
    assert learnt["data"] == str(folder)


def test_ids_of_parts() -> None:
    assert part_id("a@1.png", [1.4, 2, 3.6, -4]) == "a@1.png@1,2,4,-4"
    assert parent("a@1.png@1,2,4,-4") == ("a@1.png", (1, 2, 4, -4))
    assert parent("a@1.png") is None


@pytest.fixture
def run(folder: Path) -> Path:
    """A detector that has learnt nothing, for 64 pixels, and the space that it came with."""
    torch.manual_seed(0)
    network = Detector(ConvNet(1, 16, width=8), ["cat", "dog"], pyramid=16).eval()
    with torch.no_grad():
        network.says.of_classes.weight.normal_(std=100)  # so that some places are surer than others
        network.says.of_boxes.weight.normal_()
    read = images(folder, size=64, whole=True, cache=False)
    Space.create("pets.space", network, reading=read.reading)
    return Path("pets.space")


def test_boxes_come_back_to_the_picture_as_it_lies(folder: Path, run: Path) -> None:
    found = detect(run, folder, least=0.05)
    network = Space.open(run).encoder
    assert isinstance(network, Detector)
    read = images(folder, size=64, whole=True, cache=False)
    direct = network.find(read.batch(np.arange(3)), least=0.05)
    assert len(found) > 10
    # 100 x 60 became 64 x 38 (rounded), 13 below the top
    scale, off = np.array([100 / 64, 60 / 38] * 2), np.array([0, 13] * 2)
    expected = np.clip((direct[0].boxes - off) * scale, 0, [100, 60, 100, 60])
    assert found.found[0].boxes == pytest.approx(expected, abs=1e-2)
    assert found.found[0].scores == pytest.approx(direct[0].scores, abs=1e-4)
    assert set(found.table()["class"].to_pylist()) <= {"cat", "dog"}
    assert len(detect(run, folder, least=0.05, tile=32).ids) == 3


def test_the_detectors_own_vectors_make_a_space(folder: Path, run: Path) -> None:
    found = detect(run, folder / "a.png", least=0.05)
    space = keep(found, "pets2", "detector", size=32)
    assert len(space) == len(set(space.ids()))
    assert space.dim == found.detector.dim  # type: ignore[union-attr]
    assert space.fingerprint == Space.open(run).fingerprint
    with pytest.raises(OptionError, match="no detector"):
        keep(discover(folder), "other", "detector")


def test_a_picture_of_other_channels_is_left_out(
    folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    five = np.zeros((60, 60, 5), np.uint8)
    tifffile.imwrite(folder / "b5.tif", five, photometric="minisblack", planarconfig="contig")
    assert list(detect(run, folder, least=0.9).ids) == sorted(SPOTS)
    assert "left out 1 of 4 pictures: b5.tif (5 channels, expected 1)" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"b5\.tif: 5 channels"):
        detect(run, folder, least=0.9, strict=True)


def test_what_makes_no_sense(folder: Path, run: Path) -> None:
    with pytest.raises(OptionError, match="least is 1"):
        detect(run, folder, least=1)
    Space.create("plain.space", ConvNet(1, 16, width=8), reading={"reader": "images"})
    with pytest.raises(OptionError, match="yolo"):
        detect("plain.space", folder)
    with pytest.raises(DataError, match="no run"):
        detect("gone", folder)
    with pytest.raises(DataError, match="nothing was found"):
        keep(discover(folder / "c.png"), "none")


def test_classes_are_compared_by_name(folder: Path) -> None:
    truth = ilk.Boxed(
        images(np.zeros((1, 16, 16), np.uint8)), [np.array([[0, 0, 8, 8]])], [np.array([0])], ["dog"]
    )
    one = Found(np.array([[0, 0, 8, 8]], np.float32), np.array([0.9], np.float32), np.array([1]))
    told = Detections(["0"], [one], ("cat", "dog"), truth)
    assert told.judge(truth).ap50 == 1
    assert Detections(["0"], [one], ("dog", "cat"), truth).judge(truth).ap50 == 0


def test_discover_by_an_encoders_features(folder: Path) -> None:
    torch.manual_seed(0)
    read = images(folder, size=32, cache=False)
    Space.create("any.space", ConvNet(1, 32, width=8), reading=read.reading)
    found = discover(folder, by="any.space", smallest=8)
    assert len(found) >= 3
    for name, one in zip(found.ids, found.found):
        for planted in boxes_of(SPOTS[name]):
            middle = np.array([planted[0] + planted[2], planted[1] + planted[3]]) / 2
            assert ((one.boxes[:, :2] < middle) & (middle < one.boxes[:, 2:])).all(1).any()
    with pytest.raises(OptionError, match="maps"):
        discover(folder, by=keep(found, "flat", "pixels", size=8).path)
