"""What the page is shown, held against the space itself."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ilk.analysis.clusters import clusters
from ilk.encoders.pixels import Pixels
from ilk.space import Id, Space

from .looked_at import N, Visitor


@pytest.fixture(scope="module")
def space(made: Path) -> Space:
    return Space.open(made)


def pixels(answer) -> np.ndarray:
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as opened:
        return np.asarray(opened)


def row_of(visitor: Visitor, id_: str) -> int:
    return visitor.post("/api/search", json={"id": id_})["rows"][0]["row"]


def test_the_space(visitor, space):
    told = visitor.get("/api/space")
    assert (told["name"], told["rows"], told["dim"], told["metric"]) == ("digits", N, 64, "cosine")
    assert told["encoder"] == "pixels"
    kinds = {c["name"]: c["kind"] for c in told["columns"] if c["from"] == "metadata"}
    assert kinds == {
        "path": "text", "digit": "category", "ink": "number", "note": "text", "round": "flag",
        "taken": "time", "kind": "category",
    }  # fmt: skip
    layered = {c["name"]: c["from"] for c in told["columns"] if c["from"] != "metadata"}
    assert layered["cluster"] == "layer:cluster"
    assert layered["score"] == "layer:anomaly"
    assert "x" not in layered
    assert told["has"] == {
        "pictures": True, "full": True, "decoder": True, "text": False, "clusters": True, "anomalies": True,
        "draws": False, "edges": False, "writable": True,
    }  # fmt: skip


def test_points_are_those_of_the_map(visitor, space):
    told, data = visitor.get("/api/points"), visitor.get("/api/points.bin").content
    parts = {c["name"]: data[c["offset"] : c["offset"] + c["bytes"]] for c in told["columns"]}
    assert sum(map(len, parts.values())) == len(data)
    layer = space.layer("map")
    assert layer["id"].to_pylist() == space.ids()
    np.testing.assert_array_equal(np.frombuffer(parts["x"], "<f4"), layer["x"].to_numpy())
    np.testing.assert_array_equal(np.frombuffer(parts["y"], "<f4"), layer["y"].to_numpy())
    known = space.layer("cluster")["cluster"].to_numpy()
    np.testing.assert_array_equal(np.frombuffer(parts["cluster"], "u1"), known)
    x0, y0, x1, y1 = told["bounds"]
    assert x0 < np.median(layer["x"].to_numpy()) < x1
    assert y0 < np.median(layer["y"].to_numpy()) < y1


def test_columns_of_every_kind(visitor, space):
    metadata = space.metadata()

    def column(name, type_):
        return visitor.get(f"/api/column?name={name}"), np.frombuffer(
            visitor.get(f"/api/column.bin?name={name}").content, type_
        )

    told, values = column("ink", "<f4")
    known = metadata["ink"].to_numpy()
    np.testing.assert_allclose(values, known, rtol=1e-6)
    assert told["missing"] == np.isnan(values).sum() == 1
    assert (told["min"], told["max"]) == (np.nanmin(known), np.nanmax(known))
    assert told["percentiles"]["50"] == pytest.approx(np.nanmedian(known))
    assert sum(told["histogram"]["counts"]) == N - 1

    told, codes = column("digit", "u1")
    assert [c["name"] for c in told["categories"]] == [str(d) for d in range(10)]  # numbers ascend
    np.testing.assert_array_equal(codes, metadata["digit"].to_numpy())
    assert [c["count"] for c in told["categories"]] == np.bincount(codes).tolist()

    told, codes = column("kind", "u1")
    names = [c["name"] for c in told["categories"]]
    assert [names[c] for c in codes] == metadata["kind"].to_pylist()
    counts = [c["count"] for c in told["categories"]]
    assert counts == sorted(counts, reverse=True)

    told, codes = column("round", "u1")
    assert [c["name"] for c in told["categories"]] == ["false", "true"]
    np.testing.assert_array_equal(codes, metadata["round"].to_numpy().astype(int))

    told, values = column("taken", "<f8")
    noon = metadata["taken"].to_pylist()[3]
    assert values[3] == (noon - type(noon)(1970, 1, 1)).total_seconds()

    told = visitor.get("/api/column?name=note")
    assert (told["type"], told["missing"]) == (None, 0)
    assert "text" in visitor.get("/api/column.bin?name=note", 400)["error"]
    wrong = visitor.get("/api/column?name=inc", 404)
    assert "Did you mean 'ink'?" in wrong["do"]


def test_a_row(visitor, space):
    row = row_of(visitor, "11.png")
    told = visitor.get(f"/api/rows/{row}")
    assert (told["row"], told["id"], told["picture"]) == (row, "11.png", True)
    assert told["metadata"]["digit"] == int(load_digits().target[11])
    assert told["metadata"]["round"] is False
    assert set(told["layers"]) == {"cluster", "anomaly"}
    empty = visitor.get(f"/api/rows/{row_of(visitor, '07.png')}")
    assert empty["metadata"]["ink"] is None
    assert visitor.get(f"/api/rows/{N}", 404)["error"] == f"row {N} of {N} rows"
    assert visitor.get("/api/ids?rows=3,1")["ids"] == [space.ids()[3], space.ids()[1]]
    assert visitor.get("/api/ids?rows=3,x", 422)["error"].startswith("query.rows")
    vector = np.frombuffer(visitor.get(f"/api/rows/{row}/vector").content, "<f4")
    np.testing.assert_array_equal(vector, space.vectors()[row])


def test_neighbours_are_those_of_the_search(visitor, space):
    ids = space.ids()
    for row in (0, 17):
        told = visitor.get(f"/api/rows/{row}/neighbours?k=5")["neighbours"]
        known = space.search(Id(ids[row]), 5)
        assert [n["id"] for n in told] == known.ids[0].tolist()
        assert [ids[n["row"]] for n in told] == known.ids[0].tolist()
        assert [n["distance"] for n in told] == pytest.approx(known.distances[0].tolist())


def test_search_by_id_and_condition(visitor, space):
    found = visitor.post("/api/search", json={"id": "1.PNG", "k": 3})
    assert [r["id"] for r in found["rows"]] == ["01.png", "11.png", "21.png"]
    assert found["total"] == 6
    assert visitor.post("/api/search", json={"id": "11.png"})["rows"][0]["id"] == "11.png"
    assert "reads no text" in visitor.post("/api/search", 400, json={"text": "a seven"})["error"]
    visitor.post("/api/search", 400, json={"id": "a", "text": "b"})
    answer = visitor.post("/api/select", json={"where": "digit = 3 AND `round` = false"})
    rows = np.frombuffer(answer.content, "<u4")
    assert rows.tolist() == np.flatnonzero(np.array(space.metadata()["digit"]) == 3).tolist()
    answer = visitor.post("/api/select", json={"where": "cluster = 1"})
    assert (
        len(answer.content) // 4
        == int(answer.headers["x-ilk-count"])
        == ((np.array(space.layer("cluster")["cluster"]) == 1).sum())
    )
    wrong = visitor.post("/api/select", 400, json={"where": "digt = 3"})
    assert "digt" in wrong["error"]


def test_a_picture_in_full(visitor):
    row = row_of(visitor, "05.png")
    large = np.kron(load_digits().images[5], np.ones((2, 2))) * 4000
    about = visitor.get(f"/api/rows/{row}/picture/about")
    assert (about["full"], about["width"], about["channels"], about["type"]) == (True, 16, 1, "uint16")
    assert (about["min"], about["max"]) == (large.min(), large.max())
    answer = visitor.get(f"/api/rows/{row}/picture?low=0&high=100")
    assert answer.headers["x-ilk-full"] == "1"
    np.testing.assert_array_equal(pixels(answer), np.rint(large / large.max() * 255))
    half = large / large.max()
    answer = visitor.get(f"/api/rows/{row}/picture?low=0&high=100&stretch=asinh")
    np.testing.assert_allclose(pixels(answer), np.arcsinh(10 * half) / np.arcsinh(10) * 255, atol=0.51)
    coloured = pixels(visitor.get(f"/api/rows/{row}/picture?low=0&high=100&colours=viridis"))
    assert coloured[half == 0][0].tolist() == [0x44, 0x01, 0x54]
    assert coloured[half == 1][0].tolist() == [0xFD, 0xE7, 0x25]
    assert "low is 60" in visitor.get(f"/api/rows/{row}/picture?low=60&high=40", 400)["error"]
    assert "channel 3 of 1" in visitor.get(f"/api/rows/{row}/picture?channel=3", 400)["error"]


def test_a_picture_where_the_data_are_gone(own):
    row = row_of(own, "05.png")
    answer = own.get(f"/api/rows/{row}/picture")
    assert answer.headers["x-ilk-full"] == "0"
    assert pixels(answer).shape == (8, 8)
    assert own.get("/api/space")["has"]["full"] is False


def test_an_id_is_no_path(made, tmp_path):
    """A space whose ids lead out of its data's folder: they are not followed."""
    secret = tmp_path / "secret.png"
    Image.new("L", (20, 20), 200).save(secret)
    (tmp_path / "odd").mkdir()
    space = Space.create(tmp_path / "odd.space", Pixels(1, 8), reading={"reader": "images"})
    for ids in (["../secret.png", "a.png"], [str(secret), "b.png"]):
        space.upsert_vectors(ids, np.eye(2, 64, dtype=np.float32))
    for data in (None, str(tmp_path / "odd")):
        visitor = Visitor(space.path, data=data)
        for row in range(4):
            visitor.get(f"/api/rows/{row}/picture", 404)


def test_thumbnails_stand_where_they_were_asked_for(visitor, space):
    rows = [int(r) for r in np.random.default_rng(0).permutation(N)[:20]]
    sheet = pixels(visitor.get("/api/thumbnails?rows=" + ",".join(map(str, rows))))
    assert sheet.shape == (128, 1024, 4)
    faces = space.pictures([space.ids()[r] for r in rows])
    for i, data in enumerate(faces):
        tile = sheet[64 * (i // 16) :, 64 * (i % 16) :][:64, :64]
        known = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(
            tile[..., 0], np.kron(known, np.ones((8, 8)))
        )  # 8 x 8, as large as it may
        assert (tile[..., 3] == 255).all()
    assert (sheet[64:, 64 * 4 :, 3] == 0).all()
    visitor.get("/api/thumbnails?rows=" + ",".join(["1"] * 257), 422)
    visitor.get(f"/api/thumbnails?rows={N}", 400)


def test_a_picture_dropped_on_the_page_finds_itself(visitor, made):
    for name in ("03.png", "42.png"):
        data = (made.parent / "digits" / name).read_bytes()
        found = visitor.post("/api/search/picture?k=2", content=data, headers={"content-type": "image/png"})
        assert found["neighbours"][0]["id"] == name
        assert found["neighbours"][0]["distance"] < 1e-6
        assert (found["width"], found["height"], found["type"]) == (16, 16, "png")


def test_what_is_near_a_set(visitor, space):
    rows = np.flatnonzero(np.array(space.metadata()["digit"]) == 0)
    found = visitor.rows("/api/search/set?k=4", rows)["neighbours"]
    assert not {n["row"] for n in found} & set(rows.tolist())
    mean = space.vectors()[rows].mean(0)
    known = [i for i in space.search(mean, N).ids[0] if space.ids().index(i) not in rows]
    assert [n["id"] for n in found] == known[:4]
    visitor.rows("/api/search/set", [], 400)


def test_clusters_and_oddities(visitor, space):
    told, layer = visitor.get("/api/clusters"), space.layer("cluster")
    assert told["says"] == space.info()["layers"]["cluster"]["parameters"]["says"]
    xy = np.stack([space.layer("map")[c].to_numpy() for c in "xy"], 1)
    at = layer["cluster"].to_numpy()
    for c, cluster in enumerate(told["clusters"]):
        own = np.flatnonzero(at == c)
        assert (cluster["name"], cluster["size"]) == (str(c), len(own))
        assert cluster["centre"] == pytest.approx(xy[own].mean(0).tolist(), rel=1e-5)
        np.testing.assert_allclose(cluster["covariance"], np.cov(xy[own].T, bias=True), rtol=1e-4)
        first = own[np.argsort(-layer["log_likelihood"].to_numpy()[own], kind="stable")]
        assert [r["row"] for r in cluster["representatives"]] == first[:8].tolist()
    odd = visitor.get("/api/anomalies?top=5")
    known = space.layer("anomaly").sort_by([("score", "descending")]).slice(0, 5)
    assert [o["id"] for o in odd["anomalies"]] == known["id"].to_pylist()
    assert [o["why"] for o in odd["anomalies"]] == known["why"].to_pylist()


def test_a_bare_space_can_be_asked_for_its_groups(tmp_path, made):
    source = Space.open(made)
    space = Space.create(tmp_path / "bare.space", Pixels(1, 8), reading=source.reading)
    space.upsert_vectors(source.ids(), source.vectors())
    visitor = Visitor(space.path)
    assert "map" in space.layers()  # laid out when the server started
    told = visitor.get("/api/space")
    assert told["columns"] == []
    assert not any(told["has"][k] for k in ("pictures", "full", "decoder", "clusters", "anomalies"))
    assert visitor.get("/api/clusters") == {"says": None, "clusters": []}
    assert visitor.get("/api/anomalies") == {"says": None, "anomalies": []}
    assert [c["name"] for c in visitor.get("/api/points")["columns"]] == ["x", "y"]
    assert len(visitor.post("/api/clusters", json={"k": 2})["clusters"]) == 2
    assert len(visitor.post("/api/anomalies", json={})["anomalies"]) == 50
    assert visitor.get("/api/space")["has"]["clusters"]
    visitor.get("/api/rows/0/picture", 404)
    assert (pixels(visitor.get("/api/thumbnails?rows=0,1"))[..., 3] == 0).all()


def test_figures_of_a_set(visitor, space):
    rows = [3, 5, 8, 13, 21]
    told = visitor.rows("/api/summary", rows)
    x = space.vectors()[rows].astype(float)
    off = ((x - x.mean(0)) ** 2).sum(1)
    assert told["count"] == 5
    assert told["spread"] == pytest.approx(np.sqrt(off.mean()))
    assert [r["row"] for r in told["representatives"]] == [rows[i] for i in np.argsort(off)]
    columns = {c["name"]: c for c in told["columns"]}
    ink = space.metadata()["ink"].to_numpy()[rows]
    assert columns["ink"]["mean"] == pytest.approx(np.nanmean(ink))
    assert columns["ink"]["median"] == pytest.approx(np.nanmedian(ink))
    assert sum(t["count"] for t in columns["digit"]["top"]) == 5
    assert visitor.rows("/api/summary", [])["count"] == 0


def test_dimensions_and_what_the_decoder_makes_of_them(visitor, space):
    told, x = visitor.get("/api/dimensions"), space.vectors().astype(float)
    assert len(told["dimensions"]) == 64
    sds = [d["sd"] for d in told["dimensions"]]
    assert sds == sorted(sds, reverse=True)
    first = told["dimensions"][0]
    assert first["sd"] == pytest.approx(x[:, first["index"]].std())
    assert sum(first["counts"]) == N
    ways = {w["name"]: w["r2"] for w in told["directions"]}
    assert ways["ink"] > 0.9  # the sum of pixels is linear in them
    plain = pixels(visitor.post("/api/decode", json={"row": 4}))
    assert plain.shape == (8, 8)
    nowhere = visitor.post("/api/decode", json={"row": 4, "moves": [{"dimension": 3, "amount": 0}]})
    np.testing.assert_array_equal(pixels(nowhere), plain)
    moves = [{"dimension": first["index"], "amount": 6}, {"direction": "ink", "amount": -6}]
    assert (pixels(visitor.post("/api/decode", json={"row": 4, "moves": moves})) != plain).any()
    wrong = [{"dimension": 64, "amount": 1}]
    assert "dimension 64" in visitor.post("/api/decode", 400, json={"row": 4, "moves": wrong})["error"]
    visitor.post("/api/decode", 404, json={"row": 4, "moves": [{"direction": "inc", "amount": 1}]})
    visitor.post("/api/decode", 422, json={"row": 4, "moves": [{"dimension": 1, "amount": 7}]})


def test_rows_added_meanwhile_are_told_and_shown_when_wished(own, tmp_path):
    before = own.get("/api/space")
    v = before["version"]
    old = np.frombuffer(own.get("/api/points.bin").content[: 4 * N], "<f4")
    space = Space.open(tmp_path / "digits.space")
    space.upsert_vectors(["new-1", "new-2"], space.vectors()[:2] + 0.01)
    live = own.get("/api/live")
    assert (live["version"], live["newest"]["rows"]) == (v, N + 2)
    assert live["newest"]["version"] != v
    assert own.get(f"/api/points?v={v}")["rows"] == N  # until it is wished
    after = own.post("/api/refresh", json={})
    assert after["rows"] == N + 2
    assert after["version"] == live["newest"]["version"]
    assert "Load the page again" in own.get(f"/api/points?v={v}", 409)["do"]
    x = np.frombuffer(own.get("/api/points.bin").content[: 4 * (N + 2)], "<f4")
    np.testing.assert_array_equal(x[:N], old)  # who had a place keeps it
    assert np.isfinite(x).all()


def test_another_encoder_took_its_place(own, tmp_path):
    path = tmp_path / "digits.space"
    old = Space.open(path)
    new = Space.create(tmp_path / "new.space", Pixels(1, 4), reading=old.reading)
    new.upsert_vectors(["a", "b"], np.eye(2, 16, dtype=np.float32))
    shutil.rmtree(path)
    (tmp_path / "new.space").rename(path)
    assert own.get("/api/live")["newest"]["rows"] == 2
    assert own.get("/api/thumbnails?rows=1", 409)["error"] == "another space lies there now"
    told = own.post("/api/refresh", json={})
    assert (told["rows"], told["dim"]) == (2, 16)
    assert own.get("/api/rows/1")["id"] == "b"


def test_another_process_computes_a_layer(own, tmp_path):
    stamp = own.get("/api/live")["stamp"]
    assert len(own.get("/api/clusters")["clusters"]) == 3
    clusters(Space.open(tmp_path / "digits.space"), 2, starts=1)
    assert own.get("/api/live")["stamp"] != stamp
    assert len(own.get("/api/clusters")["clusters"]) == 2
    assert len(own.get("/api/column?name=cluster")["categories"]) == 2


def test_a_damaged_layer_does_not_take_the_page_with_it(own, tmp_path):
    path = tmp_path / "digits.space" / "layers" / "anomaly.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert own.get("/api/space")["rows"] == N
    assert own.get("/api/rows/1")["layers"].keys() == {"cluster"}
    assert own.get("/api/anomalies")["anomalies"] == []


def test_a_space_that_may_only_be_read(made, tmp_path):
    shutil.copytree(made, tmp_path / "digits.space")
    visitor = Visitor(tmp_path / "digits.space")
    visitor.app.app.state.desk.at.shown.writable = False
    assert visitor.get("/api/space")["has"]["writable"] is False


def test_an_empty_space(tmp_path):
    space = Space.create(tmp_path / "none.space", Pixels(1, 8), reading={"reader": "images"})
    visitor = Visitor(space.path)
    assert visitor.get("/api/space")["rows"] == 0
    assert visitor.get("/api/points")["rows"] == 0
    assert visitor.get("/api/points.bin").content == b""
    assert visitor.get("/api/dimensions") == {"dimensions": [], "directions": []}
    visitor.get("/api/rows/0", 404)
    assert visitor.rows("/api/labels?name=a", [])["labels"] == []
    assert visitor.rows("/api/export", []).text.startswith('"id"')
