"""Scientific pixels -> what a person sees."""

import io
import json
from typing import get_args

import numpy as np
import pytest
import tifffile
from PIL import Image

from ilk.learning.learn import learn
from ilk.source.images import images
from ilk.view._server.faces import sheet
from ilk.view._server.originals import Originals, beside, recorded
from ilk.view._server.stretch import Colours, Look, png, table

from .looked_at import Visitor


def shown(pixels: np.ndarray, *args, **look) -> np.ndarray:
    with Image.open(io.BytesIO(png(pixels, Look(**look), *args))) as opened:
        return np.asarray(opened)


RAMP = np.arange(101, dtype=np.float32).reshape(1, 1, 101)


def test_the_ends_are_percentiles_and_what_lies_beyond_is_cut():
    y = shown(RAMP, low=10, high=90)[0]
    assert (y[:11] == 0).all()
    assert (y[90:] == 255).all()
    assert y[50] in (127, 128)
    y = shown(RAMP)[0]  # floats: 0.5 to 99.5
    assert y[25] == np.rint((25 - 0.5) / 99 * 255)


@pytest.mark.parametrize(
    ("stretch", "half"),
    [
        ("linear", 0.5),
        ("sqrt", np.sqrt(0.5)),
        ("asinh", np.arcsinh(5) / np.arcsinh(10)),
        ("log", np.log(501) / np.log(1001)),
    ],
)
def test_stretches_by_hand(stretch, half):
    y = shown(RAMP, low=0, high=100, stretch=stretch)[0]
    assert (y[0], y[100]) == (0, 255)
    assert y[50] == np.rint(half * 255)


def test_eight_bits_are_shown_as_they_are():
    x = np.array([[[10, 20], [30, 200]]], np.uint8)
    np.testing.assert_array_equal(shown(x), x[0])
    colour = np.stack([x[0], x[0] + 1, x[0] + 2])
    np.testing.assert_array_equal(shown(colour), np.moveaxis(colour, 0, -1))
    five = np.concatenate([colour, 3 * np.ones((2, 2, 2), np.uint8)])
    np.testing.assert_array_equal(shown(five), np.moveaxis(colour, 0, -1))  # the first three
    np.testing.assert_array_equal(shown(five, channel=1), colour[1])


def test_odd_pictures_are_shown_all_the_same():
    holes = RAMP.copy()
    holes[0, 0, [3, 50]] = np.nan, np.inf
    y = shown(holes, low=0, high=100)[0]
    assert (y[3], y[100]) == (0, 255)
    assert (shown(np.full((1, 4, 4), np.nan, np.float32)) == 0).all()
    assert (shown(np.full((1, 4, 4), 7.0)) == 0).all()
    one = np.zeros((1, 64, 64), np.uint16)
    one[0, 5, 5] = 60_000  # rarer than the percentiles see
    assert shown(one)[5, 5] == 255
    flags = np.array([[[True, False]]])
    assert shown(flags, low=0, high=100).tolist() == [[255, 0]]


def test_a_large_picture_is_made_smaller_keeping_its_shape_and_mean():
    x = np.random.default_rng(0).integers(0, 256, (1, 300, 1500)).astype(np.uint8)
    y = shown(x, size=500)
    assert y.shape == (100, 500)
    assert y.mean() == pytest.approx(x.mean(), abs=1)
    assert shown(x, size=2000).shape == (300, 1500)  # never larger


@pytest.mark.parametrize("colours", get_args(Colours))
def test_colours_grow_lighter_all_the_way(colours):
    rgb = table(colours).astype(float)
    light = rgb @ [0.2126, 0.7152, 0.0722]
    if colours == "coolwarm":  # two ways from a light middle
        light = np.concatenate([light[:128], 2 * light[128] - light[128:]])
    assert (np.diff(light) > -1).all()
    assert light[-1] - light[0] > 120
    assert len(np.unique(rgb, axis=0)) > 200


def test_cubehelix_has_the_greys_of_its_paper():
    grey = table("cubehelix") @ [0.30, 0.59, 0.11]  # Green (2011), equation 2
    np.testing.assert_allclose(grey, np.arange(256), atol=1.0)


def test_a_damaged_face_leaves_its_tile_empty():
    whole = io.BytesIO()
    Image.new("RGB", (64, 32), (1, 2, 3)).save(whole, "png")
    data = whole.getvalue()
    with Image.open(io.BytesIO(sheet([data, data[:40], None, b"", data]))) as opened:
        tiles = np.asarray(opened).reshape(64, 5, 64, 4).transpose(1, 0, 2, 3)
    assert [bool(t[..., 3].any()) for t in tiles] == [True, False, False, False, True]
    assert (tiles[0][16:48] == [1, 2, 3, 255]).all()
    assert (tiles[0][:16, :, 3] == 0).all()


def test_faces_fill_their_tiles_in_their_own_shape():
    def face(width: int, height: int) -> bytes:
        out = io.BytesIO()
        Image.new("L", (width, height), 200).save(out, "png")
        return out.getvalue()

    with Image.open(io.BytesIO(sheet([face(28, 28), face(5, 10), face(300, 100), face(1, 999)]))) as opened:
        tiles = np.asarray(opened).reshape(64, 4, 64, 4).transpose(1, 0, 2, 3)[..., 3] > 0
    assert [t.sum() for t in tiles] == [64 * 64, 32 * 64, 64 * 21, 64]
    assert tiles[1][:, 16:48].all()


def test_parts_of_a_stack_are_found_by_their_id(tmp_path):
    stack = np.arange(3 * 4 * 4, dtype=np.uint16).reshape(3, 4, 4)
    (tmp_path / "a").mkdir()
    tifffile.imwrite(tmp_path / "a" / "many.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "a" / "one.tif", stack[0], photometric="minisblack")
    originals = Originals(str(tmp_path / "a"))
    for part in range(3):
        found = originals.picture(f"many.tif#{part}")
        assert found is not None
        np.testing.assert_array_equal(found[0], stack[part])
    one = originals.picture("one.tif")
    assert one is not None
    assert one.shape == (1, 4, 4)
    for id_ in ("many.tif#3", "many.tif#x", "two.tif", "../a/one.tif", "", "#", "#1"):
        assert originals.picture(id_) is None
    (tmp_path / "a" / "one.tif").write_bytes(b"no longer")
    assert originals.picture("one.tif") is None  # the small picture is shown instead


@pytest.mark.parametrize("of", ["folder", "table", "gone"])
def test_pictures_are_full_where_learn_recorded_that_they_lie(tmp_path, of):
    deep = np.random.default_rng(0).normal(size=(12, 20, 20)).astype(np.float32)
    data = tmp_path / "elsewhere" / "raw"
    data.mkdir(parents=True)
    for i, x in enumerate(deep):
        np.save(data / f"{i:02d}.npy", x)
    (data / "table.csv").write_text("path,id\n" + "".join(f"{i:02d}.npy,star {i}\n" for i in range(12)))
    told = data / "table.csv" if of == "table" else data
    space = learn(images(told, size=8, cache=False), "pca", out=tmp_path / "stars", dim=3)
    if of == "gone":
        data.rename(data.with_name("moved"))
    visitor = Visitor(space.path)
    assert visitor.get("/api/space")["has"]["full"] == (of != "gone")
    about = visitor.get("/api/rows/3/picture/about")
    if of == "gone":
        assert (about["full"], about["type"], about["width"]) == (False, "uint8", 8)
        return
    i = int(space.ids()[3].removesuffix(".npy").removeprefix("star "))
    assert (about["full"], about["type"], about["width"]) == (True, "float32", 20)
    assert about["max"] == deep[i].max()
    assert visitor.get("/api/rows/3/picture").headers["x-ilk-full"] == "1"


def test_a_record_is_believed_only_where_it_makes_sense(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"x")
    whole = {"format": 1, "asked": {}, "fingerprints": []}
    for told in ("not json", "[]", "{}", '{"data": 3}'):
        (tmp_path / "learn.json").write_text(told)
        assert recorded(tmp_path, ["1.png"]) is None
    for data in (3, "a", "https://a.example/b"):
        (tmp_path / "learn.json").write_text(json.dumps({**whole, "data": data}))
        assert recorded(tmp_path, ["1.png"]) is None
    (tmp_path / "learn.json").write_text(json.dumps({**whole, "data": str(tmp_path / "a")}))
    assert recorded(tmp_path, ["1.png"]) == str(tmp_path / "a")
    assert recorded(tmp_path, ["2.png"]) is None


def test_the_data_beside_a_space_are_theirs_only_if_the_ids_say_so(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"x")
    space = tmp_path / "a.space"
    assert beside(space, ["1.png"]) == str(tmp_path / "a")
    assert beside(space, ["1.png#3"]) == str(tmp_path / "a")
    for ids in ([], ["1.png", "2.png"], ["../a.space"], ["000001"], [str(tmp_path / "b.png")]):
        assert beside(space, ids) is None
    assert beside(tmp_path / "b.space", ["1.png"]) is None
