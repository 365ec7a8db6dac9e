"""Sources of every kind, bad files, one form for all, and queries read as the data were."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import ilk.source
from ilk.errors import DataError, OptionError, UnknownName, UnreadableSample
from ilk.source._reading.form import TRIED, Wish, look_ahead
from ilk.source._reading.listing import listing
from ilk.source.images import Images, images

RNG = np.random.default_rng(2)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, x: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(x).save(path)


def ids(source: Images) -> list[str]:
    return [source.id(i) for i in range(len(source))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for i, name in enumerate(["b.png", "a.png", "z/c.png", "z/ü.png"]):
        save(root / name, np.full((8, 8), 10 * i, np.uint8))
    (root / "notes.txt").write_text("not a picture")
    (root / ".hidden.png").write_text("nor this")
    return root


def test_a_folder_by_name_and_its_ids_are_relative(folder: Path) -> None:
    got = images(folder)
    assert ids(got) == ["a.png", "b.png", "z/c.png", "z/ü.png"]
    assert got.pixels[:, 0, 0, 0].tolist() == [10, 0, 20, 30]
    assert (len(got), got.traits) == (4, {"channels": 1, "size": 8, "augment": "digits"})
    shutil.copytree(folder, folder.parent / "elsewhere")
    assert ids(images(folder.parent / "elsewhere")) == ids(got)


def test_a_link_back_up_ends(folder: Path) -> None:
    (folder / "z" / "loop").symlink_to(folder)
    assert len(images(folder)) == 4


def test_a_glob_and_a_list(folder: Path) -> None:
    assert ids(images(f"{folder}/**/*.png")) == ["a.png", "b.png", "z/c.png", "z/ü.png"]
    assert ids(images(f"{folder}/z/*.png")) == ["c.png", "ü.png"]
    paths = [
        folder / "z" / "c.png",
        folder / "a.png",
        folder / "a.png",
        folder / "gone.png",
        folder / "notes.txt",
    ]
    got = images(paths)
    assert ids(got) == [p.as_posix() for p in paths[:2]]
    assert [s.why for s in got.skipped] == [
        "listed twice",
        "there is no such file",
        "files ending in .txt are not pictures",
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_brings_its_columns_along(folder: Path, kind: str) -> None:
    table = pa.table({"id": [7, 8, 9], "z": [0.1, 0.2, 0.3], "file": ["z/c.png", "gone.png", "a.png"]})
    path = folder / f"t.{kind}"
    (pa.csv.write_csv if kind == "csv" else pa.parquet.write_table)(table, path)
    got = images(path)
    assert ids(got) == ["7", "9"]
    assert got.pixels[:, 0, 0, 0].tolist() == [20, 10]
    assert got.metadata() == pa.table({"z": [0.1, 0.3], "file": ["z/c.png", "a.png"]})
    assert got.skipped[0].id == "8"


def test_a_parquet_table_that_holds_its_pictures(folder: Path) -> None:
    pictures = [(folder / "z" / "c.png").read_bytes(), None, b"hello", (folder / "a.png").read_bytes()]
    for cells in (pictures, [{"bytes": p, "path": "x.png"} for p in pictures]):
        pa.parquet.write_table(pa.table({"image": cells, "label": [1, 2, 3, 4]}), folder / "t.parquet")
        got = images(folder / "t.parquet")
        assert ids(got) == ["t.parquet#0", "t.parquet#3"]
        assert got.pixels[:, 0, 0, 0].tolist() == [20, 10]
        assert got.metadata() == pa.table({"label": [1, 4]})
        assert [s.id for s in got.skipped] == ["t.parquet#1", "t.parquet#2"]


def test_a_table_without_paths_or_with_repeated_ids_says_so(folder: Path) -> None:
    pa.csv.write_csv(pa.table({"name": ["a.png"]}), folder / "t.csv")
    with pytest.raises(DataError, match=r"no column of paths.*name"):
        images(folder / "t.csv")
    pa.csv.write_csv(pa.table({"path": ["a.png", "b.png"], "id": [1, 1]}), folder / "t.csv")
    with pytest.raises(DataError, match="1 repeated"):
        images(folder / "t.csv")


def test_arrays_and_tensors_of_each_shape() -> None:
    x = noise(5, 3, 8, 8)
    for data in (x, np.moveaxis(x, 1, -1), torch.from_numpy(x)):
        got = images(data)
        np.testing.assert_array_equal(got.pixels, x)
        np.testing.assert_array_equal(got.batch(np.array([4, 0])).numpy(), x[[4, 0]] / np.float32(255))
    assert ids(got)[-1] == "000004"
    np.testing.assert_array_equal(images(x[:, 0]).pixels[:, 0], x[:, 0])
    assert images(x[0, 0]).pixels.shape == (1, 1, 8, 8)
    assert images(np.moveaxis(x[0], 0, -1)).pixels.shape == (1, 3, 8, 8)
    assert images(noise(3, 8, 8)).pixels.shape == (3, 1, 8, 8)
    assert images(noise(3, 8, 8), channels=3).pixels.shape == (1, 3, 8, 8)
    assert images(torch.rand(4, 6, 6, dtype=torch.bfloat16)).pixels.dtype == np.float32


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(6), st.just(6))),
    st.sampled_from(["u1", "u2", ">u2", "i4", "i8", "f2", "f4", "f8", ">f4", "?"]),
)
@settings(max_examples=40, deadline=None)
def test_arrays_of_any_type_keep_their_values(values: np.ndarray, dtype: str) -> None:
    x = values.astype(dtype)
    got = images(x)
    assert got.pixels.dtype in (np.uint8, np.uint16, np.float32)
    want = x * np.uint8(255) if x.dtype == bool else x
    np.testing.assert_array_equal(got.pixels, want.astype(np.float32).astype(got.pixels.dtype))
    for i in range(len(x)):
        again = ilk.source.read(got.reading, x[i])
        assert torch.equal(again.batch(np.array([0])), got.batch(np.array([i])))


def test_bad_files_are_named_and_the_rest_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(folder / "photo.jpg", noise(40, 40))
    data = (folder / "photo.jpg").read_bytes()
    bad = {
        "cut.jpg": (data[: len(data) // 2], "truncated"),
        "empty.png": (b"", "the file is empty"),
        "empty.tif": (b"", "empty"),
        "text.png": (b"hello, not a picture", "begins with b'hello, not a"),
        "text.fits": (b"hello", ""),
        "text.npy": (b"hello", ""),
        "text.npz": (b"hello", "not a zip"),
        "text.tif": (b"hello", "not a TIFF"),
    }
    for name, (content, _) in bad.items():
        (folder / name).write_bytes(content)
    np.save(folder / "two.npy", noise(2, 8, 8)[None])  # two channels
    np.save(folder / "nan.npy", np.where(np.eye(8) > 0, np.nan, 1))
    np.save(folder / "far.npy", np.full((8, 8), 7.5))
    (folder / "dead.png").symlink_to(folder / "nowhere.png")
    got = images(folder, size=8, channels=1, dtype="uint8")
    assert ids(got) == ["a.png", "b.png", "photo.jpg", "z/c.png", "z/ü.png"]
    whys = {s.id: s.why for s in got.skipped}
    assert set(whys) == {*bad, "two.npy#0", "nan.npy", "far.npy", "dead.png"}
    assert all(part in whys[name] for name, (_, part) in bad.items())
    assert whys["two.npy#0"] == "2 channels, expected 1"
    assert whys["nan.npy"] == "8 of 64 pixels are NaN or infinite; fill= gives them a value"
    assert whys["far.npy"] == "float64 values from 7.5 to 7.5 among uint8"
    assert whys["dead.png"] == "there is no such file"
    assert f"left out {len(whys)} of {len(whys) + 5} pictures: " in capsys.readouterr().err
    again = images(folder, size=8, channels=1, dtype="uint8")
    assert {s.id: s.why for s in again.skipped} == whys  # from the cache: the same report


def test_fill_gives_pixels_without_a_value_one(tmp_path: Path, own_cache: Path) -> None:
    x = np.arange(32, dtype=np.float32).reshape(2, 1, 4, 4)
    x[1, 0, 0] = np.nan
    x[1, 0, 3, 3] = np.inf  # 20 to 30 are left, of which 25 is the middle
    for n, channels in enumerate(x):
        np.save(tmp_path / f"{n}.npy", channels[0])
    options = {"range": [0, 1]}
    for data in (x, tmp_path):
        assert len(images(data, **options).skipped) == 1
        zero, median = images(data, fill=0, **options), images(data, fill="median", **options)
        np.testing.assert_array_equal(zero.pixels[0], x[0])
        np.testing.assert_array_equal(zero.pixels[1, 0], np.where(np.isfinite(x[1, 0]), x[1, 0], 0))
        np.testing.assert_array_equal(median.pixels[1, 0], np.where(np.isfinite(x[1, 0]), x[1, 0], 25))
        again = ilk.source.read(median.reading, x[1:])  # a query is filled alike
        assert torch.equal(again.batch(np.array([0])), median.batch(np.array([1])))
    nothing = images(np.stack([x[0, 0], np.full((4, 4), np.nan)]), fill=0)
    assert [s.why for s in nothing.skipped] == ["16 of 16 pixels are NaN or infinite"]
    with pytest.raises(OptionError, match="fill is 'mean'; expected a number, or median"):
        images(x, fill="mean")


def test_a_cache_that_cannot_be_written_says_how_to_move_it(folder: Path, own_cache: Path) -> None:
    own_cache.write_text("a file stands where the cache should be")
    with pytest.raises(DataError, match=r"cannot be kept in .*images: not a directory\nSet ILK_CACHE"):
        images(folder)


def test_a_file_that_may_not_be_read_is_left_out(folder: Path) -> None:
    (folder / "z" / "c.png").chmod(0)
    if os.access(folder / "z" / "c.png", os.R_OK):
        pytest.skip("this user may read everything")
    assert [(s.id, s.why) for s in images(folder).skipped] == [("z/c.png", "permission denied")]


def test_strict_stops_at_the_first(folder: Path) -> None:
    (folder / "aa.png").write_text("hello")
    with pytest.raises(UnreadableSample, match=r"aa\.png: not an image"):
        images(folder, strict=True)
    x = RNG.random((4, 6, 6))
    x[2, 0, 0] = np.inf
    with pytest.raises(UnreadableSample, match="000002: 1 of 36 pixels"):
        images(x.astype(np.float32), strict=True)
    assert ids(images(x.astype(np.float32))) == ids(images(x)) == ["000000", "000001", "000003"]


def test_all_unreadable_empty_and_missing_are_errors(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"no pictures in .*photos\nLooked for \.png.*met 1 \.txt"):
        images(tmp_path / "photos")
    with pytest.raises(DataError, match="Did you mean 'photos' there"):
        images(tmp_path / "fotos")
    with pytest.raises(DataError, match="no file matches"):
        images(f"{tmp_path}/*.jpg")
    (tmp_path / "photos" / "a.png").write_text("x")
    with pytest.raises(DataError, match=r"none of 1 pictures in .*photos can be read: a\.png \(not an image"):
        images(tmp_path / "photos")
    for nothing in ([], np.zeros((0, 8, 8)), np.full((3, 8, 8), np.nan), 5, [np.zeros(3)]):
        with pytest.raises(DataError):
            images(nothing)
    with pytest.raises(DataError, match=r"photos.a\.png cannot be read: not an image"):
        images(tmp_path / "photos" / "a.png")


def test_a_million_unreadable_files_are_not_tried_before_the_start(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"{i:03d}.png").write_bytes(b"")
    walked = listing(tmp_path).items
    looks, items = look_ahead(walked, Wish(None, None, None))
    assert looks == []
    assert len(list(walked)) == 300 - TRIED  # not yet asked for
    assert len(list(items)) == TRIED


def test_options_that_make_no_sense() -> None:
    for options in (
        {"size": 0},
        {"channels": -1},
        {"dtype": "int4"},
        {"range": [1, 1]},
        {"range": [0, float("nan")]},
    ):
        with pytest.raises(OptionError):
            images(noise(2, 8, 8), **options)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="asinh"):
        images(noise(2, 8, 8), stretch="asin")


def test_grey_among_colour_becomes_colour_and_alpha_goes(tmp_path: Path) -> None:
    save(tmp_path / "d" / "g.png", np.full((8, 8), 9, np.uint8))
    save(tmp_path / "d" / "c.png", np.full((8, 8, 3), (1, 2, 3), np.uint8))
    save(tmp_path / "d" / "x.png", np.full((8, 8, 4), (1, 2, 3, 0), np.uint8))
    got = images(tmp_path / "d")
    assert got.pixels[:, :, 0, 0].tolist() == [[1, 2, 3], [9, 9, 9], [255, 255, 255]]
    assert images(tmp_path / "d", channels=1).pixels[:, 0, 0, 0].tolist() == [2, 9, 255]


def test_eight_and_sixteen_bits_meet_at_the_same_brightness(tmp_path: Path) -> None:
    save(tmp_path / "d" / "a.png", np.full((8, 8), 100, np.uint8))
    save(tmp_path / "d" / "b.png", np.full((8, 8), 25700, np.uint16))
    for dtype in (None, "uint8"):
        batch = images(tmp_path / "d", dtype=dtype).batch(np.array([0, 1]))
        assert torch.equal(batch[0], batch[1])


def test_sizes_crop_the_middle_and_resample_without_aliasing(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.zeros((1, 32, 48), np.uint16)
    x[:, :, 8:40] = 1000  # exactly the middle square
    assert (images(x, size=16).pixels == 1000).all()
    assert images(x).pixels.shape == (1, 1, 32, 32)
    assert "middle square" in capsys.readouterr().err
    checks = np.indices((64, 64)).sum(0)[None] % 2 * 200.0  # aliasing would leave 0 or 200
    np.testing.assert_allclose(images(checks, size=16).pixels[:, :, 2:-2, 2:-2], 100, atol=1)
    assert images(noise(1, 300, 300)).pixels.shape[-1] == 64


def test_floats_get_a_robust_range_that_cuts_nothing_off() -> None:
    x = RNG.normal(100, 10, (50, 16, 16)).astype(np.float32)
    x[7, 3, 3] = 1e6  # a cosmic ray
    got = images(x)
    low, high = got.reading["range"]  # type: ignore[misc]
    assert 65 < low < 80 < 120 < high < 140  # type: ignore[operator]
    batch = got.batch(np.arange(50)).numpy()[:, 0]
    np.testing.assert_allclose(batch, (x - low) / (high - low), rtol=1e-4, atol=1e-4)  # type: ignore[operator]
    assert batch.max() > 1e4


@pytest.mark.parametrize(
    ("stretch", "middle"),
    [("sqrt", 0.5), ("asinh", np.arcsinh(2.5) / np.arcsinh(10)), ("log", np.log(251) / np.log(1001))],
)
def test_stretches_by_hand(stretch: str, middle: float) -> None:
    x = np.array([[[0.0, 1.0], [3.0, 5.0]]], np.float32)
    got = images(x, range=[1, 9], stretch=stretch)
    batch = got.batch(np.array([0])).numpy()
    assert batch[0, 0, 0, 1] == 0
    np.testing.assert_allclose(batch[0, 0, 1, 0], middle, rtol=1e-6)
    assert got.reading["stretch"] == stretch


@pytest.mark.parametrize(
    "options", [{}, {"stretch": "asinh"}, {"normalise": {}}, {"normalise": {"scale": False}, "size": 20}]
)
@pytest.mark.parametrize("kind", ["png", "jpg", "npy", "fits"])
def test_a_query_is_read_as_the_data_were(tmp_path: Path, kind: str, options: dict[str, object]) -> None:
    root = tmp_path / "d"
    root.mkdir()
    y, x = np.mgrid[-1:1:40j, -1:1:50j]
    for i in range(4):
        blob = np.exp(-((x - 0.1 * i) ** 2 + 2 * y**2) * 12) * (1 + i)
        if kind in ("png", "jpg"):
            save(root / f"{i}.{kind}", (blob * 60).astype(np.uint8))
        elif kind == "npy":
            np.save(root / f"{i}.npy", blob)
        else:
            fits = pytest.importorskip("astropy.io.fits")
            fits.PrimaryHDU(blob.astype(np.float32)).writeto(root / f"{i}.fits")
    got = images(root, **options)  # type: ignore[arg-type]
    for i in (0, 3):
        path = root / f"{i}.{kind}"
        want = got.batch(np.array([i]))
        for query in (path, str(path), path.read_bytes()):
            again = ilk.source.read(got.reading, query)
            assert isinstance(again, Images)
            assert torch.equal(again.batch(np.array([0])), want)
            assert again.reading == got.reading
    assert ids(ilk.source.read(got.reading, root)) == ids(got)  # type: ignore[arg-type]


def test_a_query_from_memory(folder: Path) -> None:
    save(folder / "c.png", noise(20, 30, 3))
    got = images(folder, size=12)
    want = got.batch(np.array([ids(got).index("c.png")]))
    with Image.open(folder / "c.png") as picture:
        x = np.asarray(picture)
        for query in (
            picture,
            x,
            np.moveaxis(x, -1, 0),
            torch.from_numpy(x.copy()),
            x.astype(np.int64),
            (x / 255.0),
        ):
            assert torch.equal(ilk.source.read(got.reading, query).batch(np.array([0])), want)


def test_normalised_pictures_bring_what_was_removed(folder: Path) -> None:
    x = np.zeros((3, 24, 24), np.float32)
    for i in range(3):
        x[i, 4 + 3 * i : 10 + 3 * i, 5:12] = 1 + i
    got = images(x, normalise={"rotation": False})
    table = got.metadata()
    assert table is not None
    shift = np.array(table["shift_y"])
    np.testing.assert_allclose(np.diff(shift), 3, atol=0.05)
    assert got.reading["normalise"] == {"rotation": False}
    assert got.pixels.dtype == np.float32


def test_columns_of_both_kinds_keep_apart(folder: Path) -> None:
    pa.csv.write_csv(pa.table({"path": ["z/c.png", "a.png"], "flux": [1.0, 2.0]}), folder / "t.csv")
    table = images(folder / "t.csv", normalise={}).metadata()
    assert table is not None
    assert table["flux"].to_pylist() == [1.0, 2.0]
    assert "removed_flux" in table.column_names


def test_take_picture_and_views(folder: Path) -> None:
    pa.csv.write_csv(pa.table({"path": ["z/c.png", "a.png", "b.png"], "n": [1, 2, 3]}), folder / "t.csv")
    some = images(folder / "t.csv").take(np.array([2, 0])).take(np.array([1, 0]))
    assert ids(some) == ["z/c.png", "b.png"]
    assert some.pixels[:, 0, 0, 0].tolist() == [20, 0]
    assert some.metadata()["n"].to_pylist() == [1, 3]  # type: ignore[index]
    a, b = some.views()(some.batch(np.array([0, 1])))  # type: ignore[misc]
    assert a.shape == b.shape == (2, 1, 8, 8)


def test_faces(folder: Path) -> None:
    colour = noise(2, 3, 10, 10)
    face = np.asarray(Image.open(io.BytesIO(images(colour).picture(1))))
    np.testing.assert_array_equal(face, np.moveaxis(colour[1], 0, -1))
    assert Image.open(io.BytesIO(images(noise(1, 200, 200)).picture(0))).size == (64, 64)
    x = RNG.normal(5, 1, (2, 5, 10, 10)).astype(np.float32)
    x[0, 0, 0, 0] = 1e9
    face = np.asarray(Image.open(io.BytesIO(images(x).picture(0))))
    assert face.shape == (10, 10, 3)
    assert 40 < np.median(face[..., 0]) < 220  # one hot pixel does not blacken the rest
    assert images(np.full((1, 8, 8), 3.0)).picture(0).startswith(b"\x89PNG")


def test_what_is_made_directly_says_how_a_query_is_read() -> None:
    made = Images(RNG.random((3, 1, 8, 8)).astype(np.float32) * 50, ["a", "b", "c"])
    assert made.reading == {
        "reader": "images",
        "size": 8,
        "channels": 1,
        "dtype": "float32",
        "range": [0.0, 1.0],
    }
    again = ilk.source.read(made.reading, made.pixels[1, 0])
    assert torch.equal(again.batch(np.array([0])), made.batch(np.array([1])))


def test_mnist_is_a_stack() -> None:
    path = Path(os.environ.get("ILK_DATA", "../shared/data")) / "mnist.npz"
    if not path.is_file():
        pytest.skip("no MNIST here")
    with pytest.raises(DataError, match=r"mnist\.npz:train_images"):
        images(path)
    got = images(f"{path}:test_images")
    assert (len(got), got.id(9999), got.traits["size"]) == (10000, "mnist.npz#9999", 28)
    assert got.metadata()["labels"][:3].to_pylist() == [7, 2, 1]  # type: ignore[index]
