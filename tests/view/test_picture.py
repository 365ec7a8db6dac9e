import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from ilk.analysis.anomalies import anomalies
from ilk.analysis.clusters import clusters
from ilk.analysis.map import layout
from ilk.errors import DataError, OptionError
from ilk.view.picture import ALARM, COLOURS, draw, draw_space

from ..analysis.conftest import space  # noqa: F401

SVG = "{http://www.w3.org/2000/svg}"
CORNERS = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
FOUR = np.array([0, 1, 2, 3])


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def red_square(rows: np.ndarray) -> list[bytes | None]:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (250, 0, 0)).save(out, "png")
    return [out.getvalue()] * len(rows)


def test_points_are_where_they_should_be_in_their_colour(tmp_path):
    path = draw(tmp_path / "m.png", CORNERS, groups=FOUR, width=700, height=500)
    with Image.open(path) as picture:
        assert picture.size == (700, 500)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    pixels = pixels[:, : 700 - 190]  # without the legend
    middle = [np.argwhere(np.abs(pixels - rgb(COLOURS[g])).sum(2) < 30).mean(0) for g in range(4)]
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = middle
    assert y1 < y0 - 100  # y grows upwards
    assert x2 > x0 + 100
    assert x0 == pytest.approx(x1, abs=2)
    assert y1 == pytest.approx(y3, abs=2)
    assert (x3, y2) == pytest.approx((x2, y0), abs=2)


def test_svg_is_xml_and_names_are_escaped(tmp_path):
    ids = ["<script>alert(1)</script>", 'a"b&c', "bell\x07", "plain"]
    path = draw(tmp_path / "m.svg", CORNERS, ids=ids, groups=FOUR, pictures=red_square, title="<b>&</b>")
    text = path.read_text()
    assert "<script" not in text
    tree = ET.fromstring(text)
    titles = {e.text for e in tree.iter(SVG + "title")}
    assert {"<script>alert(1)</script>", 'a"b&c', "plain", "bell\ufffd"} == titles
    assert "<b>&</b>" in {e.text for e in tree.iter(SVG + "text")}
    assert {e.get("fill") for e in tree.iter(SVG + "circle")} == set(COLOURS[:4])
    assert len(list(tree.iter(SVG + "circle"))) == 4 + 4  # points and legend


def test_thumbnails_do_not_overlap_and_show_the_picture(tmp_path):
    xy = np.random.default_rng(0).normal(size=(500, 2))
    path = draw(tmp_path / "m.svg", xy, ids=[str(i) for i in range(500)], pictures=red_square)
    tree = ET.fromstring(path.read_text())
    boxes = np.array([[float(e.get(a, 0)) for a in ("x", "y", "width")] for e in tree.iter(SVG + "image")])
    assert len(boxes) > 20
    for i, (x, y, w) in enumerate(boxes):
        others = np.delete(boxes, i, 0)
        assert not ((np.abs(others[:, 0] - x) < w) & (np.abs(others[:, 1] - y) < w)).any()
    with Image.open(draw(tmp_path / "m.png", xy, pictures=red_square)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert (np.abs(pixels - (250, 0, 0)).sum(2) < 12).sum() > len(boxes) * 1000


def test_samples_without_a_picture_stay_points(tmp_path):
    path = draw(tmp_path / "m.svg", CORNERS, pictures=lambda rows: [None] * len(rows))
    assert "<image" not in path.read_text()


def test_one_group_needs_no_legend_and_one_point_no_span(tmp_path):
    tree = ET.fromstring(draw(tmp_path / "m.svg", np.zeros((1, 2))).read_text())
    assert len(list(tree.iter(SVG + "circle"))) == 1
    assert not list(tree.iter(SVG + "text"))


def test_bad_input_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"\.png or \.svg"):
        draw(tmp_path / "m.gif", CORNERS)
    with pytest.raises(DataError, match="finite"):
        draw(tmp_path / "m.png", np.array([[np.nan, 0]]))


def test_on_a_space(space, tmp_path):  # noqa: F811
    with pytest.raises(DataError, match="no map yet"):
        draw_space(space, tmp_path / "m.svg")
    layout(space, epochs=30)
    clusters(space, 2, starts=2)
    space.upsert_vectors([f"far-{i}" for i in range(9)], 4 * np.eye(9, 64, dtype=np.float32))
    layout(space, epochs=30)
    assert {f"far-{i}" for i in range(9)} <= {space.ids()[i] for i in anomalies(space).odd}
    space.upsert_vectors(["not-on-the-map"], np.zeros((1, 64), np.float32))
    tree = ET.fromstring(draw_space(space, tmp_path / "m.svg", title="Digits", odd=7).read_text())
    texts = [e.text for e in tree.iter(SVG + "text")]
    assert "Digits" in texts
    assert texts.count("Group 1") == 2  # on the map and in the legend
    rings = [e for e in tree.iter(SVG + "circle") if e.get("stroke") == ALARM]
    assert len(rings) == 7 + 1
    assert len(list(tree.iter(SVG + "image"))) > 10
