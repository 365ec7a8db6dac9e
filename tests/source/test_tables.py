"""Tables: what columns are taken for, ids, what is missing."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import ilk
from ilk.errors import DataError, OptionError, UnknownName
from ilk.source import read
from ilk.source._records import Coded, Pictures
from ilk.source.tables import tables

MIXED = {
    "id": ["a", "b", "c", "d"],
    "colour": ["red", "blue", "red", "blue"],
    "price": [1.0, None, 3.0, float("nan")],
    "tags": ["x|y", "y", None, "z|x|y"],
    "says": ["a red thing of old", "something blue to wear", "one more red thing", ""],
    "born": [date(2020, 1, d) for d in (1, 2, 3, 4)],
    "mood": pa.array([[0.0, 1], [1, 0], None, [1, 1]], pa.list_(pa.float32())),
    "serial": ["q1", "q2", "q3", "q4"],
}


def test_columns_are_taken_for_what_they_look_like() -> None:
    table = tables(pa.table(MIXED))
    assert table.kinds == {
        "id": "id",
        "colour": "category",
        "price": "number",
        "tags": "several",
        "says": "text",
        "born": "number",
        "mood": "vector",
        "serial": "kept",
    }
    assert (len(table), table.id(2), table[2]["colour"]) == (4, "c", "red")
    batch = table.batch(np.array([3, 1]))
    assert batch.ids == ["d", "b"]
    assert "serial" not in batch.columns
    colour, tags = batch.columns["colour"], batch.columns["tags"]
    assert isinstance(colour, Coded)
    assert isinstance(tags, Coded)
    assert [colour.names[c] for c in colour.codes] == ["blue", "blue"]
    assert [[tags.names[c] for c in row if c >= 0] for row in tags.codes] == [["z", "x", "y"], ["y"]]
    assert np.isnan(np.asarray(batch.columns["price"])).all()
    assert np.diff(np.asarray(table.batch(np.arange(4)).columns["born"])).tolist() == [86400.0] * 3
    assert np.asarray(table.batch(np.arange(4)).columns["mood"]).tolist() == [[0, 1], [1, 0], [0, 0], [1, 1]]
    assert batch.columns["says"] == ["", "something blue to wear"]
    assert batch[1:].ids == ["b"]


def test_of_a_long_list_the_last_entries_are_looked_at() -> None:
    table = tables(pa.table({"id": ["a", "b"], "seen": ["1|2|3", "4"]}), longest=2)
    seen = table.batch(np.arange(2)).columns["seen"]
    assert isinstance(seen, Coded)
    assert [[seen.names[c] if c >= 0 else "" for c in row] for row in seen.codes] == [["2", "3"], ["", "4"]]
    with pytest.raises(OptionError):
        tables(pa.table({"id": ["a"]}), longest=0)


def test_a_file_keeps_its_ids_and_more_of_the_same_is_read_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "things.csv").write_text("id,size,colour\n007,1,red\n008,2,red\n,3,red\n007,4,blue\n9,5,\n")
    table = tables(tmp_path / "things.csv", columns={"size": "category"})
    assert table.ids == ["007", "008", "9"]
    assert [s.why for s in table.skipped] == ["it has no id", "007 came before"]
    assert "left out 2 rows" in capsys.readouterr().err
    (tmp_path / "more.csv").write_text("id,size\n10,2\n")
    more = read(table.reading, tmp_path / "more.csv")
    assert isinstance(more, ilk.Table)
    assert more.kinds == table.kinds
    assert "no column colour" in capsys.readouterr().err
    colour = more.batch(np.array([0])).columns["colour"]
    assert isinstance(colour, Coded)
    assert colour.codes.tolist() == [-1]
    assert table.named(["9", "007"]).columns["size"].to_pylist() == [5, 1]
    with pytest.raises(DataError):
        tables(tmp_path / "things.csv", strict=True)


def test_pictures_of_a_column(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8, 3), 255, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "things.csv").write_text("id,face\n1,a.png\n2,gone.png\n3,\n")
    table = tables(tmp_path / "things.csv")
    face = table.batch(np.arange(3)).columns["face"]
    assert isinstance(face, Pictures)
    assert face.known.tolist() == [True, False, False]
    assert face.pixels.amax((1, 2, 3)).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("given", "options", "error"),
    [
        (pa.table({"id": ["a"], "n": [1]}), {"columns": {"m": "number"}}, UnknownName),
        (pa.table({"id": ["a"], "n": [1]}), {"columns": {"n": "colour"}}, UnknownName),
        (pa.table({"id": ["a"], "n": ["x"]}), {"id_": "name"}, UnknownName),
        (pa.table({"id": pa.array([], pa.string())}), {}, DataError),
        (pa.table({}), {}, DataError),
        ("nowhere.csv", {}, DataError),
        (3, {}, DataError),
    ],
)
def test_what_is_refused(given: object, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        tables(given, **options)  # type: ignore[arg-type]


def test_a_column_that_is_not_what_was_said(tmp_path: Path) -> None:
    table = tables(pa.table({"id": ["a", "b"], "n": ["x", "y"]}), columns={"n": "number"})
    with pytest.raises(DataError, match="column n cannot be read as number"):
        table.batch(np.arange(2))
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        tables(tmp_path / "cut.parquet")
