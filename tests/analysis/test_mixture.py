import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from ilk.analysis import _mixture


def two(gap: float, weight: float = 0.5) -> GaussianMixture:
    """Two unit Gaussians on a line, set by hand."""
    g = GaussianMixture(2)
    g.weights_ = np.array([weight, 1 - weight])
    g.means_ = np.array([[0.0], [gap]])
    g.covariances_ = np.ones((2, 1, 1))
    g.precisions_ = g.precisions_cholesky_ = np.ones((2, 1, 1))
    return g


def test_valley_of_two_gaussians_is_that_of_the_density():
    # gap 4: the middle holds 2 exp(-2) = .271, a peak 1 + exp(-8) = 1.0003; the kernel fills it a little
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=20_000), rng.normal(4, size=20_000)])[:, None]
    assert _mixture.valley(two(4), x) == pytest.approx(2 * np.exp(-2), abs=0.05)


def test_no_valley_where_gaussians_lie_two_sigma_apart():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=20_000), rng.normal(2, size=20_000)])[:, None]
    assert _mixture.valley(two(2), x) > 0.9


def test_a_group_without_rows_is_not_separated():
    assert _mixture.valley(two(50), np.random.default_rng(0).normal(size=(100, 1))) == 1


@pytest.mark.parametrize(("gap", "hills"), [(1.9, 1), (2.5, 1), (4.0, 2)])
def test_modes_join_gaussians_without_a_deep_pass(gap, hills):
    # two hills exist from gap 2 on; at 4 the pass is .271 of the peak, below the .3 that keeps hills apart
    assert len(np.unique(_mixture.modes(two(gap)))) == hills


def test_modes_join_a_chain_step_by_step():
    t = np.random.default_rng(0).uniform(-2, 2, 1500)
    bent = np.c_[np.sin(t), np.cos(t)] + np.random.default_rng(1).normal(scale=0.08, size=(1500, 2))
    g = _mixture.fit(bent, 6, "full", 5, 0)
    assert len(np.unique(_mixture.modes(g))) == 1


def test_torn_counts_the_rows_cut_off():
    hills = np.array([0, 0, 0, 0, 1, 1])
    assert _mixture.torn(np.array([5, 5, 5, 6, 6, 6]), hills) == pytest.approx(1 / 6)
    assert _mixture.torn(hills, hills) == 0


def test_many_starts_find_the_likelier_mixture():
    rng = np.random.default_rng(3)
    centres = rng.uniform(-10, 10, (6, 2))
    x = np.concatenate([c + rng.normal(scale=0.5, size=(60, 2)) for c in centres])
    single = [
        GaussianMixture(6, random_state=s, init_params="random_from_data").fit(x).lower_bound_
        for s in range(8)
    ]
    assert _mixture.fit(x, 6, "full", 10, 0).lower_bound_ >= max(single) - 1e-2


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_covariances_have_one_shape(kind):
    x = np.random.default_rng(0).normal(size=(200, 3)) * [1, 2, 3]
    assert _mixture.covariances(_mixture.fit(x, 2, kind, 2, 0)).shape == (2, 3, 3)


def test_icl_is_bic_for_groups_far_apart():
    x = np.concatenate(
        [np.random.default_rng(0).normal(size=(100, 2)), np.random.default_rng(1).normal(50, 1, (100, 2))]
    )
    g = _mixture.fit(x, 2, "full", 2, 0)
    assert _mixture.icl(g, x) == pytest.approx(g.bic(x))


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_the_climb_is_that_of_scikit_learn(kind):
    x = np.random.default_rng(0).normal(size=(300, 4)) * [3, 1, 1, 2] + np.arange(3).repeat(100)[:, None]
    how = {"covariance_type": kind, "reg_covar": 0.01, "init_params": "random_from_data", "random_state": 3}
    theirs = GaussianMixture(3, max_iter=300, **how).fit(x)
    ours = _mixture.refine(GaussianMixture(3, max_iter=0, **how).fit(x), x, 0.01)
    assert theirs.converged_
    assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, abs=1e-9)
    np.testing.assert_allclose(ours.means_, theirs.means_, atol=1e-6)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
    assert ours.bic(x) == pytest.approx(theirs.bic(x))
