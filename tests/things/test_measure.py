"""Average precision against pycocotools on the same detections, and by hand; what goes wrong by name."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ilk.errors import OptionError
from ilk.things.errors import errors
from ilk.things.found import Found
from ilk.things.measure import measure


def found(*rows: tuple[float, float, float, float, float, int]) -> Found:
    x = np.array(rows, np.float64).reshape(-1, 6)
    return Found(x[:, :4].astype(np.float32), x[:, 4].astype(np.float32), x[:, 5].astype(np.int64))


def true(*rows: tuple[float, float, float, float, int]) -> tuple[np.ndarray, np.ndarray]:
    x = np.array(rows, np.float64).reshape(-1, 5)
    return x[:, :4].astype(np.float32), x[:, 4].astype(np.int64)


def test_by_hand() -> None:
    """Two things; found: one (0.9), nothing (0.8), the other (0.7): precision 1 to recall 1/2, then 2/3."""
    told = found((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.7, 0))
    got = measure([told], [true((0, 0, 10, 10, 0), (20, 0, 30, 10, 0))])
    assert got.ap50 == pytest.approx((51 + 50 * 2 / 3) / 101)  # recall 0 to .50 and .51 to 1
    assert got.ap == pytest.approx(got.ap50)
    assert got.curve[0, [0, 50, 51, 100]] == pytest.approx([1, 1, 2 / 3, 2 / 3])
    # F1: 2/3 from the first on, 2/4, then 4/5
    assert (got.best_score, got.precision, got.recall) == pytest.approx((0.7, 2 / 3, 1))
    assert got.sizes["small"] == pytest.approx((2, got.ap50, got.ap50))
    assert "mAP@50 0.835" in got.sentence()
    assert got.table().to_pylist()[0]["of"] == "thing"


def test_boxes_that_lie_badly_count_at_lower_overlaps_only() -> None:
    got = measure([found((0, 0, 10, 8, 0.9, 0))], [true((0, 0, 10, 10, 0))])  # IoU 0.8
    assert got.ap50 == 1
    assert got.ap == pytest.approx(0.7)  # 0.5 to 0.8, of ten


def drawn(seed: int, pictures: int, kinds: int) -> tuple[list[Found], list[tuple[np.ndarray, np.ndarray]]]:
    """Things of all sizes; detections near them, of wrong classes, twice, and of nothing."""
    rng = np.random.default_rng(seed)
    told, truth = [], []
    for _ in range(pictures):
        n = rng.integers(0, 9)
        side = np.exp(rng.uniform(1.5, 5.5, (n, 2)))
        corner = rng.uniform(0, 400, (n, 2))
        boxes, own = np.concatenate([corner, corner + side], 1), rng.integers(0, kinds, n)
        again = rng.integers(0, max(n, 1), rng.integers(0, 14) if n else 0)
        moved = boxes[again] + rng.normal(0, 0.08, (len(again), 4)) * side[again][:, [0, 1, 0, 1]]
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        kind = np.where(rng.random(len(again)) < 0.8, own[again], rng.integers(0, kinds, len(again)))
        free = rng.uniform(0, 300, (5, 2))
        moved = np.concatenate([moved, np.concatenate([free, free + rng.uniform(5, 150, (5, 2))], 1)])
        kind = np.concatenate([kind, rng.integers(0, kinds, 5)])
        scores = rng.integers(0, 40, len(moved)) / 40  # many are equal
        told.append(Found(moved.astype(np.float32), scores.astype(np.float32), kind.astype(np.int64)))
        truth.append((boxes.astype(np.float32), own))
    return told, truth


def by_pycocotools(told: list[Found], truth: list[Any], kinds: int, most: int) -> np.ndarray:
    """mAP@50:95, mAP@50, and mAP@50:95 of small, medium and large."""
    things = [
        {"image_id": i, "category_id": int(k), "bbox": corner_and_sides(b), "area": area(b), "iscrowd": 0}
        for i, (boxes, own) in enumerate(truth)
        for b, k in zip(boxes.astype(float), own)
    ]
    rows = [
        {"image_id": i, "category_id": int(k), "bbox": corner_and_sides(b), "score": float(s)}
        for i, f in enumerate(told)
        for b, s, k in zip(f.boxes.astype(float), f.scores, f.classes)
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": k} for k in range(kinds)],
        "annotations": [{"id": i + 1, **t} for i, t in enumerate(things)],  # an id of 0 counts as no match
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(rows), "bbox")
        judge.params.maxDets = [1, 2, most]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][..., 2]  # (T, R, K, areas)
    means = [precision[..., 0], precision[0, ..., 0], *(precision[..., a] for a in (1, 2, 3))]
    return np.array([p[p > -1].mean() for p in means])


def corner_and_sides(b: np.ndarray) -> list[float]:
    return [b[0], b[1], b[2] - b[0], b[3] - b[1]]


def area(b: np.ndarray) -> float:
    return float((b[2] - b[0]) * (b[3] - b[1]))


@pytest.mark.parametrize(("seed", "kinds", "most"), [(0, 1, 100), (1, 3, 100), (2, 5, 3)])
def test_as_pycocotools_counts(seed: int, kinds: int, most: int) -> None:
    told, truth = drawn(seed, 40, kinds)
    got = measure(told, truth, [str(k) for k in range(kinds)], most=most)
    ours = [got.ap, got.ap50, *(got.sizes[s][2] for s in ("small", "medium", "large"))]
    expected = by_pycocotools(told, truth, kinds, most)
    assert 0.05 < expected[0] < 0.9
    assert ours == pytest.approx(expected, abs=1e-6)


def test_what_goes_wrong_has_a_name() -> None:
    truth = true((0, 0, 10, 10, 0), (20, 0, 30, 10, 1), (40, 0, 50, 10, 0), (60, 0, 70, 10, 1))
    told = found(
        (0, 0, 10, 10, 0.9, 0),
        (1, 0, 11, 10, 0.8, 0),  # the first again
        (20, 0, 30, 10, 0.7, 0),  # the second, but of the other class
        (47, 0, 57, 10, 0.6, 0),  # 3 of 17 of the third
        (80, 0, 90, 10, 0.5, 1),  # nothing
    )
    confusion, wrong = errors([told, found()], [truth, true()], 2, 0.0)
    assert confusion.tolist() == [[1, 0, 1], [1, 0, 1], [2, 1, 0]]
    named = [(e.kind, e.found, e.true, round(e.weight, 3)) for e in wrong]
    assert named == [
        ("missed", None, 1, 1.0),
        ("missed", None, 0, round(1 - 3 / 17, 3)),
        ("twice", 0, 0, 0.8),
        ("confused", 0, 1, 0.7),
        ("misplaced", 0, 0, 0.6),
        ("invented", 1, None, 0.5),
    ]
    got = measure([told, found()], [truth, true()], ["cat", "dog"])
    assert got.best_score == pytest.approx(0.9)
    assert got.confusion.tolist() == [[1, 0, 1], [0, 0, 2], [0, 0, 0]]  # of what is that sure
    assert got.ap50_of[1] == 0
    assert got.things.tolist() == [2, 2]


def test_nothing_found_nothing_there() -> None:
    nothing = measure([found()], [true()])
    assert np.isnan(nothing.ap50)
    assert measure([found()], [true((0, 0, 1, 1, 0))]).ap50 == 0
    one = measure([found((0, 0, 1, 1, 0.5, 0))], [true()])
    assert np.isnan(one.ap)
    assert one.confusion.tolist() == [[0, 0], [1, 0]]
    assert [e.kind for e in one.errors] == ["invented"]
    with pytest.raises(OptionError, match="2 pictures"):
        measure([found(), found()], [true()])
    with pytest.raises(OptionError, match="classes 3 to 3"):
        measure([found((0, 0, 1, 1, 0.5, 3))], [true()])
