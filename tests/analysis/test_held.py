import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from ilk.analysis.held import Dealt, asked, deal, line, weights
from ilk.errors import DataError


def column(values: list[object]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_a_fifth_of_each_label_is_asked() -> None:
    dealt = deal("kind", column(["a"] * 20 + ["b"] * 10 + ["c"] * 2 + ["d", "", None]), 0)
    assert dealt.labels == ["a", "b", "c"]
    assert dealt.left_out == {"d": 1}
    assert np.bincount(dealt.codes[dealt.asked]).tolist() == [4, 2, 1]
    assert np.bincount(dealt.codes[dealt.known]).tolist() == [16, 8, 1]
    assert not set(dealt.known) & set(dealt.asked)
    assert max(dealt.known.max(), dealt.asked.max()) < 32
    again = deal("kind", column(["a"] * 20 + ["b"] * 10 + ["c"] * 2 + ["d", "", None]), 0)
    assert np.array_equal(again.asked, dealt.asked)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a"] * 9, "1 of 1 labels of kind have 2 rows"),
        ([f"{i}" for i in range(9)], "0 of 9 labels"),
        (["a", "a", "b"], "1 of 2 labels"),
        ([None, None], "0 of 0 labels"),
        ([0.5, 0.25, 0.5, 0.25], "kind holds amounts"),
        (list(range(50)), "kind holds amounts"),
    ],
)
def test_what_cannot_be_learnt_is_said(values: list[object], said: str) -> None:
    array = pa.array(values, pa.string()) if values[0] is None else pa.array(values)
    with pytest.raises(DataError, match=said):
        deal("kind", pa.chunked_array([array]), 0)


@pytest.mark.parametrize("c", [2, 4])
def test_the_map_is_the_line_s_own(c: int) -> None:
    rng = np.random.default_rng(0)
    codes = np.arange(60) % c
    x = rng.normal(3, 2, (60, 5)) + codes[:, None] * rng.normal(size=5)
    fitted = line(x, codes, 0)
    w, b = weights(fitted)
    odds = np.exp(x @ w.T + b)
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), fitted.predict_proba(x), rtol=1e-6)


def test_figures_by_hand() -> None:
    """Ten rows asked, of which the line takes two of five b for a."""
    x = np.array([[-1.0], [1.0]] * 10)
    codes = np.array([0, 1] * 10)
    known, held = np.arange(10), np.arange(10, 20)
    fitted = line(x[known], codes[known], 0)
    shown = x[held].copy()
    shown[[1, 3]] = -1
    found = asked("linear", fitted, shown, Dealt(codes, ["a", "b"], known, held, {}), 0)
    assert found.confusion is not None
    assert found.confusion.tolist() == [[5, 0], [2, 3]]
    measures = found.measures
    assert measures["accuracy"].value == 0.8
    within = binomtest(8, 10).proportion_ci(method="wilson")
    assert (measures["accuracy"].low, measures["accuracy"].high) == (within.low, within.high)
    assert measures["precision"].value == pytest.approx((5 / 7 + 1) / 2)
    assert measures["recall"].value == pytest.approx((1 + 3 / 5) / 2)
    assert measures["F1"].value == pytest.approx((10 / 12 + 6 / 8) / 2)
    assert measures["accuracy"].guess == 0.5
    for one in measures.values():
        assert 0 < one.low < one.value < one.high <= 1
