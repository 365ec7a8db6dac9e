import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import make_blobs
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

from ilk.analysis import _layout
from ilk.analysis._neighbours import directions, nearest
from ilk.analysis.map import layout, place
from ilk.errors import DataError, OptionError


def test_neighbours_are_the_nearest_others():
    near, distances = nearest(np.array([[0.0], [1], [3], [7]], np.float32), 2)
    np.testing.assert_array_equal(near, [[1, 2], [0, 2], [1, 0], [2, 1]])
    np.testing.assert_allclose(distances, [[1, 3], [1, 2], [2, 3], [4, 6]])


def test_weights_sum_to_log2_of_the_neighbours():
    distances = np.sort(np.random.default_rng(0).uniform(1, 3, (50, 15)), axis=1)
    weights = _layout._weights(distances)
    np.testing.assert_allclose(weights.sum(1), np.log2(16), rtol=1e-3)
    np.testing.assert_array_equal(weights[:, 0], 1)


def test_edges_are_the_fuzzy_union():
    near, distances = np.array([[1, 2], [0, 2], [1, 0]]), np.array([[1.0, 2], [1, 3], [2, 3]])
    w = _layout._weights(distances)
    tails, heads, weights = _layout.edges(near, distances)
    found = {(i, j): v for i, j, v in zip(tails, heads, weights)}
    assert found[0, 2] == found[2, 0] == pytest.approx(w[0, 1] + w[2, 1] - w[0, 1] * w[2, 1])


def test_digits_keep_their_neighbours(digits):
    x, y = digits
    xy = place(x)
    assert trustworthiness(x, xy, n_neighbors=15) > 0.96  # two principal axes give .83
    even, odd = slice(0, None, 2), slice(1, None, 2)
    assert KNeighborsClassifier(10).fit(xy[even], y[even]).score(xy[odd], y[odd]) > 0.93


def test_beyond_a_sample_rows_lie_beside_their_neighbours(digits):
    x, y = digits
    xy = place(x, most=900)
    assert trustworthiness(x, xy, n_neighbors=15) > 0.94
    even, odd = slice(0, None, 2), slice(1, None, 2)
    assert KNeighborsClassifier(10).fit(xy[even], y[even]).score(xy[odd], y[odd]) > 0.9
    np.testing.assert_array_equal(xy, place(x, most=900))

    known = xy.copy()
    known[::3] = np.nan
    again = place(x, known, most=900)
    np.testing.assert_array_equal(again[~np.isnan(known).any(1)], xy[~np.isnan(known).any(1)])
    assert trustworthiness(x, again, n_neighbors=15) > 0.93
    np.testing.assert_array_equal(place(x, xy, most=900), xy)


def test_the_same_bits_with_any_number_of_threads(digits):
    code = (
        "import numpy as np; from ilk.analysis.map import place;"
        "print(place(np.random.default_rng(0).normal(size=(300, 64)), epochs=30).tobytes().hex())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2")
    ]  # fmt: skip
    assert said[0] == said[1]
    assert len(said[0]) > 300 * 8


def test_another_seed_another_map():
    x, _ = make_blobs(100, 4, centers=2, random_state=0)
    assert not np.array_equal(place(x, seed=0), place(x, seed=1))
    np.testing.assert_array_equal(place(x, seed=1), place(x, seed=1))


def test_new_rows_find_their_group_and_the_old_stay():
    x, y = make_blobs(400, 6, centers=4, random_state=0)
    known = np.full((400, 2), np.nan, np.float32)
    known[:300] = place(x[:300])
    xy = place(x, known)
    np.testing.assert_array_equal(xy[:300], known[:300])
    assert KNeighborsClassifier(5).fit(xy[:300], y[:300]).score(xy[300:], y[300:]) == 1
    assert len(np.unique(xy[300:], axis=0)) == 100


def test_an_island_of_new_rows_stays_together():
    x, y = make_blobs(200, 6, centers=2, random_state=0)
    known = np.full((200, 2), np.nan, np.float32)
    known[y == 0] = place(x[y == 0])
    xy = place(x, known)
    assert np.isfinite(xy).all()
    assert KNeighborsClassifier(5).fit(xy, y).score(xy, y) > 0.9


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5])
def test_hardly_any_rows(rows):
    xy = place(np.random.default_rng(0).normal(size=(rows, 3)))
    assert xy.shape == (rows, 2)
    assert np.isfinite(xy).all()


def test_copies_and_one_dimension():
    assert np.isfinite(place(np.ones((40, 3)), epochs=20)).all()
    assert np.isfinite(place(np.arange(40.0)[:, None], epochs=20)).all()


def test_cosine_looks_at_directions_only():
    x = np.random.default_rng(0).normal(size=(80, 3))
    longer = x * 2.0 ** np.random.default_rng(1).integers(-3, 4, (80, 1))  # powers of two: exact
    a, b = (place(v, metric="cosine", epochs=20) for v in (x, longer))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_bad_input_is_named():
    with pytest.raises(DataError, match="NaN"):
        place(np.array([[np.nan, 1.0]] * 4))
    with pytest.raises(OptionError, match="1 neighbours"):
        place(np.eye(4), neighbours=1)


def test_on_a_space(space):
    first = layout(space, epochs=50)
    assert first.placed == 400
    before = {r["id"]: (r["x"], r["y"]) for r in space.layer("map").to_pylist()}
    assert len(before) == 400

    again = layout(space, epochs=50)
    assert again.placed == 0
    np.testing.assert_array_equal(again.xy, first.xy)

    vectors, ids = np.array(space.vectors()), space.ids()
    zero = ids[0]
    space.upsert_vectors(["new"], vectors[ids.index("digit-7")][None] + 0.01, pa.table({"label": [0]}))
    space.upsert_vectors([zero], vectors[ids.index("digit-9")][None] + 0.01, pa.table({"label": [0]}))
    space.delete(["digit-5"])
    assert layout(space, epochs=50).placed == 2  # the new one, and the one that is another now
    after = {r["id"]: (r["x"], r["y"]) for r in space.layer("map").to_pylist()}
    assert after.keys() == before.keys() - {"digit-5"} | {"new"}
    assert all(after[i] == before[i] for i in after if i not in ("new", zero))
    assert np.hypot(*np.subtract(after["new"], before["digit-7"])) < np.ptp(first.xy) / 5

    assert layout(space, epochs=50, fresh=True).placed == 400


def test_directions_of_groups_do_not_depend_on_the_scale_of_the_dimensions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 20))
    x[:300, 3] += 12  # two groups, apart along one dimension
    for scale in (np.ones(20), rng.uniform(0.1, 10, 20)):
        best = directions(x * scale, 1)[:, 0] * scale  # as weights of the dimensions before scaling
        assert abs(best[3]) / np.linalg.norm(best) > 0.9
    wide = directions(x, 4)
    np.testing.assert_allclose(wide.T @ wide, np.eye(4), atol=1e-12)
