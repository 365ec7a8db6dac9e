"""Labels in four formats say the same; broken ones are told; nothing in them is executed."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from ilk.errors import DataError, UnreadableSample
from ilk.source._boxes import voc
from ilk.source._boxes.finding import Places
from ilk.source.boxes import Boxed, boxes
from ilk.source.images import images

# Two pictures, 40 x 20 and 20 x 20; in the first a cat (10, 5)-(30, 15) and a dog (0, 0)-(4, 8).
TOLD = {"a": [("cat", 10, 5, 30, 15), ("dog", 0, 0, 4, 8)], "b": [("dog", 2, 3, 12, 20)]}
SIDES = {"a": (40, 20), "b": (20, 20)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, (wide, high) in SIDES.items():
        Image.fromarray(rng.integers(0, 255, (high, wide, 3), np.uint8)).save(tmp_path / f"{name}.png")
    return tmp_path


def coco(folder: Path) -> None:
    kinds = ["cat", "dog"]
    things = [(n, k, x0, y0, x1, y1) for n, rows in TOLD.items() for k, x0, y0, x1, y1 in rows]
    held = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 1, "height": 1} for n in TOLD],
        "categories": [{"id": i + 7, "name": k} for i, k in enumerate(kinds)],
        "annotations": [
            {"image_id": n, "category_id": kinds.index(k) + 7, "bbox": [x0, y0, x1 - x0, y1 - y0]}
            for n, k, x0, y0, x1, y1 in things
        ],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations" / "instances.json").write_text(json.dumps(held))


def yolo(folder: Path) -> None:
    (folder / "data.yaml").write_text("train: here\nnames:\n  0: cat\n  1: 'dog'\nnc: 2\n")
    for name, rows in TOLD.items():
        w, h = SIDES[name]
        numbers = [
            (("cat", "dog").index(k), (x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h)
            for k, x0, y0, x1, y1 in rows
        ]
        (folder / f"{name}.txt").write_text("\n".join(" ".join(map(str, n)) for n in numbers))


def pascal(folder: Path) -> None:
    for name, rows in TOLD.items():
        things = "".join(
            f"<object><name>{k}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for k, x0, y0, x1, y1 in rows
        )
        (folder / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename>{things}</annotation>"
        )


def csv(folder: Path) -> None:
    rows = [f"{n}.png,{x0},{y0},{x1},{y1},{k}" for n, told in TOLD.items() for k, x0, y0, x1, y1 in told]
    (folder / "labels.csv").write_text("\n".join(["path,x0,y0,x1,y1,class", *rows]))


@pytest.mark.parametrize("write", [coco, yolo, pascal, csv])
def test_every_format_says_the_same(folder: Path, write: "object") -> None:
    assert callable(write)
    write(folder)
    found = boxes(folder, size=80, cache=False)
    assert found.classes == ("cat", "dog")
    assert [found.id(i) for i in range(2)] == ["a.png", "b.png"]
    (first, kinds), (second, other) = found.boxes(np.arange(2))
    # 40 x 20 becomes 80 x 40 in the middle of 80 x 80: twice as large, 20 lower
    assert first.tolist() == pytest.approx(np.array([[20, 30, 60, 50], [0, 20, 8, 36]]))
    assert second.tolist() == pytest.approx(np.array([[8, 12, 48, 80]]))
    assert (kinds.tolist(), other.tolist()) == ([0, 1], [1])
    assert not found.skipped
    assert first.dtype == np.float32
    x = found.batch(np.array([0]))
    assert x.shape == (1, 3, 80, 80)
    assert x[0, :, :20].max() == 0  # nothing above the picture
    assert x[0, :, 20:60].min(2).values.max() > 0


def test_classes_are_chosen_and_a_part_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv(folder)
    found = boxes(folder / "labels.csv", classes=["dog"], cache=False)
    assert [len(b) for b, _ in found.boxes(np.arange(2))] == [1, 1]
    assert "'cat' (1)" in capsys.readouterr().err
    part = found.take(np.array([1]))
    assert part.id(0) == "b.png"
    assert part.boxes(np.array([0]))[0][1].tolist() == [0]
    assert part.traits["classes"] == ("dog",)
    read = images(folder, **{k: v for k, v in found.reading.items() if k in ("size", "whole")}, cache=False)
    assert (read[0] == found[0]).all()  # more of the same is read with all of it, too


BAD = """path,x,y,w,h
a.png,5,5,10,10
a.png,5,5,-3,10
a.png,nan,5,3,10
a.png,50,5,3,3
a.png,5,five,3,3
a.png,35,15,20,20
b.png,,,,
gone.png,1,1,2,2
"""


def test_broken_boxes_are_told_and_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "labels.csv").write_text(BAD)
    found = boxes(folder, cache=False, size=40)
    (first, _), (none, _) = found.boxes(np.arange(2))
    assert found.classes == ("thing",)  # the table names no class
    assert first.tolist() == [[5, 15, 15, 25], [35, 25, 40, 30]]  # the second is cut at its picture's edge
    assert none.shape == (0, 4)
    why = {s.id.partition(" (")[0]: s.why for s in found.skipped}
    assert why == {
        "gone.png": "there is no picture of that name",
        "labels.csv row 2": "-3 wide and 10 high",
        "labels.csv row 3": "a corner is no finite number",
        "labels.csv row 4": "outside of its picture of 40 x 20",
        "labels.csv row 5": "a corner is no finite number",
    }
    said = capsys.readouterr().err
    assert "left out 5 boxes or labels" in said
    assert "1 of 2 pictures hold nothing" in said
    assert "1 boxes went beyond" in said
    with pytest.raises(UnreadableSample, match="gone"):
        boxes(folder, strict=True, cache=False)


def test_broken_lines_of_yolo(folder: Path) -> None:
    (folder / "a.txt").write_text(
        "0 .5 .5 .5 .5\nx .5 .5 .5 .5\n0 .5 .5\n0 .1 .2 .5 .2 .5 .9\n\n3 .5 .5 nan 1\n"
    )
    found = boxes(folder, cache=False, size=40)
    assert found.classes == ("0", "3")
    (first, _), (none, _) = found.boxes(np.arange(2))
    assert first.tolist() == pytest.approx(np.array([[10, 15, 30, 25], [4, 14, 20, 28]]))  # a polygon's box
    assert len(none) == 0  # a picture without a file holds nothing
    assert [s.id for s in found.skipped] == ["a.txt line 2", "a.txt line 3", "a.txt line 6 (a)"]


def test_broken_annotations_of_coco(folder: Path) -> None:
    held = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}]}
    rows = [
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]},
        {"image_id": 9, "category_id": 1, "bbox": [1, 1, 2, 2]},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2]},
        {"image_id": 1, "category_id": 1},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "iscrowd": 1},
        "no annotation",
    ]
    (folder / "l.json").write_text(json.dumps({**held, "annotations": rows}))
    found = boxes(folder, cache=False)
    assert len(found) == 1  # the other is not named: nobody knows what it holds
    assert len(found.boxes(np.array([0]))[0][0]) == 1
    assert len(found.skipped) == 5
    (folder / "l.json").write_text('{"images": 3')
    with pytest.raises(DataError, match="COCO"):
        boxes(folder, cache=False)


def test_xml_that_defines_entities_is_refused(folder: Path) -> None:
    pascal(folder)
    (folder / "b.xml").write_text(
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'
    )
    found = boxes(folder, cache=False)
    assert len(found) == 1
    assert [(s.id, "entities" in s.why) for s in found.skipped] == [("b.xml", True)]
    with pytest.raises(ValueError, match="document type"):
        voc.parsed(b'<!DOCTYPE z [<!ENTITY a "b">]><z>&a;</z>')


def test_a_turned_photograph_has_the_boxes_of_what_is_seen(tmp_path: Path) -> None:
    photo = Image.fromarray(np.zeros((20, 40, 3), np.uint8))
    exif = photo.getexif()
    exif[0x0112] = 6  # to be turned by a quarter: it is seen 20 wide, 40 high
    photo.save(tmp_path / "a.jpg", exif=exif)
    pa.parquet.write_table(
        pa.table({"path": ["a.jpg"], "xmin": [0], "ymin": [20], "xmax": [20], "ymax": [40]}),
        tmp_path / "l.parquet",
    )
    found = boxes(tmp_path, labels=tmp_path / "l.parquet", size=40, cache=False)
    assert found.boxes(np.array([0]))[0][0].tolist() == [[10, 20, 30, 40]]


def test_names_find_their_pictures() -> None:
    places = Places(["images/train/a.jpg", "images/val/a.jpg", "b.v2.png"])
    assert places.of("labels/train/a") == 0
    assert places.of("C:\\data\\val\\a.jpg") == 1
    assert places.of("a.jpg") == "several pictures are called that"
    assert places.of("b.v2") == 2
    assert places.of("b") == "there is no picture of that name"


def test_nothing_to_read_says_what_is_expected(folder: Path) -> None:
    with pytest.raises(DataError, match="no labels"):
        boxes(folder)
    with pytest.raises(DataError, match="there is no"):
        boxes(folder / "nowhere")
    (folder / "one.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="xmin"):
        boxes(folder)
    (folder / "two.json").write_text("{}")
    with pytest.raises(DataError, match=r"2 files of labels: one\.csv, two\.json"):
        boxes(folder)
    (folder / "two.json").unlink()
    (folder / "one.csv").write_text("path,x,y,w,h\nother.png,1,1,2,2\n")
    with pytest.raises(DataError, match="is named"):
        boxes(folder, cache=False)


def test_boxes_and_pictures_must_agree() -> None:
    pictures = images(np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(DataError, match="2 pictures, boxes for 1"):
        Boxed(pictures, [np.zeros((0, 4))], [np.zeros(0)])
    with pytest.raises(DataError, match="classes from 1 to 1; there are 1"):
        Boxed(pictures, [np.zeros((1, 4)), np.zeros((0, 4))], [np.ones(1), np.zeros(0)])
