"""Words find pictures, and back: ranks, gap and uniformity by hand; captions that come twice."""

import numpy as np
import pytest

from ilk.analysis.retrieval import both_ways
from ilk.errors import DataError
from ilk.training import health

E3 = np.eye(3, dtype=np.float32)


def test_by_hand() -> None:
    words = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0, 0.6]], np.float32)
    found = both_ways(E3, words, ["a", "b", "c"])
    there, back = found.ways
    assert there.recall == pytest.approx((2 / 3, 1, 1))  # c lies nearer to a's picture than to its own
    assert there.rank == 1
    assert back.recall == pytest.approx((1, 1, 1))
    assert found.gap == pytest.approx(np.linalg.norm([1 / 3 - 0.8, 1 / 3 - 0.8 / 3, 1 / 3 - 0.2]))
    assert found.alignment == pytest.approx((0 + 0.4 + 0.8) / 3)
    d2 = 2 - 2 * np.array([0.6, 0.8, 0, 0, 0, 0])
    assert found.across == pytest.approx(np.log(np.exp(-2 * d2).mean()))
    assert found.of_pictures == pytest.approx(-4)
    assert found.of_words == pytest.approx(health.uniformity(words))


def test_who_says_the_same_is_right_too_and_equals_count_against() -> None:
    pictures = E3[[0, 1, 2, 2]]
    words = E3[[1, 1, 2, 0]]
    there, back = both_ways(pictures, words, ["x", "x", "y", "z"]).ways
    # x: b's picture is right for a's words; y: z's picture is as near as its own; z: a's picture is nearer
    assert there.recall[0] == pytest.approx(2 / 4)
    assert there.recall[1] == 1
    assert back.rank == 2  # of 3, 1, 1, 4
    alike = both_ways(np.ones((20, 3)), np.ones((20, 3)), [str(i) for i in range(20)])
    assert alike.ways[0].recall == (0, 0, 0)
    assert alike.ways[0].chance == pytest.approx(1 - 0.95**10)


def test_too_few() -> None:
    with pytest.raises(DataError):
        both_ways(E3[:1], E3[:1], ["a"])
