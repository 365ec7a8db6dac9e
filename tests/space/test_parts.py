"""Local models and search by them, against densities and distances computed in full."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save
from scipy.stats import multivariate_normal, ortho_group
from sklearn.datasets import make_blobs

from ilk.analysis.split import split
from ilk.encoders.pixels import Pixels
from ilk.errors import FilterError, FormatError, OptionError, SpaceError, UnknownName
from ilk.space import Space
from ilk.space.index import METRICS
from ilk.space.index.metric import Metric
from ilk.space.local import NAME, ROUTED, Local, read
from ilk.space.parts import Parts

from .conftest import names

D = 16
CENTRES = 12 * np.eye(D)[:3] + 3


def local(seed: int, p: int = 3, dim: int = 5, d: int = 2, shrink: float = 0.5, metric: str = "l2") -> Local:
    rng = np.random.default_rng(seed)
    axes = np.stack([ortho_group.rvs(dim, random_state=seed + i)[:d] for i in range(p)])
    variances = np.sort(rng.uniform(1, 4, (p, d)))[:, ::-1]
    shares = rng.dirichlet(np.ones(p))
    weights = rng.uniform(0.5, 2, dim) if metric == "whitened" else None
    about = {"dims": [1] * p, "variance": [1.0] * p, "says": "by hand"}
    found = 3 * rng.standard_normal((p, dim)), axes, variances, rng.uniform(0.1, 1, p), shares
    return Local(*(a.astype(np.float32) for a in found), Metric(metric, weights), shrink, about)


def covariance(one: Local, part: int, shrink: float) -> np.ndarray:
    """In full: along the axes, everywhere else, and shrunk to a sphere."""
    axes, dim = one.axes[part].astype(float), one.means.shape[1]
    outside = np.eye(dim) - axes.T @ axes
    full = (axes.T * one.variances[part]) @ axes + one.rest[part] * outside
    return (1 - shrink) * full + shrink * np.trace(full) / dim * np.eye(dim)


def test_a_distance_worked_by_hand():
    """Variances 4 and 1: to full Mahalanobis, two steps along the wide axis are one along the narrow one."""
    eye, one = np.eye(2, dtype=np.float32)[None], np.ones(1, np.float32)
    wide = Local(
        np.zeros((1, 2), np.float32), eye, np.array([[4, 1]], np.float32), one, one, Metric("l2"), 0, {}
    )
    far, near = wide.inside(np.array([[2, 0], [0, 1]]), 0)
    assert np.linalg.norm(far) == pytest.approx(2 * np.sqrt(2.5 / 4))  # 2.5: the mean variance
    assert np.linalg.norm(near) == pytest.approx(np.sqrt(2.5))
    half = replace(wide, shrink=0.5).inside(np.array([[2, 0]]), 0)
    assert np.linalg.norm(half) == pytest.approx(2 * np.sqrt(2.5 / 3.25))
    assert np.linalg.norm(replace(wide, shrink=1).inside(np.array([[2, 0]]), 0)) == 2


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("d", [1, 2, 5])
def test_local_distances_are_mahalanobis_s(metric, d):
    one = local(d, d=d, shrink=0.3, metric=metric)
    a, b = np.random.default_rng(1).standard_normal((2, 7, 5)).astype(np.float32)
    for part in range(3):
        inverse = np.linalg.inv(covariance(one, part, 0.3)) * np.trace(covariance(one, part, 0)) / 5
        step = one.ready(a) - one.ready(b)
        expected = np.sqrt(np.einsum("nd,de,ne->n", step, inverse, step))
        found = np.linalg.norm(one.inside(a, part) - one.inside(b, part), axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.integers(1, 6), st.integers(1, 5))
def test_a_row_is_routed_to_the_likeliest_part(seed, p, d):
    one = local(seed, p=p, d=d)
    x = 3 * np.random.default_rng(seed).standard_normal((30, 5)).astype(np.float32)
    density = [
        multivariate_normal(one.means[i], covariance(one, i, ROUTED)).logpdf(x) + np.log(one.shares[i])
        for i in range(p)
    ]
    found = one.route(x, p)
    sorted_ = np.take_along_axis(np.stack(density, 1), found, 1)
    assert (np.sort(found) == np.arange(p)).all()
    assert (np.diff(sorted_, axis=1) <= 1e-4).all()


@pytest.mark.parametrize("metric", METRICS)
def test_read_as_written(tmp_path, metric):
    assert read(tmp_path) is None
    one = local(0, metric=metric)
    one.write(tmp_path)
    again = read(tmp_path)
    x = np.random.default_rng(0).standard_normal((9, 5)).astype(np.float32)
    assert (again.about, again.shrink, again.metric.name) == (one.about, one.shrink, metric)
    np.testing.assert_array_equal(again.route(x, 3), one.route(x, 3))
    np.testing.assert_array_equal(again.inside(x, 1), one.inside(x, 1))


def test_damage_is_told(tmp_path):
    local(0).write(tmp_path)
    path = tmp_path / NAME
    whole = path.read_bytes()
    with safe_open(path, "numpy") as f:
        arrays = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 (no mapping)
        note = f.metadata()
    odd = {
        "cut": whole[:-40],
        "text": b"not a file of tensors",
        "nothing": b"",
        "an array is missing": save({k: v for k, v in arrays.items() if k != "rest"}, note),
        "an array of another shape": save(arrays | {"rest": arrays["rest"][:2]}, note),
        "not a number": save(arrays | {"means": arrays["means"] * np.nan}, note),
        "no note": save(arrays),
        "no JSON": save(arrays, {"ilk.parts": "{"}),
        "no such metric": save(arrays, {"ilk.parts": note["ilk.parts"].replace('"l2"', '"l3"')}),
    }
    for what, data in odd.items():
        path.write_bytes(data)
        with pytest.raises(FormatError, match="is damaged"):
            print(what, read(tmp_path))
    path.write_bytes(save(arrays, {"ilk.parts": note["ilk.parts"].replace('"format": 1', '"format": 2')}))
    with pytest.raises(FormatError, match="has format 2; this ilk reads up to 1"):
        read(tmp_path)


# In a space


def png(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (4, 4), shade).save(out, "png")
    return out.getvalue()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three blobs of 100 rows, one after the other, far apart; split into them."""
    path = tmp_path_factory.mktemp("parts") / "blobs.space"
    x, kind = make_blobs([100] * 3, centers=CENTRES, shuffle=False, random_state=0)
    space = Space.create(path, Pixels(1, 4), reading={"reader": "images"}, metric="l2")
    metadata = pa.table({"kind": kind, "even": np.arange(300) % 2 == 0})
    space.upsert_vectors(names(300), x.astype(np.float32), metadata, [png(i % 250) for i in range(300)])
    split(space, 3)
    return path


@pytest.fixture
def blobs(kept: Path, tmp_path: Path) -> Space:
    return Space.open(shutil.copytree(kept, tmp_path / "blobs.space"))


def test_a_space_knows_its_parts(blobs, space):
    assert space.parts() is None
    parts = blobs.parts()
    assert isinstance(parts, Parts)
    assert parts.sizes.tolist() == [100, 100, 100]
    assert [len(set(parts.labels[i : i + 100])) for i in (0, 100, 200)] == [1, 1, 1]
    layer = blobs.layer("part")
    assert layer["id"].to_pylist() == blobs.ids()
    assert layer["part"].to_pylist() == parts.labels.tolist()
    first = parts.part(int(parts.labels[0]))
    assert (first.rows.tolist(), first.ids) == (list(range(100)), names(100))
    x = blobs.vectors()[:100].astype(float)
    np.testing.assert_allclose(first.mean, x.mean(0), rtol=1e-5)
    nearest = np.argsort(((x - x.mean(0)) ** 2).sum(1))[:3]
    assert first.typical(3) == [names(100)[i] for i in nearest]
    np.testing.assert_allclose(first.axes @ first.axes.T, np.eye(D), atol=1e-5)
    np.testing.assert_allclose(np.sort(first.spread)[::-1], first.spread)
    table = parts.table()
    assert table.column_names == ["part", "rows", "share", "dims", "spread", "typical"]
    assert table["typical"].to_pylist() == [parts.part(i).typical(1)[0] for i in range(3)]


def test_rows_that_come_later_have_a_part_too(blobs):
    parts = blobs.parts()
    of = [int(parts.labels[i]) for i in (0, 100, 200)]
    blobs.upsert_vectors(["new-0", "new-2", "thing-0000"], CENTRES[[0, 2, 1]] + 0.5)  # thing-0000 moves
    ids = blobs.ids()
    for seen in (parts, blobs.parts(), Space.open(blobs.path).parts()):
        found = dict(zip(ids, seen.labels.tolist()))
        asked = ("new-0", "new-2", "thing-0000", "thing-0001")
        assert [found[i] for i in asked] == [of[0], of[2], of[1], of[0]]
        assert seen.search(CENTRES[0] + 0.5, 1, parts=1).ids[0, 0] == "new-0"
        assert seen.search(CENTRES[1] + 0.5, 1, parts=1).ids[0, 0] == "thing-0000"
        assert seen.sizes.sum() == 302
    blobs.delete(["new-0"])
    assert parts.search(CENTRES[0] + 0.5, 1).ids[0, 0] != "new-0"
    assert parts.sizes.sum() == 301


def test_a_layer_of_another_split_is_not_believed(blobs):
    parts = blobs.parts()
    layer = blobs.layer("part")
    wrong = pa.array(np.zeros(300), pa.int32())
    blobs.write_layer("part", layer.set_column(1, "part", wrong), {"by": "another"})
    assert blobs.parts().labels.tolist() == parts.labels.tolist()
    blobs.write_layer("part", layer.set_column(1, "part", wrong), parts.local.about)
    assert blobs.parts().labels.tolist() == [0] * 300  # ours: not computed again


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("where", [None, "even AND kind <> 1", "part = 0"])
def test_with_the_space_s_own_distance_and_all_parts_it_is_the_search_of_the_space(space, metric, where):
    space = Space.create(space.path.with_name(metric), Pixels(1, 4), reading={}, metric=metric)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, D)) * np.arange(1, 17)
    x[50:60] = x[0]  # equally near rows
    metadata = pa.table({"kind": rng.integers(0, 3, 200), "even": np.arange(200) % 2 == 0})
    space.upsert_vectors(names(200)[::-1], x.astype(np.float32), metadata)
    parts = split(space, 4)
    parts = Parts(space, replace(parts.local, shrink=1.0))
    for query in ("thing-0199", "thing-0010", x[:7].astype(np.float32)):
        expected = space.search(query, 8, where=where)
        found = parts.search(query, 8, parts=4, where=where)
        assert found.ids.tolist() == expected.ids.tolist()
        np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-4, atol=1e-6)


def test_the_nearest_by_the_local_distance(blobs):
    parts = Parts(blobs, replace(blobs.parts().local, shrink=0.2))
    x, queries = blobs.vectors().astype(float), CENTRES + 1
    for query, own, found in zip(queries, parts.route(queries), parts.search(queries, 5, parts=2).ids):
        inverse = np.linalg.inv(covariance(parts.local, int(own), 0.2))
        two = np.isin(parts.labels, parts.local.route(query[None], 2)[0])
        far = np.einsum("nd,de,ne->n", x - query, inverse, x - query)
        expected = np.argsort(np.where(two, far, np.inf))[:5]
        assert found.tolist() == [blobs.ids()[i] for i in expected]


def test_more_parts_are_looked_at_until_there_are_k_rows(blobs):
    parts = blobs.parts()
    assert parts.search("thing-0000", 250, parts=1).ids.shape == (1, 250)
    assert parts.search("thing-0000", 1000).ids.shape == (1, 299)
    few = parts.search("thing-0000", 10, parts=1, where="kind = 2")
    assert all(i >= "thing-0200" for i in few.ids[0])
    assert parts.search("thing-0000", 10, where="kind = 7").ids.shape == (1, 0)


def test_a_part_as_a_space_of_its_own(blobs, tmp_path):
    part = blobs.parts().part(1)
    new = part.space(tmp_path / "one.space")
    assert new.ids() == part.ids
    np.testing.assert_array_equal(new.vectors(), blobs.vectors()[part.rows])
    assert new.metadata().equals(blobs.metadata().take(part.rows))
    assert new.pictures(part.ids[:5]) == blobs.pictures(part.ids[:5])
    assert (new.fingerprint, new.metric, new.reading) == (blobs.fingerprint, blobs.metric, blobs.reading)
    assert new.search(part.ids[0], 3).ids.shape == (1, 3)
    assert new.parts() is None
    with pytest.raises(SpaceError, match="exists already"):
        part.space(tmp_path / "one.space")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blobs.space", "one.space"]


def test_what_makes_no_sense(blobs):
    parts = blobs.parts()
    with pytest.raises(OptionError, match="k=0"):
        parts.search("thing-0000", 0)
    with pytest.raises(OptionError, match="in 0 parts"):
        parts.search("thing-0000", 3, parts=0)
    with pytest.raises(UnknownName, match="no part called '3'"):
        parts.part(3)
    with pytest.raises(UnknownName, match="no row"):
        parts.search("nobody")
    with pytest.raises(FilterError):
        parts.search("thing-0000", where="colour = 1")
    local(0).write(blobs.path)
    with pytest.raises(SpaceError, match=r"are of 5 dimensions \(l2\), the space of 16 \(l2\)"):
        blobs.parts()
