"""What moves a picture moves its boxes: a drawn square's box follows the square."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ilk.errors import OptionError
from ilk.source._box_views import LEAST, BoxViews, compact
from ilk.source.views import Preset

SIDE = 48
STILL = Preset(clamp=True)
MOVED = Preset(flip_x=0.5, flip_y=0.5, clamp=True)
TURNED = Preset(flip_x=0.5, turn=(-8, 8), clamp=True)


def squares(corners: list[tuple[int, int, int, int]]) -> tuple[Tensor, Tensor]:
    """One white rectangle on black in each picture, and its box; all of the same class, 3."""
    x, wanted = torch.zeros(len(corners), 1, SIDE, SIDE), torch.full((len(corners), 2, 5), -1.0)
    for i, (left, top, wide, high) in enumerate(corners):
        x[i, 0, top : top + high, left : left + wide] = 1
        wanted[i, 0] = torch.tensor([left, top, left + wide, top + high, 3])
    return x, wanted


def around(picture: Tensor, level: float) -> list[float]:
    """The smallest box around all pixels brighter than that."""
    rows, columns = (picture > level).any(1).nonzero(), (picture > level).any(0).nonzero()
    if not len(rows):
        return []
    return [float(v) for v in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)]


rectangle = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(8, 18), st.integers(8, 18))


@settings(max_examples=25, deadline=None)
@given(st.lists(rectangle, min_size=1, max_size=6), st.integers(0, 2**31), st.sampled_from([MOVED, TURNED]))
def test_the_box_follows_the_square(
    corners: list[tuple[int, int, int, int]], seed: int, preset: Preset
) -> None:
    torch.manual_seed(seed)
    x, wanted = BoxViews(preset, mosaic=0)(*squares(corners))
    for picture, boxes in zip(x[:, 0], wanted):
        seen = around(picture, 0.6)
        if boxes[0, 4] < 0:  # cut off: little of it is left
            assert not seen or (picture > 0.6).sum() <= LEAST * 18 * 18 / 0.7**2 + 2 * SIDE
            continue
        assert boxes[0, 4] == 3
        # A blurred edge is half as bright within a pixel of where it is; a turned corner is dimmer still
        slack = 1.5 if preset is MOVED else 3.0
        assert seen
        assert boxes[0, :4].tolist() == pytest.approx(seen, abs=slack)


@settings(max_examples=15, deadline=None)
@given(st.lists(rectangle, min_size=4, max_size=6), st.integers(0, 2**31))
def test_in_a_mosaic_every_box_has_its_square(corners: list[tuple[int, int, int, int]], seed: int) -> None:
    torch.manual_seed(seed)
    x, wanted = BoxViews(MOVED, mosaic=1)(*squares(corners))
    for picture, boxes in zip(x[:, 0], wanted):
        for x0, y0, x1, y1, kind in boxes[boxes[:, 4] >= 0].tolist():
            assert kind == 3
            inner = picture[round(y0) + 1 : round(y1) - 1, round(x0) + 1 : round(x1) - 1]
            if inner.numel():
                assert inner.min() > 0.5  # bright throughout: two squares cannot lie across each other


def test_most_of_what_is_bright_in_a_mosaic_lies_in_a_box() -> None:
    torch.manual_seed(0)
    x, wanted = BoxViews(MOVED, mosaic=1)(*squares([(10, 12, 16, 14)] * 64))
    inside = torch.zeros(64, SIDE, SIDE, dtype=torch.bool)
    for i, boxes in enumerate(wanted):
        for x0, y0, x1, y1, kind in boxes.round().int().tolist():
            if kind >= 0:
                inside[i, max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = True
    bright = x[:, 0] > 0.5
    assert (bright & inside).sum() > 0.8 * bright.sum()  # the rest: less than LEAST of a thing, cut off
    assert (wanted[..., 4] >= 0).sum(1).max() > 2  # of four


def test_nothing_is_changed_where_nothing_may_change() -> None:
    x, wanted = squares([(3, 5, 9, 12), (20, 20, 8, 8)])
    views = BoxViews(STILL, mosaic=0, zoom=(1, 1))
    torch.manual_seed(3)
    seen, boxes = views(x, wanted)
    moved = boxes[:, 0, :2] - wanted[:, 0, :2]  # shifts remain
    torch.testing.assert_close(boxes[:, 0, 2:4] - wanted[:, 0, 2:4], moved)
    assert seen.shape == x.shape
    assert moved.abs().max() < 0.11 * SIDE


def test_beyond_the_edge_lies_no_mirrored_thing() -> None:
    """A square at the edge, zoomed out: the margin shows none of it, and its box is whole."""
    x, wanted = squares([(0, 16, 12, 12)] * 8)
    torch.manual_seed(0)
    seen, boxes = BoxViews(STILL, mosaic=0, zoom=(1.4, 1.4))(x, wanted)
    assert (boxes[:, 0, 4] == 3).all()
    for picture, box in zip(seen[:, 0], boxes[:, 0]):
        assert around(picture, 0.5) == pytest.approx(box[:4].tolist(), abs=1.5)


def test_sides_vary_by_whole_strides() -> None:
    x, wanted = torch.rand(2, 3, 128, 96), torch.tensor([[[10.0, 10, 40, 40, 0]]] * 2)
    views = BoxViews("natural", mosaic=0, zoom=(1, 1), mixed=0.4)
    torch.manual_seed(0)
    shapes = {tuple(views(x, wanted)[0].shape[2:]) for _ in range(20)}
    assert len(shapes) > 2
    assert all(h % 32 == w % 32 == 0 and 64 <= h <= 192 and 32 <= w <= 160 for h, w in shapes)


def test_boxes_come_first_and_take_no_more_room_than_needed() -> None:
    none, a, b = [-1.0] * 5, [1.0, 1, 2, 2, 0], [3.0, 3, 4, 4, 1]
    wanted = torch.tensor([[none, a, none, b], [none, none, b, none]])
    assert compact(wanted).tolist() == [[a, b], [b, none]]
    assert compact(torch.tensor([[none, none]])).shape == (1, 1, 5)


def test_colours_are_those_of_views() -> None:
    x, wanted = squares([(10, 10, 20, 20)])
    torch.manual_seed(0)
    bright = Preset(brightness=(0.5, 0.5))
    seen, boxes = BoxViews(bright, mosaic=0, zoom=(1, 1))(x, wanted)
    left, top, right, bottom = (round(v) for v in boxes[0, 0, :4].tolist())
    assert seen[0, 0, top + 2 : bottom - 2, left + 2 : right - 2].unique().tolist() == [0.5]


@pytest.mark.parametrize("wrong", [{"mosaic": 1.5}, {"mixed": 1.0}, {"zoom": (0.0, 1.0)}, {"zoom": (2, 1)}])
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        BoxViews("auto", **wrong)  # type: ignore[arg-type]
