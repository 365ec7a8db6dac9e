"""Groups that are there are found, with their number; groups that are not there are not."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from ilk.analysis import _mixture
from ilk.analysis.clusters import Clusters, clusters
from ilk.analysis.mixture import mixture
from ilk.errors import DataError, OptionError


def ring(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = rng.uniform(-np.pi, np.pi, n)
    return np.c_[np.sin(t), np.cos(t)] * 3 + rng.normal(scale=0.25, size=(n, 2))


def banana(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = rng.uniform(-1.3, 1.3, n)
    return np.c_[np.sin(t), np.cos(t)] * 3 + rng.normal(scale=0.25, size=(n, 2))


NOTHING_THERE = {
    "one Gaussian": lambda r: r.normal(size=(400, 5)),
    "a falling spectrum": lambda r: r.normal(size=(400, 8)) / np.arange(1, 9),
    "few rows, many dimensions": lambda r: r.normal(size=(80, 30)),
    "a cube": lambda r: r.uniform(size=(400, 3)),
    "heavy tails": lambda r: r.standard_t(3, size=(400, 3)),
    "skewed": lambda r: np.exp(r.normal(size=(400, 3)) * 0.7),
    "a banana": lambda r: banana(400),
    "a ring": lambda r: ring(400),
}


@pytest.mark.parametrize("what", NOTHING_THERE)
def test_no_groups_where_there_are_none(what):
    found = mixture(NOTHING_THERE[what](np.random.default_rng(7)), starts=5)
    assert found.k == 1
    assert (found.labels == 0).all()


@pytest.mark.parametrize("k", [2, 3, 8])
def test_finds_how_many_blobs_there_are(k):
    x, truth = make_blobs(500, 6, centers=k, cluster_std=1.2, random_state=k)
    found = mixture(x)
    assert found.k == k
    assert adjusted_rand_score(truth, found.labels) > 0.97
    assert found.stability > 0.95


def test_moons_are_not_cut_up():
    x, _ = make_moons(700, noise=0.07, random_state=0)
    found = Clusters([str(i) for i in range(700)], mixture(x))
    assert found.k == 1  # there are two, but no Gaussian follows them: the sentence says so
    assert found.sentence().startswith(
        "No clear groups: every way to part the samples into round groups cuts"
    )


def test_digits(digits):
    x, truth = digits
    assert adjusted_rand_score(truth, mixture(x, 10, covariance="tied", starts=4).labels) > 0.5


def test_the_parameters_are_those_of_the_data():
    rng = np.random.default_rng(0)
    cov = np.array([[2.0, 0.8], [0.8, 1.0]])
    x = np.concatenate(
        [rng.multivariate_normal([0, 0], cov, 3000), rng.multivariate_normal([20, 5], cov, 1000)]
    )
    m = mixture(x, 2)
    np.testing.assert_allclose(m.weights, [0.75, 0.25], atol=1e-3)
    np.testing.assert_allclose(m.means, [[0, 0], [20, 5]], atol=0.15)
    np.testing.assert_allclose(m.covariances[0], cov, atol=0.15)
    gauss = -0.5 * np.einsum("ni,ij,nj->n", x[:5], np.linalg.inv(cov), x[:5])
    expected = np.log(0.75) - np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(cov)) + gauss
    np.testing.assert_allclose(m.log_likelihood[:5], expected, atol=0.1)
    np.testing.assert_allclose(m.distances[:5, 0], np.sqrt(-2 * gauss), atol=0.1)
    np.testing.assert_allclose(m.memberships.sum(1), 1)


def test_units_do_not_matter():
    x, _ = make_blobs(300, 4, centers=3, random_state=1)
    a, b = mixture(x, 3), mixture(x * 1000 - 5, 3)
    assert adjusted_rand_score(a.labels, b.labels) == 1


def test_the_same_seed_gives_the_same_bits():
    x, _ = make_blobs(300, 4, centers=3, random_state=1)
    np.testing.assert_array_equal(mixture(x, 3, seed=5).memberships, mixture(x, 3, seed=5).memberships)


def test_too_many_dimensions_are_reduced_and_said():
    x, truth = make_blobs(300, 200, centers=3, random_state=1)
    found = mixture(x)
    assert found.axes.shape == (200, 5)  # sqrt(300 / 12)
    assert found.means.shape == (3, 200)
    assert adjusted_rand_score(truth, found.labels) == 1


def test_more_rows_than_are_looked_at():
    x, truth = make_blobs(2000, 3, centers=3, random_state=1)
    found = mixture(x, rows=400)
    assert found.k == 3
    assert adjusted_rand_score(truth, found.labels) == 1


def test_given_groups_that_are_not_apart_are_called_so():
    found = Clusters(list("abcd") * 100, mixture(np.random.default_rng(0).normal(size=(400, 2)), 3))
    assert "3 groups" in found.sentence()
    assert "not clearly apart" in found.sentence()


@pytest.mark.parametrize("rows", [2, 3, 12])
def test_hardly_any_rows(rows):
    assert mixture(np.random.default_rng(0).normal(size=(rows, 4))).k == 1


def test_rows_all_the_same():
    assert mixture(np.ones((50, 3))).k == 1


def test_bad_input_is_named():
    with pytest.raises(OptionError, match="5 clusters of 3 rows"):
        mixture(np.eye(3), 5)
    with pytest.raises(OptionError, match="spherical"):
        mixture(np.eye(3), 2, covariance="spherical")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="NaN"):
        mixture(np.array([[0.0], [np.nan], [1.0]]), 1)


def test_on_a_space(space):
    truth = space.metadata()["label"].to_numpy()
    found = clusters(space, 4)
    assert adjusted_rand_score(truth, found.labels) > 0.8
    layer = space.layer("cluster")
    assert layer.column_names == ["id", "cluster", "probability", "log_likelihood"]
    assert layer["id"].to_pylist() == space.ids()
    np.testing.assert_array_equal(layer["cluster"].to_numpy(), found.labels)
    table = found.table().to_pylist()
    assert [row["size"] for row in table] == sorted(found.sizes, reverse=True)
    label = dict(zip(space.ids(), truth))
    for row in table:
        assert len({label[i] for i in row["representatives"]}) == 1  # the middle of a group is one digit


def test_whitened_vectors_keep_their_groups():
    """They have no principal axes: the few that so many rows can carry would be any."""
    x, truth = load_digits(return_X_y=True)
    white = np.linalg.svd(x - x.mean(0), full_matrices=False)[0][:, :30]
    found = mixture(white, 10)
    assert found.axes.shape[1] < 30
    assert adjusted_rand_score(truth, found.labels) > 0.65


def test_a_given_number_finds_groups_of_very_different_scale():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 150)
    x = rng.normal(0, 0.1, (450, 3)) + np.array([[0, 0, 0], [1, 0, 0], [20, 0, 0]])[truth]
    assert adjusted_rand_score(truth, mixture(x, 3).labels) == 1
    scaled = x / x.std()
    broad = _mixture.fit(scaled, 3, "full", 10, 0, _mixture.BROAD)  # by itself, it joins the near pair
    assert adjusted_rand_score(truth, broad.predict(scaled)) < 1
