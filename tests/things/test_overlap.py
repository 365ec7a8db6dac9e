"""Overlap against worked values; suppression against the plain loop."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.errors import OptionError
from ilk.things.found import Found, together
from ilk.things.overlap import ciou, iou, softened, suppress


def boxes(*rows: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor(rows)


def test_iou_of_worked_boxes() -> None:
    a = boxes((0, 0, 4, 4), (0, 0, 2, 2))
    b = boxes((2, 2, 6, 6), (0, 0, 4, 4), (4, 0, 8, 4))
    assert iou(a, b).flatten().tolist() == pytest.approx([4 / 28, 1, 0, 0, 4 / 16, 0])
    assert iou(a[None].expand(3, -1, -1), b[None].expand(3, -1, -1)).shape == (3, 2, 3)
    assert iou(boxes((1, 1, 1, 1)), boxes((1, 1, 1, 1))).item() == 0  # no area: no overlap, and no NaN


def test_ciou_of_worked_boxes() -> None:
    # Side by side, 4 x 4 each: no overlap; middles 4 apart in a box of 8 x 4 around both; the same shape.
    assert ciou(boxes((0, 0, 4, 4)), boxes((4, 0, 8, 4))).item() == pytest.approx(-16 / 80)
    # 4 x 2 within 4 x 4, same middle: IoU 1/2; v = 4/pi^2 (atan 2 - atan 1)^2, alpha = v / (1/2 + v).
    v = 4 / math.pi**2 * (math.atan(2) - math.atan(1)) ** 2
    expected = 0.5 - v * v / (0.5 + v)
    assert ciou(boxes((0, 1, 4, 3)), boxes((0, 0, 4, 4))).item() == pytest.approx(expected, abs=1e-6)
    same = boxes((3, 5, 9, 8), (0, 0, 1, 1))
    assert ciou(same, same).tolist() == pytest.approx([1, 1])


def test_ciou_draws_boxes_together_from_afar() -> None:
    near, far = boxes((8.0, 0, 10, 2)), boxes((0.0, 0, 2, 2)).requires_grad_()
    target = boxes((20.0, 0, 22, 2))
    assert ciou(far, target).item() < ciou(near, target).item() < 0  # where IoU is 0 for both
    ciou(far, target).sum().backward()
    assert far.grad is not None
    assert far.grad[0, [0, 2]].sum() > 0  # its middle should go right


def plain(x: np.ndarray, scores: np.ndarray, classes: np.ndarray, above: float) -> list[int]:
    """Non-maximum suppression as it is told in one sentence."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if all(classes[i] != classes[j] or one(x[i], x[j]) <= above for j in kept):
            kept.append(int(i))
    return kept


def one(a: np.ndarray, b: np.ndarray) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inner = across * down if across > 0 and down > 0 else 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    return inner / both if both > 0 else 0.0


def plain_soft(x: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> list[tuple[int, float]]:
    left, out = dict(enumerate(scores.tolist())), []
    while left:
        i = max(left, key=lambda r: (left[r], -r))
        score = left.pop(i)
        if score < 1e-3:
            break
        out.append((i, score))
        for j in left:
            if classes[i] == classes[j]:
                left[j] *= math.exp(-(one(x[i], x[j]) ** 2) / 0.5)
    return out


def drawn(n: int, kinds: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole corners, many touching and equal; scores in steps, so that some are equal."""
    rng = np.random.default_rng(seed)
    corner, side = rng.integers(0, 30, (n, 2)), rng.integers(0, 20, (n, 2))
    x = np.concatenate([corner, corner + side], 1).astype(np.float32)
    return x, (rng.integers(0, 50, n) / 50).astype(np.float32), rng.integers(0, kinds, n)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 60), st.integers(1, 4), st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.5, 0.73, 1.0])
)
def test_suppression_is_the_plain_loop(n: int, kinds: int, seed: int, above: float) -> None:
    x, scores, classes = drawn(n, kinds, seed)
    tensors = torch.from_numpy(x), torch.from_numpy(scores), torch.from_numpy(classes)
    assert suppress(*tensors, above=above).tolist() == plain(x.astype(float), scores, classes, above)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(1, 3), st.integers(0, 10**6))
def test_soft_suppression_is_the_plain_loop(n: int, kinds: int, seed: int) -> None:
    x, _, classes = drawn(n, kinds, seed)
    scores = np.random.default_rng(seed + 1).random(n)  # all unequal: ties have no order
    rows, new = softened(torch.from_numpy(x), torch.from_numpy(scores), torch.from_numpy(classes))
    expected = plain_soft(x.astype(float), scores, classes)
    assert rows.tolist() == [i for i, _ in expected]
    assert new.tolist() == pytest.approx([s for _, s in expected])
    assert torch.equal(
        suppress(torch.from_numpy(x), torch.from_numpy(scores), torch.from_numpy(classes), soft=True), rows
    )


def test_without_classes_all_are_one() -> None:
    x, scores = boxes((0, 0, 4, 4), (0, 0, 4, 3)), torch.tensor([0.5, 0.9])
    assert suppress(x, scores).tolist() == [1]
    assert suppress(x, scores, torch.tensor([0, 1])).tolist() == [1, 0]
    with pytest.raises(OptionError, match="IoU"):
        suppress(x, scores, above=50)


def test_found() -> None:
    found = Found(np.eye(4, dtype=np.float32)[:2], np.array([0.5, 0.75], np.float32), np.array([1, 0]))
    turned = found.take(np.array([1, 0])).moved(10, 20)
    assert turned.boxes.tolist() == [[10, 21, 10, 20], [11, 20, 10, 20]]
    both = together([found, turned])
    assert both.classes.tolist() == [1, 0, 0, 1]
    assert len(together([])) == 0
    with pytest.raises(OptionError, match="shapes"):
        Found(found.boxes, found.scores[:1], found.classes)
