"""Each format: the values that went in come out."""

import io
import os
import struct
import tarfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from ilk.errors import DataError, UnreadableSample
from ilk.source import formats
from ilk.source._reading import png
from ilk.source._reading.file import MOST_PIXELS, File, kind_of
from ilk.source.images import images

fits = pytest.importorskip("astropy.io.fits")
RNG = np.random.default_rng(1)
BYTES = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)  # H, W, C
DEEP = RNG.integers(0, 65536, (6, 8), dtype=np.uint16)
STACK = RNG.integers(0, 65536, (5, 6, 7), dtype=np.uint16)


def parts(path: Path, **options: int) -> dict[int, np.ndarray]:
    return dict(formats.read(File(str(path), kind_of(path.name)), **options))


def only(path: Path) -> np.ndarray:
    found = parts(path)
    assert list(found) == [-1]
    return found[-1]


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.PNG"])
def test_eight_bit_colour_is_exact(tmp_path: Path, name: str) -> None:
    Image.fromarray(BYTES).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    np.testing.assert_array_equal(only(tmp_path / name), np.moveaxis(BYTES, -1, 0))


def test_jpeg_is_what_pillow_decodes_and_turned_as_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise
    Image.fromarray(BYTES).save(tmp_path / "a.jpg", exif=exif, quality=95)
    plain = np.asarray(Image.open(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(np.moveaxis(only(tmp_path / "a.jpg"), 0, -1), np.rot90(plain, -1))


def test_gif_and_palette_png_give_their_colours(tmp_path: Path) -> None:
    flat = np.zeros((6, 8, 3), np.uint8)
    flat[:3] = (255, 0, 0)
    flat[3:] = (0, 0, 255)
    for name in ("a.gif", "a.png"):
        Image.fromarray(flat).convert("P", palette=Image.Palette.ADAPTIVE, colors=4).save(tmp_path / name)
        np.testing.assert_array_equal(only(tmp_path / name), np.moveaxis(flat, -1, 0))


def test_alpha_is_laid_over_white(tmp_path: Path) -> None:
    x = np.zeros((2, 2, 4), np.uint8)
    x[0, 0] = (100, 0, 0, 255)
    x[0, 1] = (100, 0, 0, 0)
    x[1, 0] = (0, 0, 0, 51)  # a fifth of black
    Image.fromarray(x).save(tmp_path / "a.png")
    got = only(tmp_path / "a.png")
    assert got[:, 0, 0].tolist() == [100, 0, 0]
    assert got[:, 0, 1].tolist() == [255, 255, 255]
    assert got[:, 1, 0].tolist() == [204, 204, 204]


def test_sixteen_bit_grey_png(tmp_path: Path) -> None:
    Image.fromarray(DEEP).save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(tmp_path / "a.png")[0], DEEP)


def deep_png(x: np.ndarray, *, interlaced: bool) -> bytes:  # (H, W, C) uint16
    """A PNG of 16 bits a channel, its rows through the five filters in turn, after the specification."""
    h, w, c = x.shape
    out = b""
    for x0, y0, dx, dy in png.PASSES if interlaced else ((0, 0, 1, 1),):
        rows = np.ascontiguousarray(x[y0::dy, x0::dx], ">u2")
        if not rows.size:
            continue
        lines = rows.view(np.uint8).reshape(len(rows), -1).astype(int)
        zero = np.zeros((2 * c,), int)
        for i, line in enumerate(lines):
            up = lines[i - 1] if i else np.zeros_like(line)
            left = np.concatenate([zero, line[: -2 * c]])
            corner = np.concatenate([zero, up[: -2 * c]])
            p = left + up - corner
            near = [abs(p - left), abs(p - up), abs(p - corner)]
            paeth = np.where(
                (near[0] <= near[1]) & (near[0] <= near[2]), left, np.where(near[1] <= near[2], up, corner)
            )
            kind = i % 5
            guess = [0 * line, left, up, (left + up) // 2, paeth][kind]
            out += bytes([kind]) + ((line - guess) % 256).astype(np.uint8).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", w, h, 16, {2: 4, 3: 2, 4: 6}[c], 0, 0, int(interlaced))
    body = zlib.compress(out)
    pieces = chunk(b"IDAT", body[:20]) + chunk(b"IDAT", body[20:])
    return png.SIGNATURE + chunk(b"IHDR", head) + pieces + chunk(b"IEND", b"")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_png_keeps_sixteen_bits(channels: int, interlaced: bool) -> None:
    x = RNG.integers(0, 65536, (11, 7, channels), dtype=np.uint16)
    data = deep_png(x, interlaced=interlaced)
    np.testing.assert_array_equal(png.read(data), x)
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[channels]  # Pillow agrees, as far as it goes: the upper bytes
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data)).convert(mode)), x >> 8)


def test_sixteen_bit_colour_png_in_a_folder(tmp_path: Path) -> None:
    x = RNG.integers(0, 65536, (9, 9, 3), dtype=np.uint16)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").write_bytes(deep_png(x, interlaced=False))
    got = images(tmp_path / "d")
    assert got.pixels.dtype == np.uint16
    np.testing.assert_array_equal(np.moveaxis(got.pixels[0], 0, -1), x)
    np.testing.assert_array_equal(got[0].numpy(), np.moveaxis(x, -1, 0).astype(np.float32) / 65535)


def test_tiff_stack_of_sixteen_bits(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "s.tif", STACK, photometric="minisblack")
    found = parts(tmp_path / "s.tif")
    assert list(found) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(np.concatenate(list(found.values())), STACK)
    assert list(parts(tmp_path / "s.tif", start=3)) == [3, 4]
    got = images(tmp_path / "s.tif")
    assert [got.id(i) for i in (0, 4)] == ["s.tif#0", "s.tif#4"]


def test_imagej_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "s.tif", STACK, imagej=True)
    np.testing.assert_array_equal(np.concatenate(list(parts(tmp_path / "s.tif").values())), STACK)


def test_ome_tiff_stack(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, photometric="minisblack", metadata={"axes": "ZYX"})
    found = parts(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(np.concatenate(list(found.values())), STACK)


def test_tiff_of_floats_bands_and_planes(tmp_path: Path) -> None:
    f = RNG.normal(size=(6, 8)).astype(np.float32)
    tifffile.imwrite(tmp_path / "f.tif", f)
    np.testing.assert_array_equal(only(tmp_path / "f.tif")[0], f)
    bands = RNG.integers(0, 65536, (6, 8, 5), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "b.tif", bands, photometric="minisblack", planarconfig="contig")
    np.testing.assert_array_equal(only(tmp_path / "b.tif"), np.moveaxis(bands, -1, 0))
    planes = RNG.integers(0, 256, (3, 6, 8), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "p.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(only(tmp_path / "p.tif"), planes)


def test_compressed_tiff_that_only_libtiff_reads(tmp_path: Path) -> None:
    Image.fromarray(BYTES).save(tmp_path / "l.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(only(tmp_path / "l.tif"), np.moveaxis(BYTES, -1, 0))
    pages = [Image.fromarray(BYTES), Image.fromarray(255 - BYTES)]
    pages[0].save(tmp_path / "m.tif", compression="tiff_lzw", save_all=True, append_images=pages[1:])
    assert [int(x.sum()) for x in parts(tmp_path / "m.tif").values()] == [
        int(BYTES.sum()),
        int((255 - BYTES).sum()),
    ]


def test_npy_one_picture_and_stacks(tmp_path: Path) -> None:
    for name, x, want in (
        ("hw", DEEP, DEEP[None]),
        ("hwc", BYTES, np.moveaxis(BYTES, -1, 0)),
        ("chw", np.moveaxis(BYTES, -1, 0), np.moveaxis(BYTES, -1, 0)),
    ):
        np.save(tmp_path / f"{name}.npy", x)
        np.testing.assert_array_equal(only(tmp_path / f"{name}.npy"), want)
    np.save(tmp_path / "s.npy", STACK)
    np.testing.assert_array_equal(np.concatenate(list(parts(tmp_path / "s.npy").values())), STACK)


def test_an_npy_stack_of_the_right_form_is_used_where_it_lies(tmp_path: Path, own_cache: Path) -> None:
    x = RNG.random((9, 12, 12)).astype(np.float32)
    np.save(tmp_path / "s.npy", x)
    got = images(tmp_path / "s.npy")
    assert isinstance(got.pixels, np.memmap)
    assert got.id(8) == "s.npy#8"
    np.testing.assert_array_equal(got.pixels[:, 0], x)
    assert not own_cache.exists()


def test_pickled_npy_is_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="Python objects"):
        images(tmp_path / "o.npy")
    np.savez(tmp_path / "o.npz", x=np.empty((2, 2, 2), object))
    with pytest.raises(DataError, match="object"):
        images(tmp_path / "o.npz")


def test_an_npz_with_one_picture_of_three_channels_has_no_rows_of_metadata(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", image=np.ones((3, 16, 16), np.uint8), wavelength=np.arange(3))
    got = images(tmp_path / "one.npz")
    assert (len(got), got.traits["channels"], got.metadata()) == (1, 3, None)


def test_npz_with_labels_beside_and_more_rows_than_a_block(tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (150, 6, 6), dtype=np.uint8)
    np.savez_compressed(tmp_path / "s.npz", train_images=x, train_labels=np.arange(150), other=np.zeros(7))
    got = images(tmp_path / "s.npz")
    np.testing.assert_array_equal(got.pixels[:, 0], x)
    table = got.metadata()
    assert table is not None
    assert table.column_names == ["labels"]
    assert table["labels"].to_pylist() == list(range(150))


def test_hdf5_finds_its_one_stack_or_asks_which(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5["group/pictures"] = STACK
        h5["redshift"] = np.arange(5.0)
    got = images(tmp_path / "a.h5")
    np.testing.assert_array_equal(got.pixels[:, 0], STACK[:, :, :6])  # 7 x 6: the middle square
    assert got.id(2) == "a.h5#2"
    table = got.metadata()
    assert table is not None
    assert table["redshift"].to_pylist() == [0, 1, 2, 3, 4]
    with h5py.File(tmp_path / "a.h5", "a") as h5:
        h5["masks"] = STACK[:, :6, :6]
    with pytest.raises(DataError, match=r"several.*group/pictures.*masks"):
        images(tmp_path / "a.h5")
    np.testing.assert_array_equal(images(f"{tmp_path}/a.h5:/masks").pixels[:, 0], STACK[:, :6, :6])
    with pytest.raises(DataError, match="no array 'nothing'"):
        images(f"{tmp_path}/a.h5:nothing")


def test_fits_image_extensions_and_cube_are_upright(tmp_path: Path) -> None:
    x = RNG.normal(size=(6, 8)).astype(np.float32)
    fits.PrimaryHDU(x).writeto(tmp_path / "one.fits")
    np.testing.assert_array_equal(
        only(tmp_path / "one.fits")[0].astype("f4"), x[::-1]
    )  # its first row is the lowest
    extensions = [
        fits.PrimaryHDU(),
        fits.ImageHDU(x),
        fits.ImageHDU(DEEP),
        fits.CompImageHDU(np.arange(48.0).reshape(6, 8)),
    ]
    fits.HDUList(extensions).writeto(tmp_path / "ext.fits")
    found = parts(tmp_path / "ext.fits")
    assert list(found) == [0, 1, 2]
    np.testing.assert_array_equal(found[1][0], DEEP[::-1])
    np.testing.assert_allclose(found[2][0], np.arange(48.0).reshape(6, 8)[::-1], atol=0.1)
    fits.PrimaryHDU(STACK).writeto(tmp_path / "cube.fits")
    upright = STACK[:, ::-1]
    np.testing.assert_array_equal(np.concatenate(list(parts(tmp_path / "cube.fits").values())), upright)
    np.testing.assert_array_equal(parts(tmp_path / "cube.fits", channels=5)[-1], upright)


def test_truncated_fits_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a.fits", "b.fits"):
        fits.PrimaryHDU(RNG.normal(size=(64, 64))).writeto(tmp_path / "d" / name)
    data = (tmp_path / "d" / "b.fits").read_bytes()
    (tmp_path / "d" / "b.fits").write_bytes(data[: len(data) // 2])
    got = images(tmp_path / "d")
    assert ([got.id(0)], [s.id for s in got.skipped]) == (["a.fits"], ["b.fits"])
    assert got.skipped[0].why.startswith("the image is cut short")


def test_webdataset_members_of_one_name_are_one_sample(tmp_path: Path) -> None:
    beside = {
        "a.json": b'{"z": 1.5, "name": "A"}',
        "a.cls": b"7",
        "b.txt": "grün".encode(),
        "b.json": b'{"z": 2}',
    }
    for shard in ("s0.tar", "s1.tar"):
        with tarfile.open(tmp_path / shard, "w") as tar:
            for name, data in sorted(
                {**beside, "a.png": grey_png(BYTES), "b.png": grey_png(255 - BYTES)}.items()
            ):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    got = images(tmp_path / "s0.tar", size=6)
    assert [got.id(i) for i in range(len(got))] == ["a", "b"]
    np.testing.assert_array_equal(got.pixels[1], np.moveaxis(255 - BYTES, -1, 0)[:, :, 1:7])
    table = got.metadata()
    assert table is not None
    want = [
        {"cls": 7, "z": 1.5, "name": "A", "txt": None},
        {"cls": None, "z": 2.0, "name": None, "txt": "grün"},
    ]
    assert table.to_pylist() == [{k: row[k] for k in table.column_names} for row in want]
    both = images(tmp_path)  # a folder of nothing but shards
    assert [both.id(i) for i in range(len(both))] == ["s0.tar/a", "s0.tar/b", "s1.tar/a", "s1.tar/b"]


def test_a_shard_that_breaks_off_gives_what_it_has(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for i in range(4):
            info = tarfile.TarInfo(f"{i}.png")
            info.size = len(grey_png(BYTES))
            tar.addfile(info, io.BytesIO(grey_png(BYTES)))
    os.truncate(tmp_path / "s.tar", 1024 * 2 + 100)
    got = images(tmp_path / "s.tar")
    assert len(got) >= 1
    assert len(got.skipped) >= 1


def grey_png(x: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(x).save(out, "PNG")
    return out.getvalue()


def test_pixels_are_counted_before_they_are_decoded(tmp_path: Path) -> None:
    side = int(MOST_PIXELS**0.5) + 1
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    data = zlib.compress(bytes(10**6))
    body += struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    (tmp_path / "bomb.png").write_bytes(png.SIGNATURE + body)
    deep = bytearray(png.SIGNATURE + body)
    deep[24] = 16
    (tmp_path / "deep.png").write_bytes(deep)
    with h5py.File(tmp_path / "bomb.h5", "w") as h5:
        h5.create_dataset("x", (2, side, side), "u1", chunks=(1, 64, 64))  # a few kilobytes on disk
    for name in ("bomb.png", "deep.png", "bomb.h5"):
        with pytest.raises(UnreadableSample, match="bomb"):
            parts(tmp_path / name)
