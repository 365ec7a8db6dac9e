"""Texts as they come: files, folders, tables, packed, broken."""

import bz2
import gzip
import json
import lzma
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ilk import text
from ilk.errors import DataError, OptionError, UnreadableSample
from ilk.source import read
from ilk.source._kind import kind, reader
from ilk.source._text import rows
from ilk.source._text.halves import halves
from ilk.source._text.parting import chunks
from ilk.source.text import Text

LINES = "one\n\n  two  \nthree"


def said(source: Text) -> list[str]:
    return source.batch(np.arange(len(source)))


def ids(source: Text) -> list[str]:
    return [source.id(i) for i in range(len(source))]


def test_a_folder_is_documents_by_path(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.md").write_text("# C\n\nof b")
    (tmp_path / "a.txt").write_text(LINES)
    (tmp_path / "README").write_text("no ending")
    (tmp_path / ".hidden.txt").write_text("not this")
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    source = text(tmp_path)
    assert ids(source) == ["README", "a.txt", "b/c.md"]
    assert said(source) == ["no ending", LINES, "# C\n\nof b"]
    assert source.metadata()["text"].to_pylist() == said(source)
    assert source[2] == "# C\n\nof b"
    assert read(source.reading, tmp_path).id(2) == "b/c.md"


def test_a_file_is_lines_or_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("a b\nc d\n" * 30)
    (tmp_path / "blocks.txt").write_text("a b\nc d\n\ne f\n\n\n g\n")
    lines, blocks = text(tmp_path / "lines.txt"), text(str(tmp_path / "blocks.txt"))
    assert (len(lines), lines.id(59), lines.reading["by"]) == (60, "lines.txt:60", "line")
    assert said(blocks) == ["a b\nc d", "e f", "g"]
    assert ids(blocks) == ["blocks.txt:1", "blocks.txt:4", "blocks.txt:7"]
    assert len(text(tmp_path / "blocks.txt", by="file")) == 1


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_packed_files_are_unpacked(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.txt.{ending}"
    data = LINES.encode()
    if ending == "zst":
        with pa.CompressedOutputStream(pa.OSFile(str(path), "w"), "zstd") as out:
            out.write(data)
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[ending].compress(data))
    assert said(text(path, by="line")) == ["one", "two", "three"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="no text in"):
        text(path)


def test_long_texts_are_cut_where_sentences_end(tmp_path: Path) -> None:
    sentence = "This is a sentence of forty letters now. "
    (tmp_path / "doc.txt").write_text(sentence * 10)
    (tmp_path / "short.txt").write_text("short")
    source = text(tmp_path, longest=100)
    assert ids(source) == [f"doc.txt#{i}" for i in range(1, 6)] + ["short.txt"]
    assert said(source)[:5] == [(sentence * 2).strip()] * 5


@given(st.lists(st.text(alphabet="ab .\n", max_size=40), max_size=8), st.integers(2, 30))
def test_no_letter_is_lost_between_chunks(pieces: list[str], longest: int) -> None:
    found = list(chunks(pieces, longest))
    assert all(0 < len(t) <= longest for _, t in found)
    assert "".join("".join(t for _, t in found).split()) == "".join("".join(pieces).split())
    assert [n for n, _ in found] in ([], [0], list(range(1, len(found) + 1)))


def test_a_line_longer_than_memory_is_read_piece_by_piece(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("word " * 400_000)  # 2 MB without an end of line
    source = text(tmp_path / "one.txt")
    assert source.id(0) == "one.txt:1#1"
    assert sum(map(len, said(source))) + len(source) == 2_000_000


def test_reading_an_endless_line_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """The bound is the same whatever the length: 100 MB took 4 MB, too (by hand)."""
    (tmp_path / "one.txt").write_text("word " * 1_600_000)  # 8 MB
    tracemalloc.start()
    try:
        source = text(tmp_path / "one.txt")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(source) == 4000
    assert most < 4_000_000


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_row_longer_than_is_held_at_once_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LONGEST", 1 << 16)
    long = "word " * 40_000
    lines = {
        "a.jsonl": ['"short"', json.dumps(long), '"last"'],
        "a.csv": ["text", "short", f'"{long}"', "last"],
    }
    (tmp_path / name).write_text("\n".join(lines[name]))
    (tmp_path / "other.txt").write_text("good")
    source = text(tmp_path)
    assert sorted(said(source)) == ["good", "short"]  # what comes before it stays
    assert [s.id for s in source.skipped] == [name]
    assert "is longer than 65,536" in source.skipped[0].why


def test_bytes_that_mean_nothing_are_told_and_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_bytes(b"good\ncaf\xe9 here\n")
    assert said(text(tmp_path / "a.txt")) == ["good", "caf\ufffd here"]
    assert "1 samples held bytes that are no UTF-8" in capsys.readouterr().err
    assert said(text(tmp_path / "a.txt", encoding="latin-1")) == ["good", "café here"]
    (tmp_path / "b.txt").write_bytes("wörter\n".encode("utf-16"))
    assert said(text(tmp_path / "b.txt")) == ["wörter"]


def test_what_is_no_text_is_left_out_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.txt").write_bytes(bytes(range(256)))
    (tmp_path / "c.txt").write_bytes(b"%PDF-1.7")
    (tmp_path / "d.txt").write_text(" \n")
    source = text(tmp_path)
    assert [s.id for s in source.skipped] == ["b.txt", "c.txt", "d.txt"]
    assert source.skipped[0].why == "binary data, not text"
    with pytest.raises(UnreadableSample, match=r"b\.txt"):
        text(tmp_path, strict=True)
    (tmp_path / "a.txt").unlink()
    with pytest.raises(DataError, match=r"no text in .*binary data"):
        text(tmp_path)


def test_rows_bring_their_columns_and_ids(tmp_path: Path) -> None:
    rows = [{"id": "x", "text": "first", "stars": 3}, {"text": "second"}, {"text": None, "stars": 1}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    source = text(tmp_path / "a.jsonl")
    assert (ids(source), said(source)) == (["x", "a.jsonl:2"], ["first", "second"])
    assert source.metadata()["stars"].to_pylist() == [3, None]
    (tmp_path / "b.csv").write_text('title,body,n\nA,"two\nlines",1\nB,last,2\n')
    source = text(tmp_path / "b.csv", column="title")
    assert (said(source), source.metadata()["n"].to_pylist()) == (["A", "B"], [1, 2])
    assert said(text(tmp_path / "b.csv")) == ["two\nlines", "last"]
    pyarrow.parquet.write_table(pa.table({"said": ["p", "q"], "n": [1.5, 2]}), tmp_path / "c.parquet")
    source = text(tmp_path / "c.parquet")
    assert (ids(source), source.metadata().column_names) == (["c.parquet:1", "c.parquet:2"], ["text", "n"])
    with pytest.raises(OptionError, match="no column 'x'"):
        text(tmp_path / "c.parquet", column="x")


def test_texts_in_memory() -> None:
    source = text(["a", "b b"])
    assert (ids(source), said(source)) == (["0", "1"], ["a", "b b"])
    for odd, why in (
        (["a", 3], "number 1 is a int"),
        ([], "no text"),
        (b"bytes", "cannot be read as text"),
    ):
        with pytest.raises(DataError, match=why):
            text(odd)


def test_options_that_make_no_sense_are_refused() -> None:
    for options in ({"by": "word"}, {"longest": 1}, {"encoding": "utf-9"}):
        with pytest.raises(OptionError):
            text(["a"], **options)
    with pytest.raises(DataError, match="there is no"):
        text("/nowhere/at all")


def test_halves_part_at_the_sentence_nearest_the_middle() -> None:
    assert halves(["One two. Three four.", "just words here", "word", ""]) == (
        ["One two.", "just words", "wo", ""],
        ["Three four.", "here", "rd", ""],
    )


def test_the_kind_of_data_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert kind(tmp_path) == kind(tmp_path / "a.txt") == kind(["some words", "more"]) == "text"
    for name in ("1.png", "2.png"):
        (tmp_path / name).touch()
    assert kind(tmp_path) == kind(np.zeros((2, 8, 8))) == kind(["1.png"]) == "images"
    (tmp_path / "t.csv").write_text("file,caption\n1.png,a dog\n")
    (tmp_path / "u.csv").write_text("title,body\nA,a dog\n")
    assert (kind(tmp_path / "t.csv"), kind(tmp_path / "u.csv")) == ("images", "text")
    assert kind(text(["a"])) == "text"
    with pytest.raises(OptionError, match="no kind of data called 'txt'"):
        reader("txt", tmp_path)
