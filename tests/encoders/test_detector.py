"""What cells say, and what is made of it: by hand, for each way of saying it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import encoders
from ilk.encoders import MapEncoder
from ilk.encoders._boxes import Anchors, Cells, Free, Grid
from ilk.encoders._boxes.free import BINS, boxes_to_sides, odds, sides_to_boxes
from ilk.encoders.detector import WAYS, Detector, _kept
from ilk.errors import OptionError, UnknownName
from ilk.things import Found

ANCHORS = [[8, 8], [12, 8], [16, 16], [20, 24], [30, 30], [40, 20]]


def trunk(**options: int) -> MapEncoder:
    made = encoders.build("convnet", {"channels": 1}, **({"size": 64, "width": 4} | options))
    assert isinstance(made, MapEncoder)
    return made


def cells(sides: tuple[int, ...] = (4, 2), stride: int = 8, picture: int = 32) -> Cells:
    maps = [torch.zeros(1, 1, n, n) for n in sides]
    return Cells.of(maps, [stride * 2**i for i in range(len(sides))], (picture, picture))


def test_cells_lie_row_by_row_level_by_level() -> None:
    some = cells()
    assert some.middles[:5].tolist() == [[4, 4], [12, 4], [20, 4], [28, 4], [4, 12]]
    assert some.middles[-4:].tolist() == [[8, 8], [24, 8], [8, 24], [24, 24]]
    assert some.strides.tolist() == [8] * 16 + [16] * 4
    assert some.level.tolist() == [0] * 16 + [1] * 4


def certain(bins: list[int]) -> Tensor:  # (4,) -> (1, 1, 4R)
    said = torch.full((4, BINS), -100.0)
    said[range(4), bins] = 100.0
    return said.view(1, 1, -1)


def test_free_by_hand() -> None:
    """From the middle (12, 4) of a cell of 8 pixels: 1 cell left, 0 up, 2 right, 3 down."""
    said = certain([1, 0, 2, 3]).expand(1, 20, -1), torch.zeros(1, 20, 3)
    boxes, scores = Free(2).read(said, cells())
    assert boxes[0, 1].tolist() == [4, 4, 28, 28]
    assert boxes[0, 16].tolist() == [-8, 8, 40, 56]  # of 16 pixels, about (8, 8)
    assert scores.unique().tolist() == [0.5]


def test_a_side_halfway_between_two_bins() -> None:
    said = torch.full((4, BINS), -100.0)
    said[:, 4:6] = 0.0  # as likely four cells away as five
    boxes, _ = Free(1).read((said.view(1, 1, -1).expand(1, 20, -1), torch.zeros(1, 20, 2)), cells())
    assert boxes[0, 0].tolist() == pytest.approx([4 - 36, 4 - 36, 4 + 36, 4 + 36], abs=1e-3)


def test_a_thing_is_told_apart_from_what_kind_it_is() -> None:
    """Log odds 1 of a thing; one kind is by 1 likelier than the mean of both, the other by 1 less."""
    assert odds(torch.tensor([1.0, 5.0, 3.0])).tolist() == [2, 0]
    assert odds(torch.tensor([-3.0, 9.0])).tolist() == [-3]  # of a single kind nothing is to be told
    first = Free(4).first()[1]
    assert odds(first).sigmoid().tolist() == pytest.approx([0.01] * 4)


def test_sides_and_boxes_are_each_others_way_back() -> None:
    some = cells()
    sides = torch.rand(3, 20, 4, generator=torch.Generator().manual_seed(0)) * 9 - 2
    torch.testing.assert_close(boxes_to_sides(sides_to_boxes(sides, some), some), sides)


def test_anchors_by_hand() -> None:
    """Nothing said is the anchor in the middle of its cell; log 2 doubles a side, a sigmoid moves it."""
    way = Anchors(1, [[8, 8], [16, 4], [32, 16], [20, 30]], 2)
    assert way.sizes.tolist() == [[[8, 8], [16, 4]], [[32, 16], [20, 30]]]
    told = torch.zeros(1, 20, 2, 5)
    told[0, 1, 0] = torch.tensor([math.log(3), 0, math.log(2), 0, 100.0])  # three quarters across the cell
    boxes, scores = way.read((told.flatten(2), torch.zeros(1, 20, 2)), cells())
    assert boxes.shape == (1, 40, 4)
    assert boxes[0, 2].tolist() == pytest.approx([6, 0, 22, 8])  # about (14, 4), 16 x 8
    assert boxes[0, 0].tolist() == [0, 0, 8, 8]
    assert boxes[0, 32].tolist() == [-8, 0, 24, 16]  # of the coarse level, about (8, 8)
    assert scores[0, 2].item() == pytest.approx(0.5)
    assert scores[0, 0].item() == pytest.approx(0.25)


def test_grid_by_hand() -> None:
    """A sigmoid of 0 is one half: the cell's middle, and a quarter of the picture, for it is a root."""
    way = Grid(2)
    boxes, scores = way.read((torch.zeros(1, 16, 10), torch.zeros(1, 16, 2)), cells((4,)))
    assert boxes.shape == (1, 32, 4)
    assert boxes[0, 2].tolist() == [8, 0, 16, 8]  # about (12, 4): 32 / 4 wide
    assert scores.unique().tolist() == [0.25]


@pytest.mark.parametrize("how", WAYS)
def test_finds_within_the_picture_the_surest_first(how: str) -> None:
    torch.manual_seed(0)
    detector = Detector(trunk(), ["a", "b"], how, 2, 8, ANCHORS)
    found = detector.find(torch.rand(3, 1, 50, 70), least=1e-4, most=20)
    assert len(found) == 3
    assert detector.training  # as before
    for one in found:
        assert 0 < len(one) <= 20
        assert (np.diff(one.scores) <= 0).all()
        assert (one.boxes >= 0).all()
        assert (one.boxes <= [70, 50, 70, 50]).all()
        assert set(one.classes.tolist()) <= {0, 1}


def test_doubles_are_one_thing() -> None:
    """The second shares two thirds of what both cover; the third is of another class, the last unsure."""
    boxes = torch.tensor([[4.0, 4, 20, 20], [4, 4, 28, 20], [4, 4, 20, 20], [0, 0, 9, 9]])
    scores, classes = torch.tensor([0.9, 0.8, 0.7, 0.1]), torch.tensor([1, 1, 0, 1])

    def kept(above: float = 0.5, soft: bool = False, most: int = 300) -> Found:
        return _kept(boxes, scores, classes, 0.25, above, soft, most)

    assert kept().boxes.tolist() == [[4, 4, 20, 20], [4, 4, 20, 20]]
    assert kept().classes.tolist() == [1, 0]
    assert kept(above=0.7).scores.tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert kept(above=0.7, most=1).scores.tolist() == pytest.approx([0.9])
    softer = kept(soft=True)
    assert softer.scores.tolist() == pytest.approx([0.9, 0.7, 0.8 * math.exp(-(4 / 9) / 0.5)])


def test_the_trunk_gives_its_last_layer_away_and_keeps_its_weights() -> None:
    before = trunk()
    kept = {k: v.clone() for k, v in before.state_dict().items() if not k.startswith("head.")}
    detector = Detector(before, ["thing"])
    own = detector.encoder.state_dict()
    assert own.keys() == kept.keys()
    assert all(torch.equal(own[k], v) for k, v in kept.items())


def test_what_is_refused() -> None:
    with pytest.raises(OptionError, match="gives no maps"):
        Detector(encoders.build("pixels", {"channels": 1, "size": 16}), ["a"])
    with pytest.raises(OptionError, match="1 to 4"):
        Detector(trunk(), ["a"], levels=5)
    with pytest.raises(OptionError, match="no classes"):
        Detector(trunk(), [])
    with pytest.raises(UnknownName, match="fre"):
        Detector(trunk(), ["a"], "fre")
    with pytest.raises(OptionError, match="5 anchors"):
        Detector(trunk(), ["a"], "anchors", 2, anchors=ANCHORS[:5])
