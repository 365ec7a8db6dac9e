"""Pictures and captions: three forms of them, and what is missing."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ilk
from ilk.errors import DataError, UnknownName
from ilk.source import read
from ilk.source._kind import kind
from ilk.source.pairs import Pairs, pairs


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), shade, np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pairs, one in a folder within; a picture and a caption alone, an empty caption, no picture."""
    (tmp_path / "in").mkdir()
    for name, shade in (("a", 0), ("in/b", 102), ("c", 204), ("e", 255)):
        (tmp_path / f"{name}.png").write_bytes(png(shade))
    for name, caption in (("a", "a black square\n"), ("in/b", " a grey square"), ("d", "gone"), ("e", "")):
        (tmp_path / f"{name}.txt").write_text(caption)
    (tmp_path / "f.png").write_text("no picture")
    return tmp_path


def test_files_beside_pictures_are_their_captions(folder: Path) -> None:
    found = pairs(folder, cache=False)
    assert [found.id(i) for i in range(2)] == ["a.png", "in/b.png"]
    pictures, captions = found.batch(np.array([1, 0]))
    assert captions == ["a grey square", "a black square"]
    assert pictures[:, 0, 0, 0].tolist() == pytest.approx([0.4, 0])
    assert found[1][1] == "a grey square"
    assert [t.strip() for t in found.metadata()["caption"].to_pylist()] == ["a black square", "a grey square"]


def test_what_has_no_other_half_is_told_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = pairs(folder, cache=False)
    why = {s.id: s.why for s in found.skipped}
    assert why.keys() == {"c.png", "d.txt", "e.png", "f.png"}
    assert why["c.png"] == why["e.png"] == "it has no caption"
    assert why["d.txt"] == "there is no picture of that name"
    assert "left out 3 halves" in capsys.readouterr().err
    with pytest.raises(DataError):
        pairs(folder, strict=True, cache=False)


def test_a_table_and_captions_that_come_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = folder / "table.csv"
    table.write_text(
        "file,says,caption,group\na.png,x,black,1\nin/b.png,y,black,2\nc.png,,,3\nno.png,z,lost,4\n"
    )
    found = pairs(table, cache=False)
    assert found.captions.batch(np.arange(2)) == ["black", "black"]
    assert found.metadata()["group"].to_pylist() == [1, 2]
    assert {s.id for s in found.skipped} == {"c.png", "no.png"}
    assert "2 pairs share their caption" in capsys.readouterr().err
    other = pairs(table, caption="says", cache=False)
    assert other.captions.batch(np.arange(2)) == ["x", "y"]
    assert read(other.reading, table).captions.batch(np.arange(2)) == ["x", "y"]
    with pytest.raises(UnknownName):
        pairs(table, caption="words", cache=False)


def test_shards_bring_their_captions(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w") as shard:
        for name, data in (("0.png", png(0)), ("0.txt", b"night"), ("1.png", png(255)), ("2.png", png(9))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))
    found = pairs(tmp_path / "0.tar", cache=False)
    assert len(found) == 1
    assert found[0][1] == "night"
    assert len(found.skipped) == 2


def test_no_captions_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(0))
    with pytest.raises(DataError, match="caption"):
        pairs(tmp_path, cache=False)


def test_a_part_and_unequal_halves(folder: Path) -> None:
    found = pairs(folder, cache=False)
    one = found.take(np.array([1]))
    assert (len(one), one.id(0), one[0][1]) == (1, "in/b.png", "a grey square")
    with pytest.raises(DataError, match="2 pictures and 1 captions"):
        Pairs(found.pictures, one.captions)


def test_it_is_a_kind_of_data(folder: Path) -> None:
    found = ilk.pairs(folder, cache=False)
    assert kind(found) == "pairs"
    assert kind(folder) == "images"  # which they are too: that they are pairs is to be said
    assert found.traits == {"channels": 3, "size": 8}


def shard(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as found:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            found.addfile(member, io.BytesIO(data))
    return path


def test_shards_with_all_that_may_be_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture cut short, no picture, an empty caption; one in JSON, which is there twice."""
    shard(
        tmp_path / "0.tar",
        [
            ("a.png", png(0)),
            ("a.txt", b"night"),
            ("b.png", png(9)[:40]),
            ("b.txt", b"cut"),
            ("c.txt", b"alone"),
        ],
    )
    shard(
        tmp_path / "1.tar",
        [("d.png", png(50)), ("d.txt", b"  "), ("e.png", png(90)), ("e.json", b'{"caption": "night"}')],
    )
    found = pairs(tmp_path, cache=False)
    assert [(found.id(i), found[i][1]) for i in range(len(found))] == [
        ("0.tar/a", "night"),
        ("1.tar/e", "night"),
    ]
    assert {s.id for s in found.skipped} == {"0.tar/b", "0.tar/c", "1.tar/d"}
    assert found.metadata()["caption"].to_pylist() == ["night", "night"]
    told = capsys.readouterr().err
    assert "2 pairs share their caption" in told
    with pytest.raises(DataError):
        pairs(tmp_path, cache=False, strict=True)


def test_a_shard_cut_short_keeps_what_came_before(tmp_path: Path) -> None:
    path = shard(
        tmp_path / "0.tar",
        [
            (f"{i}{end}", data)
            for i in range(20)
            for end, data in ((".png", png(i)), (".txt", f"number {i}".encode()))
        ],
    )
    path.write_bytes(path.read_bytes()[:20_000])
    found = pairs(path, cache=False)
    assert 5 < len(found) < 20
    assert found[3][1] == "number 3"
    assert len(found.skipped) >= 1


def test_nothing_but_halves(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(png(i))
        (tmp_path / f"{i}.txt").write_text("   ")
    with pytest.raises(DataError, match="none of 3 pictures has a caption"):
        pairs(tmp_path, cache=False)
    (tmp_path / "table.csv").write_text("file,caption\n0.png,\n1.png,\n")
    with pytest.raises(DataError, match="none of 2 pictures has a caption"):
        pairs(tmp_path / "table.csv", cache=False)


def test_an_empty_part_is_one_to_learn_nothing_from(folder: Path, tmp_path: Path) -> None:
    empty = pairs(folder, cache=False).take(np.array([], int))
    assert len(empty) == 0
    with pytest.raises(DataError, match="samples are too few"):
        ilk.learn(empty, "clip", out=tmp_path / "nothing", recipe=ilk.Recipe(steps=2))
    assert not (tmp_path / "nothing.space").exists()
