import numpy as np
import pyarrow as pa
import pytest

from ilk.analysis.probe import accuracy, r2, table
from ilk.errors import DataError, OptionError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 4)).astype(np.float32)


def test_a_linear_column_is_told_by_a_line():
    values = X @ [1.0, -2.0, 0.0, 3.0] + RNG.normal(scale=1.0, size=600)
    assert r2(X, values, how="linear") == pytest.approx(14 / 15, abs=0.02)  # var 1 + 4 + 9, noise 1
    assert 0.5 < r2(X, values) < r2(X, values, how="linear")


def test_a_bent_column_is_told_by_neighbours_only():
    values = np.abs(X[:, 0])
    assert r2(X[:, :1], values) > 0.95
    assert r2(X[:, :1], values, how="linear") < 0.1


def test_noise_tells_nothing():
    assert r2(X, RNG.normal(size=600)) < 0.05
    assert r2(X, RNG.normal(size=600), how="linear") < 0.05


def test_scale_of_a_dimension_does_not_matter():
    values = X[:, 0]
    assert r2(X * [1, 1, 1, 1000], values) == pytest.approx(r2(X, values), abs=1e-3)


def test_rows_without_a_value_are_left_out():
    values = X[:, 0].astype(float)
    values[::3] = np.nan
    kept = ~np.isnan(values)
    assert r2(X, values) == pytest.approx(r2(X[kept], values[kept]))


def test_nothing_to_tell_is_nan():
    assert np.isnan(r2(X, np.ones(600)))
    assert np.isnan(r2(X, np.full(600, np.nan)))
    assert np.isnan(accuracy(X, ["same"] * 600))


@pytest.mark.parametrize("how", ["knn", "linear"])
def test_accuracy(how):
    names = np.where(X[:, 0] > 0, "right", "left")
    assert accuracy(X[:, :1], names, how=how) > 0.95
    assert abs(accuracy(X, RNG.permutation(names), how=how) - 0.5) < 0.1


def test_rare_labels_do_no_harm():
    names = np.where(X[:, 0] > 0, "right", "left").astype(object)
    names[0], names[1] = "once", None
    assert accuracy(X[:, :1], names) > 0.95


def test_table_over_all_kinds_of_columns():
    columns = pa.table(
        {
            "amount": X[:, 0],
            "few": (X[:, 0] > 0).astype(int),
            "name": pa.array(np.where(X[:, 0] > 0, "a", "b")).dictionary_encode(),
            "holes": pa.array([None if i % 2 else float(v) for i, v in enumerate(X[:, 0])]),
            "constant": np.ones(600),
            "file": [f"{i}.png" for i in range(600)],
            "list": [[1]] * 600,
            "empty": pa.nulls(600, pa.float64()),
        }
    )
    rows = {row["column"]: row for row in table(X[:, :1], columns).to_pylist()}
    assert rows["amount"]["measure"] == rows["holes"]["measure"] == "R2"
    assert rows["few"]["measure"] == rows["name"]["measure"] == "accuracy"
    assert min(rows[c]["knn"] for c in ("amount", "few", "name", "holes")) > 0.95
    assert rows["holes"]["rows"] == 300
    assert rows["name"]["guess"] == pytest.approx(max((X[:, 0] > 0).mean(), (X[:, 0] <= 0).mean()))
    assert rows["constant"]["knn"] is None
    assert rows["constant"]["note"] == "all the same"
    assert rows["file"]["note"] == "nearly every value is different"
    assert "neither numbers nor names" in rows["list"]["note"]
    assert rows["empty"]["rows"] == 0
    assert rows["empty"]["knn"] is None


def test_bad_input_is_named():
    with pytest.raises(DataError, match="600 vectors but 3 values"):
        r2(X, np.arange(3))
    with pytest.raises(OptionError, match="magic"):
        r2(X, X[:, 0], how="magic")  # type: ignore[arg-type]
