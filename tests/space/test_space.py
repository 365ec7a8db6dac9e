"""What a user does with a space, value by value."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import ilk
from ilk.decoders import Decoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, EncoderMismatch, FilterError, OptionError, SpaceError, UnknownName
from ilk.source.images import Images
from ilk.space import Id, Space, Upserted

from .conftest import READING, names, numbers
from .test_index import plain


class Backwards(Decoder):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return z.reshape(-1, 1, 4, 4)


def test_a_new_space_is_empty(space):
    assert len(space) == 0
    assert space.ids() == []
    assert space.vectors().shape == (0, 16)
    assert space.metadata().num_columns == 0
    assert space.search(np.ones(16), k=3).ids.shape == (1, 0)
    assert space.delete(["nobody"]) == 0
    assert (space.dim, space.metric, space.reading) == (16, "cosine", READING)
    assert space.decoder is None


def test_a_source_is_encoded_and_kept_with_metadata_and_pictures(space, capsys):
    class Faces(Images):
        def picture(self, i):
            return None if i == 0 else f"PNG{i}".encode()

    pixels = np.arange(48, dtype=np.uint8).reshape(3, 1, 4, 4)
    source = Faces(pixels, ["a", "b", "c"], columns=pa.table({"spin": [0.1, 0.5, 0.9]}))
    assert space.upsert(source) == Upserted(added=3, replaced=0, skipped=0)
    assert capsys.readouterr().err == ""
    again = Space.open(space.path)
    assert again.ids() == ["a", "b", "c"]
    np.testing.assert_allclose(again.vectors(), pixels.reshape(3, 16) / 255, rtol=1e-6)
    assert not again.vectors().flags.writeable
    assert again.metadata().to_pydict() == {"spin": [0.1, 0.5, 0.9]}
    assert again.pictures(["c", "a", "b", "c"]) == [b"PNG2", None, b"PNG1", b"PNG2"]
    assert again.upsert(source) == Upserted(added=0, replaced=3, skipped=0)


def test_a_source_that_was_read_otherwise_is_told(space, capsys):
    space.upsert(Images(np.zeros((1, 1, 4, 4), np.uint16), ["a"]))
    assert "(dtype: uint16, not uint8)" in capsys.readouterr().err


def test_a_long_source_is_stored_in_chunks(space, monkeypatch, capsys):
    monkeypatch.setattr("ilk.space._chunks.BATCH", 3)
    monkeypatch.setattr("ilk.space._chunks.ROWS", 6)

    class Breaks(Images):
        def batch(self, rows):
            if 13 in rows:
                raise KeyboardInterrupt
            return super().batch(rows)

    pixels = np.arange(20 * 16, dtype=np.float32).reshape(20, 1, 4, 4)
    columns = pa.table({"n": range(20)})
    with pytest.raises(KeyboardInterrupt):
        space.upsert(Breaks(pixels, names(20), columns=columns))
    assert "12 added" in capsys.readouterr().err
    assert len(space) == 12  # two chunks of six were acknowledged
    assert space.upsert(Images(pixels, names(20), columns=columns)) == Upserted(8, 12, 0)
    for name, vector, n in zip(space.ids(), space.vectors(), space.metadata()["n"].to_pylist()):
        assert name == names(20)[n]
        np.testing.assert_array_equal(vector, pixels[n].reshape(-1))


def test_upsert_replaces_by_id_and_the_last_of_two_wins(space, capsys):
    v = numbers(4)
    assert space.upsert_vectors(["a", "b", "a"], v[:3]) == Upserted(2, 0, 0)
    assert "came twice" in capsys.readouterr().err
    assert space.upsert_vectors(["b", "c"], v[2:]) == Upserted(1, 1, 0)
    stored = dict(zip(space.ids(), space.vectors().tolist()))
    assert stored == {"a": v[2].tolist(), "b": v[2].tolist(), "c": v[3].tolist()}


def test_delete_counts_the_rows_there_were(space, capsys):
    space.upsert_vectors(names(5), numbers(5))
    quoted = ["it's", '"x"', "%_", "; drop", "ü", "-- "]
    space.upsert_vectors(quoted, numbers(6))
    assert space.delete([*quoted, *quoted, "nobody"]) == 6
    assert "1 of 7 ids are not in " in capsys.readouterr().err
    assert space.delete("thing-0003") == 1
    assert space.ids() == ["thing-0000", "thing-0001", "thing-0002", "thing-0004"]
    assert "thing-0003" not in Space.open(space.path).search(numbers(5)[3], k=9).ids


def test_search_by_id_leaves_out_itself(space):
    space.upsert_vectors(["x", "y", "z"], np.eye(16)[[0, 0, 1]])
    found = space.search("x", k=5)
    assert found.ids.tolist() == [["y", "z"]]
    assert found.distances.tolist() == [[0.0, 1.0]]
    assert found.distances.dtype == np.float32
    assert space.search(Id("z"), k=1).ids.tolist() == [["x"]]  # x and y are equally far: by id
    assert found.table().to_pydict() == {
        "query": [0, 0],
        "rank": [1, 2],
        "id": ["y", "z"],
        "distance": [0.0, 1.0],
    }


def test_search_by_vectors(space):
    space.upsert_vectors(names(20), numbers(20))
    found = space.search(numbers(20)[[4, 11]], k=3)
    assert found.ids.shape == found.distances.shape == (2, 3)
    assert found.ids[:, 0].tolist() == ["thing-0004", "thing-0011"]
    np.testing.assert_allclose(found.distances[:, 0], 0, atol=1e-7)
    assert space.search(numbers(20)[4].tolist(), k=100).ids.shape == (1, 20)  # a list, and k beyond the rows
    assert found.table()["query"].to_pylist() == [0, 0, 0, 1, 1, 1]


def test_search_by_file_and_by_pixels(space, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (9, 1, 4, 4), dtype=np.uint8)
    space.upsert(Images(pixels, names(9)))
    Image.fromarray(pixels[6, 0]).save(tmp_path / "some.png")
    file = tmp_path / "some.png"
    for query in (file, str(file), file.read_bytes(), Image.open(file), pixels[6:7]):
        found = space.search(query, k=1)
        assert found.ids.tolist() == [["thing-0006"]]
        assert found.distances[0, 0] < 1e-6
    np.testing.assert_allclose(space.encode(pixels[:2]), pixels[:2].reshape(2, 16) / 255, atol=1e-6)


def test_where_filters_before_the_search(space):
    kind = ["ring" if i % 3 else "disc" for i in range(30)]
    columns = pa.table(
        {"n": range(30), "Kind of": kind, "half": [None if i < 20 else i / 2 for i in range(30)]}
    )
    space.upsert_vectors(names(30), numbers(30), columns)

    def found(where: str) -> set[str]:
        return set(space.search(numbers(1)[0], k=30, where=where).ids[0])

    assert found("n >= 27") == set(names(3, 27))
    assert found("`Kind of` = 'disc' AND n < 7") == {names(30)[i] for i in (0, 3, 6)}
    assert found("half > 14 OR id = 'thing-0002'") == {"thing-0002", "thing-0029"}
    assert found("half IS NULL -- a comment") == set(names(20))
    assert found("n > 99") == set()
    nearest = space.search("thing-0000", k=2, where="n IN (0, 5, 9)")
    assert set(nearest.ids[0]) == {"thing-0005", "thing-0009"}


@pytest.mark.parametrize(
    "where",
    ["", "spin >", "nope = 3", "n", "n + 1", "n = 'a", "n > 3; drop", "n > 1 foo", "sin(n) > 'a'", "f(n)=1"],
)
def test_a_bad_where_names_the_columns_and_gives_an_example(space, where):
    space.upsert_vectors(names(3), numbers(3), pa.table({"n": [1, 2, 3], "spin": [0.1, 0.2, 0.3]}))
    with pytest.raises(FilterError, match=r"(?s)Columns: id, n, spin.*`spin` > 0\.5"):
        space.search(numbers(1)[0], where=where)


def test_a_bad_where_says_what_is_wrong_and_hides_the_plumbing(space):
    space.upsert_vectors(names(3), numbers(3), pa.table({"n": [1, 2, 3]}))
    for where, what in {"m = 1": "No field named m", "n =": "Expected: an expression"}.items():
        with pytest.raises(FilterError, match=what) as e:
            space.search(numbers(1)[0], where=where)
        assert "_rowid" not in str(e.value)
        assert ".rs" not in str(e.value)
        assert "user input" not in str(e.value)


def test_columns_that_come_later_are_null_before(space):
    space.upsert_vectors(["a", "b"], numbers(2), pa.table({"n": [1, 2]}))
    space.upsert_vectors(
        ["c", "a"], numbers(2), pa.table({"colour": pa.array(["red", None]), "empty": [None, None]})
    )
    table = space.metadata().append_column("id", [space.ids()]).sort_by("id")
    assert table.to_pydict() == {"n": [None, 2, None], "colour": [None, None, "red"], "id": ["a", "b", "c"]}
    assert space.info()["columns"] == {"n": "int64", "colour": "string"}


def test_metadata_is_cast_where_nothing_is_lost(space):
    space.upsert_vectors(["a"], numbers(1), pa.table({"x": [1.5], "n": pa.array([1], pa.int32())}))
    category = pa.array(["ring"]).dictionary_encode()
    space.upsert_vectors(["b"], numbers(1), pa.table({"x": [2], "n": [7], "kind": category}))
    assert space.metadata().to_pydict() == {"x": [1.5, 2.0], "n": [1, 7], "kind": [None, "ring"]}
    for wrong in (pa.table({"x": ["two"]}), pa.table({"n": [0.5]}), pa.table({"n": [2**40]})):
        with pytest.raises(OptionError, match=r"metadata column '[xn]' holds"):
            space.upsert_vectors(["c"], numbers(1), wrong)
    assert space.ids() == ["a", "b"]


def test_columns_called_like_ours_are_renamed(space, capsys):
    given = pa.table({"id": ["a", "b"], "vector": [1, 2], "fits.key": [3, 4], "_rowid": [5, 6]})
    space.upsert_vectors(["a", "b"], numbers(2), given)
    assert space.metadata().to_pydict() == {"vector_": [1, 2], "fits_key": [3, 4], "_rowid_": [5, 6]}
    assert "'vector' is stored as 'vector_'" in capsys.readouterr().err
    space.upsert_vectors(["c"], numbers(1), pa.table({"id": ["other"]}))
    assert space.metadata()["id_"].to_pylist() == [None, None, "other"]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (DataError, lambda s: s.upsert_vectors([""], numbers(1))),
        (DataError, lambda s: s.upsert_vectors([3], numbers(1))),
        (DataError, lambda s: s.upsert_vectors(["a\0"], numbers(1))),
        (DataError, lambda s: s.upsert_vectors(["\udc80"], numbers(1))),
        (DataError, lambda s: s.upsert_vectors(["a"], np.full((1, 16), np.nan))),
        (DataError, lambda s: s.upsert_vectors(["a"], np.full((1, 16), 1e300))),
        (EncoderMismatch, lambda s: s.upsert_vectors(["a"], numbers(1, 12))),
        (OptionError, lambda s: s.upsert_vectors(["a"], numbers(1)[0])),
        (OptionError, lambda s: s.upsert_vectors(["a"], [["x"] * 16])),
        (OptionError, lambda s: s.upsert_vectors(["a", "b"], numbers(1))),
        (OptionError, lambda s: s.upsert_vectors(["a"], numbers(1), pa.table({"n": [1, 2]}))),
        (OptionError, lambda s: s.upsert_vectors(["a"], numbers(1), pa.table({"a.b": [1], "a_b": [1]}))),
        (OptionError, lambda s: s.upsert_vectors(["a"], numbers(1), None, [b"1", b"2"])),
        (OptionError, lambda s: s.search(numbers(1)[0], k=0)),
        (OptionError, lambda s: s.search(["thing-0000"])),
        (DataError, lambda s: s.search(np.full(16, np.inf))),
        (EncoderMismatch, lambda s: s.search(numbers(1, 12)[0])),
        (UnknownName, lambda s: s.search(Id("nobody"))),
        (UnknownName, lambda s: s.search("nobody")),
        (OptionError, lambda s: s.search("")),
        (UnknownName, lambda s: s.pictures(["thing-0000", "nobody"])),
        (UnknownName, lambda s: s.layer("nothing")),
        (OptionError, lambda s: s.write_layer("../x", pa.table({"id": ["a"], "n": [1]}), {})),
        (OptionError, lambda s: s.write_layer("x", pa.table({"n": [1]}), {})),
        (OptionError, lambda s: s.write_layer("x", pa.table({"id": ["a"]}), {})),
        (OptionError, lambda s: s.write_layer("x", pa.table({"id": ["a", "a"], "n": [1, 2]}), {})),
        (OptionError, lambda s: s.write_layer("x", pa.table({"id": ["a"], "n": [1]}), {"by": object()})),
        (DataError, lambda s: s.export("/nowhere/at/all.parquet")),
        (OptionError, lambda s: s.export("table.csv")),
        (SpaceError, lambda s: Space.create(s.path, Pixels(1, 4), reading={})),
        (UnknownName, lambda s: Space.create(s.path / "new", Pixels(1, 4), reading={}, metric="cosin")),
        (OptionError, lambda s: Space.create(s.path / "new", Pixels(1, 4), reading={"at": Path()})),
    ],
)
def test_bad_input_changes_nothing(space, error, call):
    space.upsert_vectors(names(3), numbers(3))
    version, files = space.info()["version"], {p for p in space.path.iterdir() if p.name != "index"}
    with pytest.raises(error):
        call(space)
    assert space.ids() == names(3)
    assert Space.open(space.path).info()["version"] == version
    assert {p for p in space.path.iterdir() if p.name != "index"} == files


def test_a_vector_of_another_encoder_names_both(space):
    with pytest.raises(EncoderMismatch, match=rf"12 dimensions .*pixels \({space.fingerprint}\) with 16"):
        space.search(numbers(1, 12)[0])


def test_encoder_and_decoder_come_back(tmp_path, encoder):
    space = Space.create(tmp_path / "d.space", encoder, reading=READING, decoder=Backwards(16), metric="l2")
    again = Space.open(space.path)
    assert isinstance(again.encoder, Pixels)
    assert isinstance(again.decoder, Backwards)
    assert again.info()["decoder"].endswith(":Backwards")
    space.upsert_vectors(["a", "b"], np.eye(16)[:2] * 3)
    assert space.search(np.zeros(16), k=2).distances.tolist() == [[3.0, 3.0]]  # Euclidean, not squared


def test_any_folder_name_works(tmp_path, encoder):
    space = Space.create(tmp_path / "a b" / "50% of #1?é.space", encoder, reading=READING)
    space.upsert_vectors(["a"], numbers(1))
    assert Space.open(str(space.path)).ids() == ["a"]


def test_layers_follow_deletions(space):
    space.upsert_vectors(["a", "b", "c"], numbers(3))
    space.write_layer("cluster", pa.table({"id": ["c", "a", "b"], "cluster": [2, 0, 1]}), {"k": 3})
    space.write_layer("map", pa.table({"id": ["a"], "x": [0.5], "y": [1.5]}), {})
    space.delete(["a"])
    again = Space.open(space.path)
    assert again.layers() == ["cluster", "map"]
    assert again.layer("cluster").to_pydict() == {"id": ["c", "b"], "cluster": [2, 1]}
    assert again.layer("map").num_rows == 0
    made = again.info()["layers"]["cluster"]
    assert made["parameters"] == {"k": 3}
    assert made["version"] == again.info()["version"] - 1
    space.write_layer("map", pa.table({"id": ["c"], "x": [7.0]}), {})
    assert space.layer("map").to_pydict() == {"id": ["c"], "x": [7.0]}


def test_export_joins_metadata_and_layers(space, tmp_path):
    space.upsert_vectors(["a", "b", "c"], numbers(3), pa.table({"n": [1, 2, 3]}))
    space.write_layer("one", pa.table({"id": ["c", "a"], "n": [30, 10], "vector": ["v3", "v1"]}), {})
    space.write_layer("two", pa.table({"id": ["b"], "soft": [[0.5, 0.5]]}), {})
    space.export(tmp_path / "all.parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    np.testing.assert_array_equal(np.array(table.column("vector").to_pylist(), np.float32), numbers(3))
    assert table.drop_columns(["vector"]).to_pydict() == {
        "id": ["a", "b", "c"],
        "n": [1, 2, 3],
        "one_n": [10, None, 30],
        "one_vector": ["v1", None, "v3"],
        "soft": [None, [0.5, 0.5], None],
    }
    assert table.schema.metadata[b"ilk.encoder"].decode() == space.fingerprint
    assert [p.name for p in tmp_path.glob("all*")] == ["all.parquet"]


def test_info_counts(space):
    space.upsert_vectors(names(3), numbers(3), pa.table({"n": [1, 2, 3]}))
    info = space.info()
    assert (info["rows"], info["dim"], info["metric"], info["encoder"]) == (3, 16, "cosine", "pixels")
    assert info["fingerprint"] == space.fingerprint
    assert info["bytes"] > 3 * 16 * 4


def test_asking_by_id_needs_no_torch(space):
    space.upsert_vectors(names(3), numbers(3))
    code = "import sys; from ilk.space import Space; from ilk.cli._printing import Output"
    code += "; Space.open(sys.argv[1]).search('thing-0001', k=1)"
    code += "; print('torch' in sys.modules)"
    root = Path(ilk.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code, space.path], cwd=root, capture_output=True, check=True)
    assert done.stdout.split() == [b"False"]


# A plain dictionary is the model. Small whole numbers make equal vectors, equal distances and zero vectors.
_ids = st.sampled_from(["a", "b", "c", "d", "e", "f", "A", "é"])
_vectors = st.lists(st.integers(-1, 2), min_size=4, max_size=4)
_upserts = st.lists(st.tuples(_ids, _vectors, st.integers(0, 9)), min_size=1, max_size=6)
_deletes = st.lists(_ids, max_size=3)
_steps = st.lists(st.one_of(_upserts, _deletes, st.just("open")), min_size=2, max_size=7)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps, metric=st.sampled_from(["cosine", "l2"]), query=_vectors, k=st.integers(1, 9))
def test_a_space_behaves_like_a_dictionary(tmp_path_factory, steps, metric, query, k):
    space = Space.create(
        tmp_path_factory.mktemp("m") / "s.space", Pixels(1, 2), reading=READING, metric=metric
    )
    model: dict[str, tuple[list[int], int]] = {}
    for step in steps:
        if step == "open":
            space = Space.open(space.path)
        elif step and isinstance(step[0], tuple):
            ids, vectors, n = [list(x) for x in zip(*step)]
            added = len(set(ids) - model.keys())
            assert space.upsert_vectors(ids, vectors, pa.table({"n": n})).added == added
            model |= {i: (v, m) for i, v, m in step}
        else:
            assert space.delete(step) == len(set(step) & model.keys())
            model = {i: row for i, row in model.items() if i not in step}
        asked = np.array(query, np.float32)
        stored = {i: (v, n) for i, v, n in zip(space.ids(), space.vectors().tolist(), _column(space))}
        assert stored == model
        assert len(space) == len(model)
        for where, kept in ((None, model), ("n >= 5", {i for i, (_, n) in model.items() if n >= 5})):
            if where and "n" not in space.metadata().column_names:
                continue
            ids = sorted(kept)
            expected = plain(asked, np.array([model[i][0] for i in ids]).reshape(-1, 4), ids, metric)[:k]
            found = space.search(asked, k, where=where)
            assert found.ids[0].tolist() == [i for _, i in expected]
            np.testing.assert_allclose(found.distances[0], [d for d, _ in expected], rtol=1e-6)


def _column(space):
    table = space.metadata()
    return table["n"].to_pylist() if table.num_columns else []
