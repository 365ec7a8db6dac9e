"""Labels, sets, undo, the probe, export: what a person says of samples, and takes away."""

import io
import threading

import numpy as np
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilk.analysis import probe
from ilk.space import Space
from ilk.space._lock import writing
from ilk.view._server import inside
from ilk.view._server.marks import Marks
from ilk.view._server.probing import least_sure
from ilk.view._server.probing import probe as trained
from ilk.view._server.shown import Shown

from .looked_at import N, Visitor


def labelled(tmp_path) -> dict[str, str]:
    """As anybody reads them from the space."""
    layer = Space.open(tmp_path / "digits.space").layer("labels").to_pydict()
    return dict(zip(layer["id"], layer["labelled"]))


def counts(told, kind="labels"):
    return {c["name"]: c["count"] for c in told[kind]}


def test_a_row_has_one_label_and_undo_gives_back_what_it_had(own, tmp_path):
    ids = Space.open(tmp_path / "digits.space").ids()
    assert counts(own.rows("/api/labels?name=ring", [1, 2, 3])) == {"ring": 3}
    told = own.rows("/api/labels?name=edge on", [3, 4])
    assert counts(told) == {"ring": 2, "edge on": 2}
    assert told["undo"] == "label 2 rows as edge on"
    assert labelled(tmp_path) == {
        ids[1]: "ring", ids[2]: "ring", ids[3]: "edge on", ids[4]: "edge on",
    }  # fmt: skip
    told = own.post("/api/undo")
    assert (counts(told), told["redo"]) == ({"ring": 3}, "label 2 rows as edge on")
    assert labelled(tmp_path) == {ids[i]: "ring" for i in (1, 2, 3)}
    assert counts(own.post("/api/redo")) == {"ring": 2, "edge on": 2}
    assert counts(own.delete("/api/labels?name=ring")) == {"edge on": 2}
    assert counts(own.rows("/api/labels/clear", [4])) == {"edge on": 1}
    for _ in range(4):
        told = own.post("/api/undo")
    assert (counts(told), told["undo"], labelled(tmp_path)) == ({}, None, {})
    assert "nothing to undo" in own.post("/api/undo", 400)["error"]


def test_labels_are_a_column_like_any_other(own):
    told = own.rows("/api/labels?name=zero", [0, 10])
    column = own.get("/api/column?name=labelled")
    assert column["from"] == "layer:labels"
    assert column["categories"] == [{"name": "zero", "count": 2}]
    assert column["missing"] == N - 2
    codes = np.frombuffer(own.get("/api/column.bin?name=labelled").content, "u1")
    assert np.flatnonzero(codes == 0).tolist() == [0, 10]
    rows = np.frombuffer(own.post("/api/select", json={"where": "labelled = 'zero'"}).content, "<u4")
    assert rows.tolist() == [0, 10]
    assert own.get("/api/space")["stamp"] == told["stamp"]


def test_sets_overlap_and_are_flags(own):
    own.rows("/api/sets?name=odd ones", [1, 2, 3])
    told = own.rows("/api/sets?name=round", [3, 4])  # as a column of the metadata is called too
    assert counts(told, "sets") == {"odd ones": 3, "round": 2}
    flags = {c["name"]: c for c in own.get("/api/space")["columns"] if c["from"] == "layer:sets"}
    assert set(flags) == {"odd ones", "sets_round"}
    codes = np.frombuffer(own.get("/api/column.bin?name=sets_round").content, "u1")
    assert np.flatnonzero(codes == 1).tolist() == [3, 4]
    assert counts(own.rows("/api/sets?name=odd ones", [9]), "sets")["odd ones"] == 1  # replaced
    assert counts(own.post("/api/undo"), "sets")["odd ones"] == 3
    own.delete("/api/sets?name=odd ones")
    assert own.delete("/api/sets?name=round")["sets"] == []
    assert not [c for c in own.get("/api/space")["columns"] if c["from"] == "layer:sets"]
    assert counts(own.post("/api/undo"), "sets") == {"round": 2}
    own.delete("/api/sets?name=nothing", 404)
    own.rows("/api/sets?name=id", [1], 400)


def test_rows_and_names_that_make_no_sense(own):
    assert f"row {N} of {N} rows" in own.rows("/api/labels?name=a", [N], 400)["error"]
    assert "6 bytes" in own.post("/api/labels?name=a", 400, content=b"123456")["error"]
    own.rows("/api/labels?name=", [1], 422)
    own.rows("/api/labels?name=%07", [1], 400)
    own.delete("/api/labels?name=a", 404)
    assert own.get("/api/labels")["labels"] == []


def test_a_layer_written_elsewhere_is_read_again(own, tmp_path):
    own.rows("/api/labels?name=a", [1, 2])
    other = Visitor(tmp_path / "digits.space")  # another window of another server
    assert counts(other.get("/api/labels")) == {"a": 2}
    other.rows("/api/labels?name=b", [2])
    told = own.get("/api/labels")
    assert (counts(told), told["undo"]) == ({"a": 1, "b": 1}, None)
    assert counts(own.rows("/api/labels?name=c", [5])) == {"a": 1, "b": 1, "c": 1}


def test_who_writes_long_is_told_of_and_nothing_is_half_done(own, tmp_path, monkeypatch):
    own.rows("/api/labels?name=a", [1])
    monkeypatch.setattr(inside, "PATIENCE", 0.05)
    with writing(tmp_path / "digits.space"):  # as `ilk add` holds it
        assert "is being written" in own.rows("/api/labels?name=b", [1, 2], 409)["error"]
    told = own.get("/api/labels")
    assert (counts(told), told["undo"]) == ({"a": 1}, "label 1 rows as a")


def test_who_writes_for_a_moment_is_waited_for(own, tmp_path):
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(tmp_path / "digits.space"):
            held.set()
            done.wait(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert counts(own.rows("/api/labels?name=a", [1])) == {"a": 1}
    thread.join()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["label", "clear", "undo", "redo"]),
            st.lists(st.integers(0, N - 1), max_size=6),
            st.sampled_from("abc"),
        ),
        max_size=12,
    )
)
def test_any_way_forth_and_back(made, monkeypatch, steps):
    """Against a list of whole states, the plainest undo there is."""
    monkeypatch.setattr(inside, "write_layer", lambda *_: None)
    marks = Marks(Shown(made))
    states, at = [{}], 0
    for what, rows, name in steps:
        if what == "undo" and at > 0:
            marks.undo()
            at -= 1
        elif what == "redo" and at + 1 < len(states):
            marks.redo()
            at += 1
        elif what in ("label", "clear"):
            marks.label(np.array(rows, np.int64), name if what == "label" else None)
            new = {r: v for r, v in states[at].items() if what == "label" or r not in rows}
            new |= dict.fromkeys(rows, name) if what == "label" else {}
            states = [*states[: at + 1], new]
            at += 1
        told = {int(r): marks.names[marks.codes[r]] for r in np.flatnonzero(marks.codes >= 0)}
        assert told == states[at]


def test_the_probe_says_how_sure_it_is_and_what_to_label_next(own, tmp_path):
    space = Space.open(tmp_path / "digits.space")
    digits = space.metadata()["digit"].to_numpy()
    assert "needs two labels" in own.post("/api/probe", 400, json={})["error"]
    own.rows("/api/labels?name=small", np.flatnonzero(digits[:40] < 5))
    assert "needs two labels" in own.post("/api/probe", 400, json={})["error"]
    own.rows("/api/labels?name=large", np.flatnonzero(digits[:40] >= 5))
    told = own.post("/api/probe", json={"unsure": 7})
    assert told["rows"] == 40
    known = probe.accuracy(space.vectors()[:40], digits[:40] < 5, how="linear")
    assert told["accuracy"] == pytest.approx(known, abs=0.1)  # the same protocol, but for how it standardises
    assert told["guess"] == max((digits[:40] < 5).mean(), (digits[:40] >= 5).mean())
    weights = {c["name"]: c["count"] for c in told["labels"]}
    found = sum(c["recall"] * weights[c["name"]] for c in told["labels"]) / 40
    assert found == pytest.approx(told["accuracy"])
    assert len(told["unsure"]) == 7
    assert all(u["row"] >= 40 for u in told["unsure"])  # not what is labelled already
    margins = [u["margin"] for u in told["unsure"]]
    assert margins == sorted(margins)
    layer = space.layer("probe")
    rest = np.array(layer["margin"])[40:]
    assert margins == pytest.approx(np.sort(rest)[:7].tolist())
    right = np.array(layer["prediction"]) == np.where(digits < 5, "small", "large")
    assert right[:40].mean() > 0.9
    assert own.get("/api/column?name=prediction")["from"] == "layer:probe"
    own.rows("/api/labels?name=lonely", [50])
    assert "'lonely'" in own.post("/api/probe", 400, json={})["error"]


def test_the_least_sure_by_hand():
    x = np.array([[-2.0], [-1.9], [2.0], [2.1], [0.01], [1.0], [-3.0]], np.float32)
    found = trained(x, np.array([0, 0, 1, 1, -1, -1, -1]), ["left", "right"])
    assert found.accuracy == 1.0
    assert found.told.tolist() == [0, 0, 1, 1, 0, 1, 0]  # the border lies at the mean, 0.05
    assert least_sure(found, np.array([0, 0, 1, 1, -1, -1, -1]), 5).tolist() == [4, 5, 6]
    assert (found.second == 1 - found.told).all()


def test_what_is_taken_away_is_what_is_there(own, tmp_path):
    space = Space.open(tmp_path / "digits.space")
    own.rows("/api/labels?name=a", [5])
    rows = [5, 3, 8]
    answer = own.rows("/api/export?format=csv", rows)
    assert answer.headers["content-disposition"] == 'attachment; filename="digits.csv"'
    table = pcsv.read_csv(io.BytesIO(answer.content))
    assert table["id"].to_pylist() == [space.ids()[r] for r in rows]
    assert table["digit"].to_pylist() == [space.metadata()["digit"][r].as_py() for r in rows]
    assert table["cluster"].to_pylist() == [space.layer("cluster")["cluster"][r].as_py() for r in rows]
    assert table["labelled"].to_pylist() == ["a", "", ""]
    answer = own.rows("/api/export?format=parquet&vectors=true", [])  # no rows: all
    table = pq.read_table(io.BytesIO(answer.content))
    assert table["id"].to_pylist() == space.ids()
    np.testing.assert_array_equal(
        np.stack(table["vector"].to_numpy(zero_copy_only=False)), np.asarray(space.vectors())
    )
    assert table.schema.metadata[b"ilk.encoder"].decode() == space.fingerprint
    own.rows("/api/export?format=xls", rows, 422)
