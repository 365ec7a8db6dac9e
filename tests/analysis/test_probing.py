import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import t
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ilk import few_shots, probe
from ilk.analysis._ways import WAYS
from ilk.analysis.probing import ask, interval
from ilk.analysis.shots import drawn
from ilk.errors import DataError, OptionError, UnknownName

FAST = {"mlp": {"hidden": 8}, "forest": {"trees": 10}}


def column(values) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_the_interval_by_hand():
    mean, low, high = interval([0.8, 0.9])  # sd^2 = 0.005; (1/2 + 1/1) * 0.005 = 0.0075
    assert mean == pytest.approx(0.85)
    assert high - mean == mean - low == pytest.approx(t.ppf(0.975, 1) * 0.0075**0.5)
    assert interval([0.8, 0.9], 1.0)[2] == 1.0


def test_linear_is_what_scikit_learn_finds(digits):
    x, y = digits
    found = ask(x, column(y), "linear", seed=3)
    known = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = cross_val_score(known, x, y, cv=StratifiedKFold(5, shuffle=True, random_state=3))
    assert found.measures["accuracy"].value == pytest.approx(scores.mean())
    assert found.confusion.sum() == len(y) == found.rows
    assert found.confusion.trace() == (found.predicted == y.astype(str)).sum()
    assert found.classes()["recall"].to_numpy() == pytest.approx(found.confusion.diagonal() / np.bincount(y))


@pytest.mark.parametrize("how", WAYS)
def test_every_way_tells_names_and_amounts(digits, how):
    x, y = digits[0][:500], digits[1][:500]
    named = ask(x, column(y), how, folds=2, **FAST.get(how, {}))
    assert named.measures["accuracy"].value > 0.65
    assert named.measures["accuracy"].guess < 0.15
    amount = ask(x[:, 1:], column(x[:, 0] + x[:, 1]), how, folds=2, **FAST.get(how, {}))
    assert amount.measures["R2"].value > 0.2
    assert amount.measures["R2"].guess == 0
    assert amount.measures["mean absolute error"].value < amount.measures["mean absolute error"].guess
    assert (named.probability is None) == (how == "svm")


@pytest.mark.parametrize("how", WAYS)
def test_nothing_leaks_from_noise(how):
    rng = np.random.default_rng(0)
    found = ask(rng.normal(size=(200, 5)), column(rng.integers(0, 2, 200)), how, folds=2, **FAST.get(how, {}))
    assert abs(found.measures["accuracy"].value - 0.5) < 0.12


def test_rows_without_a_label_are_told_and_rare_labels_left_out(digits):
    x, y = digits
    values = [None if i % 2 else str(v) for i, v in enumerate(y)]
    values[0] = "once"
    found = ask(x, column(values))
    assert found.left_out == {"once": 1}
    assert "once" in found.sentence()
    assert (found.predicted[1::2] == y[1::2].astype(str)).mean() > 0.9
    assert len(found.labels) == 10


def test_a_space_keeps_what_was_told(space):
    found = probe(space, "label", how="knn", k=3, write=True)
    layer = space.layer("predicted-label")
    assert layer["label_predicted"].to_pylist() == list(found.predicted)
    again = probe(space, "label_predicted")  # a layer's column is one too
    assert again.measures["accuracy"].value > 0.95
    with pytest.raises(UnknownName, match="labels"):
        probe(space, "labels")


def test_one_shot_by_hand():
    x = np.array([[0.0], [1.0], [10.0], [11.0]])
    found = drawn(x, np.array([0, 0, 1, 1]), 1, metric="l2", draws=5)
    assert (found.accuracy, found.low, found.guess) == (1.0, 1.0, 0.5)


def test_pairs_learn_which_differences_matter(space):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(100, 1)), 20 * rng.normal(size=(100, 5))], 1)
    x[50:, 0] += 8
    codes = np.repeat([0, 1], 50)
    near, learnt = (drawn(x, codes, 10, by=by, metric="l2", draws=10) for by in ("prototypes", "siamese"))
    assert near.accuracy < 0.75
    assert learnt.accuracy > 0.9
    assert few_shots(space, "label", 5, draws=10).accuracy > 0.85


def test_bad_input_is_named(digits):
    x, y = digits
    with pytest.raises(UnknownName, match="svn"):
        ask(x, column(y), "svn")
    with pytest.raises(UnknownName, match="kernel"):
        ask(x, column(y), "knn", kernel="rbf")
    with pytest.raises(OptionError, match="k is 0"):
        ask(x, column(y), "knn", k=0)
    with pytest.raises(DataError, match="0 of 2 labels have 5 rows"):
        ask(x[:4], column(["a", "a", "b", "b"]))
    with pytest.raises(DataError, match="all the same"):
        ask(x, column(np.ones(len(x))))
    with pytest.raises(OptionError, match="1 shots"):
        drawn(x, y, 1, by="siamese")
