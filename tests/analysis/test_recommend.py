"""How good recommendations were: by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from ilk.analysis._factors import popularity
from ilk.analysis.recommend import best, quality


def test_recall_ndcg_and_coverage_by_hand() -> None:
    """The first chose items 1 and 5, of which 1 stands second; of the four of the other three are shown."""
    truth = csr_array(np.array([[0, 1, 0, 0, 0, 1], [1, 0, 1, 1, 1, 0]], np.float32))
    found = quality("x", np.array([[0, 1, 2], [3, 4, 0]]), truth)
    assert found.recall == pytest.approx((1 / 2 + 3 / 3) / 2)
    second = 1 / np.log2(3)
    assert found.ndcg == pytest.approx((second / (1 + second) + 1) / 2)
    assert found.coverage == pytest.approx(5 / 6)


def test_the_best_without_what_was_seen() -> None:
    seen = csr_array(np.array([[0, 1, 0], [0, 0, 0]], np.float32))
    scores = np.array([[1.0, 9, 2], [1, 9, 2]])
    assert best(lambda rows: scores[rows], seen, 2).tolist() == [[2, 0], [1, 2]]
    assert np.argsort(-popularity(csr_array(np.array([[1, 1, 0], [1, 0, 0]]))))[0] == 0
