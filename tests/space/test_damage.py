"""Damaged, missing and foreign files: an error that says what to do, or repaired from the rows."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ilk import saved
from ilk.encoders import Encoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, EncoderMismatch, FormatError
from ilk.space import Space

from .conftest import names, numbers


def change(path: Path, **entries: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


DAMAGE = {
    "cut": lambda p: (p / "space.json").write_text((p / "space.json").read_text()[:40]),
    "empty": lambda p: (p / "space.json").write_text(""),
    "list": lambda p: (p / "space.json").write_text("[]"),
    "no format": lambda p: (p / "space.json").write_text("{}"),
    "gone": lambda p: (p / "space.json").unlink(),
    "future": lambda p: change(p / "space.json", format=99),
    "metric": lambda p: change(p / "space.json", metric="taxi"),
    "reading": lambda p: change(p / "space.json", reading=3),
    "format text": lambda p: change(p / "space.json", format="1"),
    "no encoder": lambda p: (p / "encoder.json").unlink(),
    "no weights": lambda p: (p / "encoder.safetensors").unlink(),
    "no rows": lambda p: shutil.rmtree(p / "rows.lance"),
    "hollow rows": lambda p: shutil.rmtree(p / "rows.lance" / "_versions"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_folder_does_not_open(space, how):
    DAMAGE[how](space.path)
    with pytest.raises(FormatError, match=str(space.path)) as error:
        Space.open(space.path)
    assert error.value.do


def test_no_folder_and_another_folder(tmp_path):
    with pytest.raises(DataError, match="no space at"):
        Space.open(tmp_path / "nothing")
    with pytest.raises(FormatError, match="is no space"):
        Space.open(tmp_path)


def test_a_future_format_asks_for_a_newer_ilk(space):
    change(space.path / "space.json", format=99)
    with pytest.raises(FormatError, match=r"(?s)format 99.*newer ilk"):
        Space.open(space.path)


def test_an_encoder_of_an_unknown_class_still_lets_vectors_be_read(space):
    space.upsert_vectors(names(3), numbers(3))
    change(space.path / "encoder.json", **{"class": "os:system"})
    again = Space.open(space.path)
    assert again.search("thing-0000", k=1).ids.shape == (1, 1)
    with pytest.raises(FormatError, match=r"(?s)'os:system' is not known.*Import the module"):
        again.encode(np.zeros((1, 4, 4), np.uint8))


def test_another_encoder_in_the_folder_names_both(space):
    other = Pixels(4, 2)  # of the same dimension
    saved.save(other, space.path, Encoder)
    both = f"(?s){saved.fingerprint(other)}.*{space.fingerprint}"
    with pytest.raises(EncoderMismatch, match=both):
        Space.open(space.path).encoder  # noqa: B018


def test_rows_of_another_encoder_name_both(space, tmp_path):
    other = Space.create(tmp_path / "other.space", Pixels(4, 2), reading={})
    other.upsert_vectors(names(3), numbers(3))
    shutil.rmtree(space.path / "rows.lance")
    shutil.copytree(other.path / "rows.lance", space.path / "rows.lance")
    with pytest.raises(EncoderMismatch, match=f"(?s){space.fingerprint}.*{other.fingerprint}"):
        Space.open(space.path)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x40
    path.write_bytes(data)


HARM = {
    "gone": lambda f: f.unlink(),
    "empty": lambda f: f.write_bytes(b""),
    "cut": lambda f: f.write_bytes(f.read_bytes()[:-100]),
    "another": lambda f: f.write_bytes(b"not an index" * 300),
    "flipped": flip,
}


@pytest.mark.parametrize("how", HARM)
@pytest.mark.parametrize("kind", ["flat", "ivf", "pq", "ivf-pq", "hnsw"])
def test_a_damaged_index_is_told_and_made_again(space, kind, how, capsys):
    space.upsert_vectors(names(500), numbers(500))
    space.index(kind)
    (base,) = (space.path / "index").iterdir()
    expected = space.search(numbers(3, seed=5), k=4)
    for file in sorted(base.iterdir()):
        (base,) = (space.path / "index").iterdir()
        HARM[how](base / file.name)
        again = Space.open(space.path)
        found = again.search(numbers(3, seed=5), k=4)
        assert "is damaged" in capsys.readouterr().err
        if kind == "flat":  # so few rows need no files: they are in memory again
            again.index(kind)
        else:
            np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(again.vectors(), numbers(500))
        assert Space.open(space.path).search(numbers(500)[9], k=1).ids.tolist() == [["thing-0009"]]


def test_an_index_folder_that_is_gone_is_made_again(space):
    space.upsert_vectors(names(500), numbers(500))
    space.index("hnsw")
    shutil.rmtree(space.path / "index")
    again = Space.open(space.path)
    assert again.search(numbers(500)[9], k=1).ids.tolist() == [["thing-0009"]]
    assert len(list((space.path / "index").iterdir())) == 1


def test_a_damaged_plan_is_told(space, capsys):
    space.upsert_vectors(names(20), numbers(20))
    space.index("ivf")
    (space.path / "index.json").write_text('{"format": 1, "kind": "magic"}')
    shutil.rmtree(space.path / "index")
    assert Space.open(space.path).search(numbers(20)[9], k=1).ids.tolist() == [["thing-0009"]]
    assert "index.json is damaged (format 1, kind 'magic'): search is exact" in capsys.readouterr().err


def test_an_index_of_older_rows_is_caught_up(space):
    space.upsert_vectors(names(30), numbers(30))
    space.index("flat")
    space.upsert_vectors(names(30), numbers(30, seed=1))
    np.testing.assert_array_equal(space.vectors(), numbers(30, seed=1))
    np.testing.assert_array_equal(Space.open(space.path).vectors(), numbers(30, seed=1))


def test_a_torn_last_version_says_how_to_go_back(space):
    space.upsert_vectors(names(3), numbers(3))
    space.upsert_vectors(names(3, 3), numbers(3))
    assert space.vectors().shape == (6, 16)  # leaves a file of vectors for this version
    newest = min((space.path / "rows.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(b"")
    with pytest.raises(FormatError, match=rf"Version 2 \(3 rows\) can be read.*move {newest.name} out"):
        Space.open(space.path)
    newest.unlink()
    again = Space.open(space.path)
    assert again.ids() == names(3)
    np.testing.assert_array_equal(again.vectors(), numbers(3))
    again.upsert_vectors(names(3, 7), numbers(3, seed=7))  # the same version number, other rows
    both = np.concatenate([numbers(3), numbers(3, seed=7)])
    np.testing.assert_array_equal(Space.open(space.path).vectors(), both)


def test_a_damaged_file_of_rows_is_named(space):
    space.upsert_vectors(names(3), numbers(3))
    (file,) = (space.path / "rows.lance" / "data").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FormatError, match=r"rows\.lance cannot be read"):
        Space.open(space.path).vectors()


def test_a_damaged_layer_is_named(space):
    space.write_layer("map", pa.table({"id": ["a"], "x": [1.0]}), {})
    (space.path / "layers" / "map.parquet").write_bytes(b"PAR1")
    for ask in (lambda: space.layer("map"), space.info):
        with pytest.raises(FormatError, match=r"map\.parquet is damaged"):
            ask()
