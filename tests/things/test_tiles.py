"""Tiles find what the whole picture shows, once each, and only a few are in memory."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from ilk.errors import OptionError
from ilk.things.found import Found
from ilk.things.tiles import _starts, tiled


def bright(x: Tensor) -> list[Found]:
    """A detector that is always right about what it sees: the connected parts of what shines."""
    out = []
    for picture in x.numpy()[:, 0]:
        parts = ndimage.find_objects(np.asarray(ndimage.label(picture > 0)[0]))
        boxes = [(s[1].start, s[0].start, s[1].stop, s[0].stop) for s in parts]
        level = [picture[s].max() for s in parts]
        kinds = np.zeros(len(boxes), np.int64)
        out.append(Found(np.array(boxes, np.float32).reshape(-1, 4), 50 * np.array(level, np.float32), kinds))
    return out


def planted(seed: int, high: int, wide: int, largest: int) -> tuple[np.ndarray, set[tuple[int, ...]]]:
    """Rectangles that do not touch, each of its own brightness."""
    rng = np.random.default_rng(seed)
    field = np.zeros((1, high, wide), np.float32)
    told = set()
    for _ in range(60):
        h, w = rng.integers(3, largest + 1, 2)
        y, x = int(rng.integers(0, high - h + 1)), int(rng.integers(0, wide - w + 1))
        if not field[0, max(y - 2, 0) : y + h + 2, max(x - 2, 0) : x + w + 2].any():
            field[0, y : y + h, x : x + w] = rng.uniform(0.1, 1)
            told.add((x, y, x + int(w), y + int(h)))
    return field, told


@pytest.mark.parametrize(("high", "wide"), [(300, 211), (64, 64), (40, 200), (30, 50)])
def test_what_is_no_larger_than_the_overlap_is_found_once_and_whole(high: int, wide: int) -> None:
    field, told = planted(high, high, wide, 20)
    found = tiled(field, bright, tile=64, overlap=26, batch=3)
    assert {tuple(int(v) for v in b) for b in found.boxes} == told
    assert len(found) == len(told) > 5
    assert (np.diff(found.scores) <= 0).all()


def test_of_what_is_larger_than_a_tile_no_more_parts_stay_than_tiles_see_it() -> None:
    field = np.zeros((1, 100, 200), np.float32)
    field[0, 40:60, 10:190] = 1
    found = tiled(field, bright, tile=64, overlap=16, batch=4)
    assert found.boxes[:, 0].min() == 10
    assert found.boxes[:, 2].max() == 190
    assert len(found) <= 4


def test_tiles_cover_everything_and_end_with_the_picture() -> None:
    for length in range(1, 400, 7):
        starts = _starts(length, 50, 12)
        seen = np.zeros(length, int)
        for s in starts:
            seen[s : s + 50] += 1
        assert seen.min() >= 1
        assert starts[-1] == max(0, length - 50)
        assert all(b - a <= 50 - 12 for a, b in pairwise(starts))


class Counting:
    """A field that is nowhere: a slice of it is made when it is asked for."""

    shape = (1, 2_000, 3_000)

    def __init__(self) -> None:
        self.largest = 0

    def __getitem__(self, at: tuple[slice, slice, slice]) -> np.ndarray:
        _, rows, columns = at
        out = np.zeros((1, rows.stop - rows.start, columns.stop - columns.start), np.float32)
        y, x = 1_234 - rows.start, 2_345 - columns.start
        if 0 <= y < out.shape[1] and 0 <= x < out.shape[2]:
            out[0, y, x] = 1
        self.largest = max(self.largest, out.size)
        return out


def test_no_more_than_a_tile_is_read_at_once() -> None:
    field = Counting()
    found = tiled(field, bright, tile=256, overlap=16, batch=2)
    assert found.boxes.tolist() == [[2_345, 1_234, 2_346, 1_235]]
    assert field.largest == 256**2


def test_what_makes_no_sense() -> None:
    with pytest.raises(OptionError, match="tile"):
        tiled(np.zeros((1, 9, 9), np.float32), bright, tile=64, overlap=64)
    with pytest.raises(OptionError, match="shape"):
        tiled(np.zeros((9, 9), np.float32), bright)
    assert len(tiled(np.zeros((1, 9, 9), np.float32), lambda x: bright(torch.zeros_like(x)))) == 0
