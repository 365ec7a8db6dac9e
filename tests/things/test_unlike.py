"""What differs from the ground by its features only, not by its light, is found."""

import numpy as np
import pytest

from ilk.things.blobs import blobs
from ilk.things.errors import overlaps
from ilk.things.unlike import stand_out, unlike


def features(seed: int = 0) -> np.ndarray:
    """Ground with two features that go together, and a square where they go against each other."""
    rng = np.random.default_rng(seed)
    one = rng.standard_normal((40, 50))
    x = np.stack([one, one + 0.1 * rng.standard_normal(one.shape)])
    x[1, 10:20, 15:30] *= -1
    return x.astype(np.float32)


def test_distance_is_that_of_mahalanobis() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 60, 60)) * np.array([1, 5, 0.2])[:, None, None] + 7
    x[:, 0, 0] = 7 + 10 * np.array([1, 5, 0.2])  # ten standard deviations off in each of three directions
    far = unlike(x.astype(np.float32))
    typical = np.median(far)
    assert far.argmax() == 0
    # of the nearest 70% the spread is smaller, by one factor for all
    assert far[0, 0] / typical == pytest.approx(10 * np.sqrt(3) / 1.538, rel=0.08)  # median of chi_3


def test_a_part_of_other_features_is_found() -> None:
    x = features()
    found = stand_out(x, 4, smallest=16)
    assert overlaps(found.boxes[:1], np.array([[60, 40, 120, 80]])).item() > 0.6
    assert all(overlaps(b[None], np.array([[15, 10, 30, 20]])).item() < 0.5 for b in blobs(x[1:]).boxes)


def test_features_without_a_difference_hold_nothing() -> None:
    assert len(stand_out(np.ones((4, 20, 20), np.float32), 4)) == 0
