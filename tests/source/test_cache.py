"""Decoded once, reused, extended, rebuilt; and true however a run ends. Counted in files decoded."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tifffile
from PIL import Image

from ilk.errors import DiskFull, UnreadableSample
from ilk.source import cache as kept
from ilk.source import formats
from ilk.source._reading.file import File, Pictures
from ilk.source._reading.gather import gather
from ilk.source._reading.listing import listing
from ilk.source._reading.prepare import Form
from ilk.source.images import Images, images

FORM = Form(8, 1, "uint8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    root.mkdir()
    for i in range(20):
        add(root, i)
    return root


def add(root: Path, i: int, value: int | None = None) -> None:
    Image.fromarray(np.full((8, 8), i if value is None else value, np.uint8)).save(root / f"{i:03d}.png")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were really decoded."""
    names: list[str] = []
    read = formats.read

    def counted(
        file: File, *, size: int | None = None, channels: int | None = None, start: int = 0
    ) -> Pictures:
        names.append(Path(file.path).name)
        return read(file, size=size, channels=channels, start=start)

    monkeypatch.setattr(formats, "read", counted)
    return names


def values(source: Images) -> list[int]:
    return [int(v) for v in source.pixels[:, 0, 0, 0]]


def test_the_second_time_nothing_is_decoded(folder: Path, decoded: list[str], own_cache: Path) -> None:
    first = images(folder)
    assert len(decoded) == 20
    second = images(folder)
    assert len(decoded) == 20
    assert isinstance(second.pixels, np.memmap)
    assert values(second) == values(first) == list(range(20))
    assert len(list(own_cache.glob("images/*/pixels.raw"))) == 1
    images(folder, cache=False)
    assert len(decoded) == 40


def test_other_options_are_another_cache(folder: Path, decoded: list[str]) -> None:
    images(folder)
    assert images(folder, size=4).pixels.shape == (20, 1, 4, 4)
    assert images(folder, size=4, normalise={}).pixels.dtype == np.float32
    assert len(decoded) == 60
    images(folder, size=4, normalise={})
    assert len(decoded) == 60


def test_new_files_are_added_changed_ones_decoded_again_gone_ones_left_out(
    folder: Path, decoded: list[str]
) -> None:
    images(folder)
    decoded.clear()
    add(folder, 100)
    (folder / "000a.png").write_bytes((folder / "015.png").read_bytes())
    add(folder, 3, value=77)
    os.utime(folder / "003.png", ns=(1, 1))
    (folder / "019.png").unlink()
    got = images(folder)
    assert sorted(decoded) == ["000a.png", "003.png", "100.png"]
    assert values(got) == [0, 15, 1, 2, 77, *range(4, 19), 100]
    assert [got.id(i) for i in (0, 1, 20)] == ["000.png", "000a.png", "100.png"]
    np.testing.assert_array_equal(
        got.batch(np.array([4, 20])).numpy()[:, 0, 0, 0], np.float32([77, 100]) / 255
    )


def test_what_normalising_removed_is_kept_too(folder: Path, decoded: list[str]) -> None:
    x = np.zeros((8, 8), np.uint8)
    for i in range(3):
        x[2:5, 1 + i : 4 + i] = 200
        Image.fromarray(x).save(folder / f"01{i}.png")
        x[:] = 0
    first = images(folder, normalise={}, size=8)
    (folder / "000b.png").write_text("bad")
    (folder / "005a.png").write_bytes((folder / "010.png").read_bytes())
    second = images(folder, normalise={}, size=8)
    assert len(decoded) == 22
    at = [second.id(i) for i in range(len(second))].index("005a.png")
    others = np.delete(np.arange(len(second)), at)
    table = second.metadata()
    assert table is not None
    assert table.take(pa.array(others)).equals(first.metadata())
    assert table["shift_x"][at] == table["shift_x"][at + 5]
    assert len(set(table["shift_x"].to_pylist())) >= 3


def test_most_pictures_changed_makes_the_cache_anew(folder: Path, own_cache: Path) -> None:
    for round_ in (1, 2):
        for i in range(20):
            add(folder, i, value=round_)
            os.utime(folder / f"{i:03d}.png", ns=(round_, round_))
        images(folder)
    for i in range(20):
        add(folder, i, value=3)
        os.utime(folder / f"{i:03d}.png", ns=(3, 3))
    assert values(images(folder)) == [3] * 20
    images(folder)
    (raw,) = own_cache.glob("images/*/pixels.raw")
    assert raw.stat().st_size <= 2 * 20 * 64


def damage_cut(raw: Path) -> None:
    os.truncate(raw, 64)


def damage_flip(raw: Path) -> None:
    data = bytearray(raw.read_bytes())
    data[700] ^= 1
    raw.write_bytes(data)


def damage_index(raw: Path) -> None:
    next(raw.parent.glob("index-*.arrow")).write_bytes(b"nonsense")


def damage_gone(raw: Path) -> None:
    raw.unlink()


@pytest.mark.parametrize("damage", [damage_cut, damage_flip, damage_index, damage_gone])
def test_a_damaged_cache_is_made_again(
    folder: Path, decoded: list[str], own_cache: Path, damage: object, capsys: pytest.CaptureFixture[str]
) -> None:
    images(folder)
    (raw,) = own_cache.glob("images/*/pixels.raw")
    assert callable(damage)
    damage(raw)
    assert values(images(folder)) == list(range(20))
    assert len(decoded) == 40
    assert "damaged" in capsys.readouterr().err


def test_a_missing_segment_is_damage(folder: Path, decoded: list[str], own_cache: Path) -> None:
    images(folder)
    add(folder, 20)
    images(folder)
    first, second = sorted(own_cache.glob("images/*/index-*.arrow"))
    first.unlink()
    second.rename(first)
    assert values(images(folder)) == list(range(21))
    assert len(decoded) == 42


def test_an_interruption_keeps_what_was_done(
    folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = listing(folder)
    path = kept.place(found.root, FORM, {"channels": None, "from": "uint8", "normalise": None})
    items = found.items

    def interrupted() -> Iterator[object]:
        for i, item in enumerate(items):
            if i == 12:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr("ilk.source._reading.gather.BLOCK", 2)
    found.items = interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt), kept.opened(path, FORM) as store:
        gather(found, FORM, store, channels=None, change=None, strict=False)
    done = len(decoded)
    assert values(images(folder, size=8)) == list(range(20))
    assert len(decoded) < done + 20  # the first blocks were not decoded again
    assert images(folder).pixels.shape == (20, 1, 8, 8)


def test_strict_keeps_what_was_done(
    folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ilk.source._reading.gather.BLOCK", 1)
    (folder / "010.png").write_text("bad")
    with pytest.raises(UnreadableSample):
        images(folder, strict=True)
    decoded.clear()
    add(folder, 10)
    assert values(images(folder)) == list(range(20))
    assert len(decoded) == 10  # 010 and the nine behind it


def test_a_stack_read_halfway_is_continued(tmp_path: Path, own_cache: Path) -> None:
    x = np.arange(300, dtype=np.uint8)[:, None, None] + np.zeros((1, 8, 8), np.uint8)
    (tmp_path / "d").mkdir()
    tifffile.imwrite(tmp_path / "d" / "s.tif", x, photometric="minisblack")
    found = listing(tmp_path / "d")
    path = kept.place(found.root, FORM, {"channels": None, "from": "uint8", "normalise": None})
    (item,) = found.items
    with kept.opened(path, FORM) as store:
        entries = [kept.Entry(item.name, item.size, item.mtime, part, part, "") for part in range(100)]
        store.append(np.full((100, *FORM.shape), 9, np.uint8), None, entries)
    got = images(tmp_path / "d")
    assert values(got) == [9] * 100 + [int(v) for v in x[100:, 0, 0]]  # the first 100 come from the cache
    assert [got.id(0), got.id(299)] == ["s.tif#0", "s.tif#299"]
    assert values(images(tmp_path / "d")) == values(got)


def test_bad_files_are_not_tried_again(folder: Path, decoded: list[str]) -> None:
    (folder / "bad.png").write_text("bad")
    images(folder)
    decoded.clear()
    assert [s.id for s in images(folder).skipped] == ["bad.png"]
    assert decoded == []


def test_a_full_disk_says_so_and_the_next_run_goes_on(
    folder: Path, decoded: list[str], own_cache: Path
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = kept.place(str(folder), FORM, {"channels": None, "from": "uint8", "normalise": None})
    path.mkdir(parents=True)
    (path / "pixels.raw").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no room left while writing"):
        images(folder)
    (path / "pixels.raw").unlink()  # some space was freed
    assert values(images(folder)) == list(range(20))


RUN = """
import sys, time
from pathlib import Path
from ilk.errors import DiskFull
from ilk.source import cache, formats
from ilk.source._reading import gather
from ilk.source._reading.listing import listing
from ilk.source._reading.prepare import Form

root, form, held = sys.argv[1:]
read = formats.read
def waits(file, **how):
    while Path(file.path).name >= held and not Path(root + ".go").exists():
        time.sleep(0.01)
    return read(file, **how)
formats.read = waits
cache.SECONDS = cache.SECONDS if held == "~" else 0.0
gather.BLOCK = 8
size, channels = map(int, form.split("x"))
form = Form(size, channels, "uint8")
found = listing(root)
path = cache.place(found.root, form, {"channels": None, "from": "uint8", "normalise": None})
try:
    with cache.opened(path, form) as store:
        out = gather.gather(found, form, store, channels=None, change=None, strict=False)
    print(len(out.rows))
except DiskFull as e:
    print("full:", e.what)
"""


def command(root: Path, form: str, held: str = "~") -> list[str]:
    """What `images` does, in a process of its own and without the seconds that torch takes to load.

    Files named `held` or later are read once there is a file `root`.go.
    """
    return [sys.executable, "-c", RUN, str(root), form, held]


def go(root: Path) -> None:
    root.with_name(root.name + ".go").touch()


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_tmpfs_that_fills_up(tmp_path: Path, decoded: list[str]) -> None:
    root = tmp_path / "noise"
    root.mkdir()
    rng = np.random.default_rng(0)
    for i in range(96):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(root / f"{i:02d}.png")
    mounted, copy = tmp_path / "small", tmp_path / "copy"
    mounted.mkdir()
    line = f'mount -t tmpfs -o size=600k none {mounted} && ILK_CACHE={mounted} "$@" && cp -r {mounted} {copy}'
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", line, "sh", *command(root, "64x3")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount" in ran.stderr or "unshare" in ran.stderr:
        pytest.skip("no tmpfs can be mounted here")
    assert ran.stdout.startswith("full: no room left while writing")
    os.environ["ILK_CACHE"] = str(copy)  # restored by `own_cache`
    got = images(root)
    assert len(got) == 96
    assert len(decoded) <= 70  # what fitted was kept: 600 kB hold 48 pictures of 12 kB, less the index
    with Image.open(root / "95.png") as last:
        np.testing.assert_array_equal(np.moveaxis(got.pixels[95], 0, -1), np.asarray(last))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_is_continued(
    folder: Path, decoded: list[str], own_cache: Path, how: signal.Signals
) -> None:
    for i in range(20, 120):
        add(folder, i)
    run = subprocess.Popen(command(folder, "8x1", held="060.png"), stderr=subprocess.DEVNULL)
    while len(list(own_cache.glob("images/*/index-*.arrow"))) < 5:
        assert run.poll() is None
    run.send_signal(how)
    go(folder)
    assert run.wait() != 0
    assert values(images(folder)) == list(range(120))
    assert 0 < len(decoded) <= 115


def test_two_at_once_agree(folder: Path, own_cache: Path) -> None:
    heard, told = os.pipe()
    runs = [
        subprocess.Popen(
            command(folder, "8x1", held="000.png"), stdout=subprocess.PIPE, stderr=told, text=True
        )
        for _ in "ab"
    ]
    os.close(told)
    with open(heard) as lines:
        assert any("another ilk decodes the same pictures" in line for line in lines)
        go(folder)
        assert [run.communicate()[0].strip() for run in runs] == ["20", "20"]
    (raw,) = own_cache.glob("images/*/pixels.raw")
    assert raw.stat().st_size == 20 * 64
