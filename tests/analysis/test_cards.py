"""Cards of groups: what was planted is told in words, and of columns of noise nothing."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import make_moons

from ilk.analysis._differences import differences
from ilk.analysis._opinions import dense, found_again, silhouettes
from ilk.analysis.cards import Cards, cluster_cards
from ilk.analysis.clusters import clusters
from ilk.analysis.hierarchy import apart, joined
from ilk.analysis.mixture import mixture
from ilk.encoders.pixels import Pixels
from ilk.space import Space

N = 240


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    """Three groups: 0 and 1 near one another, and told apart by `mass`; 2 far off and of another `kind`."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [120, 80, 40])
    x = rng.normal(size=(N, 4)) + np.array([[0, 0, 0, 0], [7, 0, 0, 0], [0, 40, 0, 0]])[truth]
    columns = {
        "mass": rng.normal(size=N) + 2 * (truth == 1),
        "kind": np.where(truth == 2, "spiral", "round"),
        "serial": rng.permutation(N).astype(float),
        "name": [f"n{i}" for i in range(N)],
    }
    space = Space.create(tmp_path_factory.mktemp("cards") / "s.space", Pixels(4, 1), reading={}, metric="l2")
    space.upsert_vectors([f"{i:03d}" for i in range(N)], x.astype(np.float32), pa.table(columns))
    return cluster_cards(space, clusters(space))


def test_what_was_planted_is_told(cards: Cards) -> None:
    a, b, c = cards.cards
    assert [card.size for card in cards.cards] == [120, 80, 40]
    assert (a.neighbour, b.neighbour) == (1, 0)
    assert b.words()[0].startswith("unlike 0: mass higher (")
    assert "kind is spiral (100%, there 0%)" in " ".join(c.words())
    assert "kind spiral (100%)" in c.typical
    told = {d.column for card in cards.cards for d in card.differences}
    assert told == {"mass", "kind"}  # neither the serial number nor names that are all different
    assert min(card.again.value for card in cards.cards) > 0.9
    assert a.again.guess == pytest.approx(0.5)
    assert cards.dense.clear
    assert cards.dense.alike(cards.groups.labels) > 0.9


def test_as_a_table_and_in_words(cards: Cards) -> None:
    rows = cards.table().to_pylist()
    assert [r["cluster"] for r in rows] == [0, 1, 2]
    assert all(r["low"] <= r["again"] <= r["high"] for r in rows)
    assert rows[2]["representatives"][0] in {f"{i:03d}" for i in range(200, 240)}
    assert "found again by" in cards.cards[0].sentence()
    assert "HDBSCAN" in cards.sentence()


def test_columns_of_noise_are_rarely_told() -> None:
    """At a level of .05 noise names anything in one of twenty sets: of 15, more than 4 have chance .001."""
    rng, named = np.random.default_rng(0), 0
    for _ in range(15):
        labels = rng.integers(0, 4, 200)
        noise = {f"n{i}": rng.standard_t(3, 200) for i in range(5)}
        noise |= {f"c{i}": rng.choice(list("abc"), 200) for i in range(3)}
        named += any(differences(pa.table(noise), labels, [1, 2, 3, 0]))
    assert named <= 4


def test_groups_that_are_none_are_not_found_again() -> None:
    x = np.random.default_rng(1).normal(size=(300, 4))
    again = found_again(x, mixture(x, 3, starts=3).labels, "full")
    assert np.mean([m.value for m in again]) < 0.55
    assert all(m.low <= m.value <= m.high for m in again)


def test_hdbscan_on_noise_and_on_shapes() -> None:
    rng, clear = np.random.default_rng(0), 0
    for i in range(12):
        x = [rng.normal(size=(300, 3)), rng.uniform(size=(300, 3)), rng.standard_t(3, (300, 3))][i % 3]
        clear += dense(x, i).clear
    assert clear == 0
    x, truth = make_moons(500, noise=0.07, random_state=0)
    found = dense(x)
    assert (found.clear, found.k) == (True, 2)
    assert found.alike(truth) > 0.95
    assert not dense(np.ones((5, 2))).clear  # hardly any rows


def test_silhouette_by_hand() -> None:
    x, labels = np.array([[0.0], [1.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    near, far = 1, (10 + 12) / 2
    assert silhouettes(x, labels)[0] == pytest.approx((far - near) / far)
    assert np.isnan(silhouettes(x, np.zeros(4, int))).all()


def test_what_a_join_costs_by_hand() -> None:
    """Two halves of unit spread, 2 h apart in one of two directions: the join has variance 1 + h^2 there."""
    middles = np.repeat([[-6, 0], [6, 0]], 4000, 0)
    x = middles + np.random.default_rng(0).normal(size=(8000, 2))
    m = mixture(x, 2)
    assert apart(m)[0, 1] == pytest.approx(0.5 * np.log(1 + 6**2), abs=0.03)
    assert joined(m)[0, 2] == pytest.approx(apart(m)[0, 1])


def test_the_tree_joins_those_nearest_first(cards: Cards) -> None:
    tree = joined(cards.groups.mixture)
    assert tree[0, :2].tolist() == [0, 1]
    assert tree[1, :2].tolist() == [2, 3]
    assert tree[:, 3].tolist() == [2, 3]
    assert tree[0, 2] <= tree[1, 2]
