import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.errors import OptionError
from ilk.training.health import (
    alignment,
    alpha_req,
    knn_accuracy,
    likeness,
    rankme,
    uniformity,
    view_retrieval,
)


def test_rankme_by_hand() -> None:
    assert rankme(np.ones((7, 5), np.float32)) == pytest.approx(1, abs=1e-4)
    assert rankme(np.eye(6, 9, dtype=np.float32)) == pytest.approx(6, rel=1e-6)
    assert rankme(np.zeros((4, 3), np.float32)) == 0
    # singular values 3 and 1: p = (3/4, 1/4)
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert rankme(np.diag([3.0, 1.0]).astype(np.float32)) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(2, 12), st.integers(0, 99), st.floats(1e-3, 1e3))
def test_rankme_is_bounded_and_ignores_scale_and_rotation(n: int, D: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, D)).astype(np.float32)
    rotation = np.linalg.qr(rng.normal(size=(D, D)))[0].astype(np.float32)
    assert 1 <= rankme(z) <= min(n, D) + 1e-5
    assert rankme(scale * z @ rotation) == pytest.approx(rankme(z), rel=1e-4)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_alpha_req_of_a_planted_power_law(alpha: float) -> None:
    D = 32
    half = np.sqrt(np.arange(1, D + 1) ** -alpha)
    z = np.concatenate([np.diag(half), -np.diag(half)])  # centred, covariance diag(j^-alpha)
    assert alpha_req(z.astype(np.float32)) == pytest.approx(alpha, rel=1e-4)


def test_alpha_req_of_constant_vectors_is_nan() -> None:
    assert math.isnan(alpha_req(np.ones((9, 4), np.float32)))


def test_alignment_by_hand() -> None:
    x, y = np.float32([[2, 0]]), np.float32([[0, 5]])  # lengths do not count
    assert alignment(x, x) == 0
    assert alignment(x, y) == pytest.approx(2)
    assert alignment(x, -x) == pytest.approx(4)


def test_uniformity_by_hand() -> None:
    assert uniformity(np.ones((5, 3), np.float32)) == pytest.approx(0, abs=1e-5)
    assert uniformity(np.float32([[1, 0], [-3, 0]])) == pytest.approx(-8)  # d^2 = 4
    three = np.float32([[1, 0], [-1, 0], [0, 1]])  # d^2: 4, 2, 2
    assert uniformity(three) == pytest.approx(math.log((math.exp(-8) + 2 * math.exp(-4)) / 3), rel=1e-5)


def test_view_retrieval_by_hand() -> None:
    a = np.float32([[1, 0], [0, 1], [1, 1]])
    assert view_retrieval(a, 3 * a) == 1
    assert view_retrieval(a, a[[1, 0, 2]]) == pytest.approx(1 / 3)
    assert view_retrieval(np.ones((4, 2), np.float32), np.ones((4, 2), np.float32)) == 0  # ties find nobody


def test_view_retrieval_over_several_blocks() -> None:
    a = np.random.default_rng(0).normal(size=(2500, 32)).astype(np.float32)
    b = a.copy()
    b[:100] = a[100:200]  # these find another (a copy of a later row)
    assert view_retrieval(a, b) == pytest.approx((2500 - 200) / 2500)  # rows 100-199 tie with their copy


def test_knn_by_hand() -> None:
    bank = np.float32([[1, 0], [0.96, 0.28], [0, 1]])
    labels = np.array(["a", "b", "b"])
    query = np.float32([[2, 0]])
    # k=3: a: exp(1/T); b: exp(.96/T) + exp(0): at T=0.07 a 1 : b 0.565; at T=1 a 2.72 : b 3.61
    assert knn_accuracy(bank, labels, query, np.array(["a"])) == 1
    assert knn_accuracy(bank, labels, query, np.array(["b"]), temperature=1.0) == 1
    assert knn_accuracy(bank, labels, query, np.array(["unseen"])) == 0


def test_knn_of_digits_agrees_with_a_plain_count() -> None:
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    x, y = load_digits(return_X_y=True)
    x = np.float32(x)
    T = 0.07
    peer = KNeighborsClassifier(20, metric="cosine", algorithm="brute", weights=lambda d: np.exp(-d / T))
    expected = peer.fit(x[:1200], y[:1200]).score(x[1200:], y[1200:])
    assert knn_accuracy(x[:1200], y[:1200], x[1200:], y[1200:]) == pytest.approx(expected, abs=2 / 597)
    assert knn_accuracy(torch.from_numpy(x[:1200]), y[:1200], x[1200:], y[1200:]) > 0.9


def test_read_only_arrays_are_taken() -> None:
    z = np.eye(4, dtype=np.float32)
    z.flags.writeable = False
    assert rankme(z) == pytest.approx(4)


def test_likeness_by_hand() -> None:
    """Reaches of the true ones 1, 1, 1, 8; of the made ones 4.5, 15, 4.5."""
    real = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    made = np.array([[0.5], [20.0], [5.0]], np.float32)
    found = likeness(real, made, k=1)
    assert found.precision == pytest.approx(2 / 3)  # not 20, which is 10 away from 10
    assert found.recall == 1  # 10 is within reach of 20
    assert found.density == pytest.approx((2 + 0 + 1) / 3)
    assert found.coverage == pytest.approx(3 / 4)  # not 2: nothing within 1 of it
    with pytest.raises(OptionError, match="4 true and 1 made"):
        likeness(real, made[:1])


def test_likeness_of_draws_alike_and_of_half_the_modes() -> None:
    rng = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [50.0, 0.0]])

    def draws(n: int, modes: int) -> np.ndarray:
        return (places[rng.integers(modes, size=n)] + rng.normal(size=(n, 2))).astype(np.float32)

    real, alike, half = draws(1500, 2), draws(1500, 2), draws(1500, 1)
    same = likeness(real, alike)
    # Naeem et al.: 1 - 2^-k of the true ones are covered by as many draws of the same
    assert same.coverage == pytest.approx(1 - 2**-5, abs=0.02)
    assert same.density == pytest.approx(1, abs=0.05)
    assert min(same.precision, same.recall) > 0.95
    fallen = likeness(real, half)
    assert fallen.precision > 0.95
    assert fallen.coverage == pytest.approx(0.5, abs=0.05)
    assert fallen.recall == pytest.approx(0.5, abs=0.05)
    noise = likeness(real, (draws(1500, 2) + 25).astype(np.float32))
    assert (noise.precision, noise.coverage) == (0, 0)
