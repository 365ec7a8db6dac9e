"""What a split makes of groups, of a continuum and of odd spaces, and when a local distance is taken."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import make_blobs

from ilk.analysis.clusters import clusters
from ilk.analysis.split import shrinkage, split
from ilk.errors import DataError, OptionError
from ilk.space import Space
from ilk.space.index.metric import Metric

D = 16


def test_the_groups_of_digits_become_parts(space):
    clusters(space, 4, starts=4)
    parts = split(space)
    cluster = np.array(space.layer("cluster")["cluster"].to_pylist())
    assert len(parts) == cluster.max() + 1 == 4
    assert (parts.labels == cluster).mean() > 0.95
    label = np.array(space.metadata()["label"].to_pylist())
    purity = sum(np.bincount(label[parts.labels == p]).max() for p in range(4)) / len(label)
    assert purity > 0.9
    assert parts.sentence().startswith("4 parts, one for each group.")
    assert parts.sizes.tolist() == sorted(parts.sizes, reverse=True)
    assert all(1 <= d < 64 for d in parts.table()["dims"].to_pylist())


def test_groups_are_looked_for_where_nobody_did(made):
    x, kind = make_blobs(150, D, centers=2, random_state=0)
    space = made(x)
    parts = split(space)
    assert "cluster" in space.layers()
    assert ((parts.labels == parts.labels[0]) == (kind == kind[0])).all()


def test_groups_that_were_found_are_kept(made):
    x, kind = make_blobs(200, D, centers=2, random_state=0)
    space = made(x)
    ids = pa.array(space.ids()[:150])  # fifty rows came later
    space.write_layer("cluster", pa.table({"id": ids, "cluster": pa.array(kind[:150], pa.int32())}), {})
    parts = split(space)
    assert space.layer("cluster").num_rows == 150
    same = (parts.labels == parts.labels[0]) == (kind == kind[0])
    assert same.all()


def test_without_groups_patches_of_near_rows(made):
    x = np.random.default_rng(0).uniform(size=(1500, D)) * ([10] + [1] * 15)
    space = made(x)
    space.write_layer(
        "cluster", pa.table({"id": space.ids(), "cluster": pa.array([0] * 1500, pa.int32())}), {}
    )
    parts = split(space)
    assert parts.sentence().startswith("3 patches of rows near one another, as there are no clear groups.")
    order = parts.labels[np.argsort(x[:, 0])]  # one after the other along the long side
    assert (np.diff(order) != 0).sum() < 60
    again = split(space, 3)
    assert again.labels.tolist() == parts.labels.tolist()


@pytest.mark.parametrize("metric", ["cosine", "l2", "whitened"])
def test_as_many_patches_as_asked_for(made, metric):
    x, kind = make_blobs(400, D, centers=5, center_box=(5, 40), random_state=1)
    parts = split(made(x, metric), 5, dim=3)
    assert parts.local.axes.shape == (5, 3, D)
    assert len({(a, b) for a, b in zip(kind.tolist(), parts.labels.tolist())}) == 5


def test_a_part_is_measured_as_it_is():
    """One long axis of spread 3: its direction and spread are found, and one dimension carries 95%."""
    from ilk.analysis.split import _local

    rng = np.random.default_rng(0)
    axis = np.ones(4) / 2
    x = 10 + rng.normal(scale=3, size=(5000, 1)) * axis + rng.normal(scale=0.2, size=(5000, 4))
    found = _local(x.astype(np.float32), np.zeros(5000, int), Metric("l2"), 2)
    assert abs(found.axes[0, 0] @ axis) > 0.999
    assert np.sqrt(found.variances[0, 0]) == pytest.approx(3, rel=0.03)
    assert np.sqrt(found.rest[0]) == pytest.approx(0.2, rel=0.05)
    assert found.about["dims"] == [1]
    assert found.about["variance"] == pytest.approx([9.16], rel=0.05)
    np.testing.assert_allclose(found.means[0], 10, atol=0.1)


def test_few_rows_lean_on_what_all_parts_have_in_common():
    from ilk.analysis.split import _shapes

    rng = np.random.default_rng(0)
    x = rng.normal(size=(1004, 4)) * [3, 1, 1, 1]
    labels = np.repeat([0, 1], [1000, 4])
    (_, _, large, steadied), (_, _, few, leaning) = _shapes(x, labels, Metric("l2"))
    common = (1000 * large + 4 * few) / 1004
    np.testing.assert_allclose(steadied, (1000 * large + 4 * common) / 1004)
    np.testing.assert_allclose(leaning, (few + common) / 2)


def test_a_local_distance_is_taken_where_it_foretells_more():
    """Twelve dimensions tell four amounts, some louder than others: to hear all, the loud ones count less."""
    rng = np.random.default_rng(0)
    amounts = rng.uniform(-1, 1, (1500, 4)) * [1, 0.7, 0.4, 0.2]
    x = amounts @ np.linalg.qr(rng.normal(size=(12, 4)))[0].T + 0.003 * rng.normal(size=(1500, 12))
    one = np.zeros(1500, int)
    taken, gain = shrinkage(x.astype(np.float32), one, Metric("l2"))
    assert taken < 1
    assert gain > 0.2
    plain = rng.normal(size=(1500, 10)).astype(np.float32)
    taken, gain = shrinkage(plain, one, Metric("l2"))
    assert taken == 1
    assert gain < 0.02
    assert shrinkage(plain[:, :3], one, Metric("l2")) == (1.0, 0.0)  # no halves to compare


@pytest.mark.parametrize(
    ("x", "k"),
    [
        (np.ones((20, D)), 3),
        (np.zeros((20, D)), 3),
        (np.repeat(np.eye(D)[:2], 10, 0), 5),
        (np.eye(D)[:2], 2),
        (np.eye(D), 16),
        (np.eye(D), 1),
    ],
    ids=["copies", "zeros", "two kinds of copies", "two rows", "a part each", "one part"],
)
@pytest.mark.parametrize("metric", ["cosine", "l2", "whitened"])
def test_odd_spaces(made, x, k, metric):
    space = made(x, metric)
    parts = split(space, k)
    assert 1 <= len(parts) <= k
    assert parts.sizes.sum() == len(x)
    found = Space.open(space.path).parts().search(space.ids()[0], 5)
    assert found.ids.shape == (1, min(5, len(x) - 1))
    assert np.isfinite(found.distances).all()
    assert parts.table().num_rows == len(parts)


def test_what_cannot_be_split(made):
    space = made(np.eye(D)[:5])
    for k in (0, 6):
        with pytest.raises(OptionError, match=f"{k} parts of 5 rows"):
            split(space, k)
    with pytest.raises(OptionError, match="0 axes"):
        split(space, 2, dim=0)
    with pytest.raises(DataError, match="a space of 1 rows cannot be split"):
        split(made(np.eye(D)[:1]))
    assert space.parts() is None
