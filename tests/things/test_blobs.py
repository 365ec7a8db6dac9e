"""What stands out is found where it was planted, as large as it was planted."""

import numpy as np
import pytest

from ilk.errors import OptionError
from ilk.source.scenes import scenes
from ilk.things.blobs import blobs
from ilk.things.errors import overlaps


def field(*things: tuple[int, int, float, float], noise: float = 0.05, ring: bool = False) -> np.ndarray:
    """Discs (row, column, radius, light), or rings of them, in noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :120]
    out = noise * rng.standard_normal((1, 96, 120))
    for row, column, radius, light in things:
        apart = np.hypot(y - row, x - column)
        out[0] += light * ((apart <= radius) & (apart >= radius * 0.7 * ring))
    return out.astype(np.float32)


def box(row: int, column: int, radius: float) -> list[float]:
    return [column - radius, row - radius, column + radius + 1, row + radius + 1]


@pytest.mark.parametrize("ring", [False, True])
def test_discs_and_rings_of_all_sizes_have_their_boxes(ring: bool) -> None:
    planted = [(20, 20, 12.0, 1.0), (60, 80, 20.0, 0.6), (70, 20, 5.0, 0.8)]
    found = blobs(field(*planted, ring=ring))
    shared = overlaps(np.array([box(*p[:3]) for p in planted]), found.boxes)
    assert len(found) == 3
    assert shared.max(1).min() > 0.75
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.dtype == np.float32


def test_noise_alone_holds_nothing() -> None:
    assert len(blobs(field())) == 0
    assert len(blobs(np.full((3, 40, 40), 7, np.uint8))) == 0  # not even noise


def test_dark_things_are_found_when_they_are_asked_for() -> None:
    dark = field((40, 60, 10, -1.0))
    assert len(blobs(dark, largest=40, least=8)) == 0
    found = blobs(dark, any_light=True)
    assert overlaps(found.boxes[:1], np.array([box(40, 60, 10)])).item() > 0.7


def test_sides_bound_what_is_found() -> None:
    both = field((30, 30, 3, 1.0), (60, 80, 20, 1.0))
    small, large = blobs(both, largest=15), blobs(both, smallest=20)
    assert all(max(b[2] - b[0], b[3] - b[1]) <= 15 for b in small.boxes)
    assert overlaps(small.boxes, np.array([box(30, 30, 3)])).max() > 0.6
    assert overlaps(large.boxes[:1], np.array([box(60, 80, 20)])).item() > 0.7
    with pytest.raises(OptionError, match="smaller side first"):
        blobs(both, smallest=20, largest=10)


@pytest.mark.parametrize(("kind", "recall"), [("digits", 0.75), ("blackholes", 0.75)])
def test_most_of_what_is_planted_in_scenes_is_found(kind: str, recall: float) -> None:
    made = scenes(12, kind, seed=1)
    hits = told = things = 0
    for i, (own, _) in enumerate(made.boxes(np.arange(12))):
        found = blobs(made[i].numpy())
        hits += int((overlaps(own, found.boxes).max(1, initial=0) >= 0.5).sum())
        told, things = told + len(found), things + len(own)
    assert hits / things >= recall
    assert told < 2 * things
