"""What a detector learns: assignment against a search over all cells, each loss by a value worked by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import encoders
from ilk.encoders import Encoder, MapEncoder
from ilk.encoders._boxes import Anchors, Cells, Free, Grid
from ilk.encoders._boxes.free import BINS, boxes_to_sides
from ilk.encoders.detector import WAYS, Detector
from ilk.errors import OptionError
from ilk.objectives._boxes import anchors, free, grid
from ilk.objectives._boxes.assign import ALPHA, BEST, BETA, aligned
from ilk.objectives._boxes.wanted import cell_of, owners, padded
from ilk.objectives.yolo import LAST, YOLO
from ilk.source.boxes import Boxed
from ilk.source.images import Images
from ilk.source.scenes import scenes
from ilk.things.overlap import iou
from ilk.training.fit import fit
from ilk.training.recipe import Recipe


def cells(sides: tuple[int, ...] = (4, 2), stride: int = 8, picture: int = 32) -> Cells:
    maps = [torch.zeros(1, 1, n, n) for n in sides]
    return Cells.of(maps, [stride * 2**i for i in range(len(sides))], (picture, picture))


def wanted(*boxes: tuple[float, float, float, float, int]) -> Tensor:  # (1, M, 5)
    return torch.tensor([boxes], dtype=torch.float32)


def a_trunk() -> MapEncoder:
    made = encoders.build("convnet", {"channels": 1}, size=64, width=4)
    assert isinstance(made, MapEncoder)
    return made


@pytest.fixture(scope="module")
def source() -> Boxed:
    return scenes(80, "digits", size=64, many=(1, 3))


def test_padded_boxes_keep_their_classes_and_say_where_there_is_none() -> None:
    one = (np.array([[1, 2, 3, 4]], np.float32), np.array([7]))
    none = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert padded([one, none]).tolist() == [[[1, 2, 3, 4, 7]], [[-1] * 5]]
    assert padded([none]).shape == (1, 1, 5)


def by_search(chances: Tensor, boxes: Tensor, some: Cells, want: Tensor) -> tuple[list[int], list[float]]:
    """Of one picture: which box each cell learns (-1: none) and how sure it shall be; cell by cell."""
    suits: dict[tuple[int, int], float] = {}
    for m, (x0, y0, x1, y1, kind) in enumerate(want.tolist()):
        if kind < 0:
            continue
        inside = [a for a, (x, y) in enumerate(some.middles.tolist()) if x0 < x < x1 and y0 < y < y1]
        if not inside:
            far = [(x - (x0 + x1) / 2) ** 2 + (y - (y0 + y1) / 2) ** 2 for x, y in some.middles.tolist()]
            inside = [far.index(min(far))]
        by = {
            a: chances[a, int(kind)].item() ** ALPHA * iou(want[m, None, :4], boxes[a, None]).item() ** BETA
            for a in inside
        }
        for a in sorted(by, key=lambda a: -by[a])[:BEST]:
            suits[m, a] = by[a]
    learns, sure = [-1] * len(boxes), [0.0] * len(boxes)
    for a in range(len(boxes)):
        takers = [m for m, b in suits if b == a]
        if takers:
            learns[a] = max(takers, key=lambda m: iou(want[m, None, :4], boxes[a, None]).item())
    for m in {*learns} - {-1}:
        own = [a for a in range(len(boxes)) if learns[a] == m]
        most = max(suits[m, a] for a in own)
        best = max(iou(want[m, None, :4], boxes[a, None]).item() for a in own)
        for a in own:
            sure[a] = suits[m, a] / most * best if most else 0.0
    return learns, sure


@pytest.mark.parametrize("seed", range(12))
def test_assignment_is_what_a_search_over_all_cells_finds(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    some, B, M = cells((8, 4), 8, 64), 2, 5
    middle = some.middles + torch.randn(B, 80, 2, generator=rng) * 3
    size = 8 + 24 * torch.rand(B, 80, 2, generator=rng)
    boxes = torch.cat([middle - size / 2, middle + size / 2], 2)
    corner, side = torch.rand(B, M, 2, generator=rng) * 44, 2 + 30 * torch.rand(B, M, 2, generator=rng)
    kinds = torch.randint(-1, 3, (B, M, 1), generator=rng).float()
    want = torch.cat([corner, corner + side, kinds], 2)
    chances = torch.rand(B, 80, 3, generator=rng)
    found = aligned(chances, boxes, some, want)
    for b in range(B):
        learns, sure = by_search(chances[b], boxes[b], some, want[b])
        assert torch.where(found.learns[b], found.box[b], -1).tolist() == learns
        assert found.weight[b].tolist() == pytest.approx(sure, abs=1e-5)


def test_a_thing_between_all_middles_is_learnt_by_the_nearest() -> None:
    some = cells()
    found = aligned(torch.full((1, 20, 1), 0.5), torch.rand(1, 20, 4) * 32, some, wanted((15, 5, 17, 7, 0)))
    (rows,) = found.learns[0].nonzero(as_tuple=True)
    assert rows.tolist() == [1]  # (12, 4) and (20, 4) are as far: the first


def test_two_bins_share_a_side_by_how_near_they_are() -> None:
    """Between 2 and 3, a quarter of the way: -(3/4 log p2 + 1/4 log p3), here 3/4 log 4 + 1/4 log 2."""
    chances = torch.full((BINS,), 0.25 / (BINS - 2))
    chances[2], chances[3] = 0.25, 0.5
    told = chances.log().expand(1, 4, BINS)
    loss = free.between(told, torch.full((1, 4), 2.25))
    assert loss.tolist() == [[pytest.approx(0.75 * math.log(4) + 0.25 * math.log(2))] * 4]
    assert free.between(told, torch.full((1, 4), -3.0))[0, 0].item() == pytest.approx(
        -math.log(0.25 / (BINS - 2))
    )  # what lies beyond the ends is held at them


def test_free_by_hand() -> None:
    """One cell says the box, but for two pixels on the right; all are as sure as not.

    The box (8, 8, 24, 24) has the middles of four fine cells and none of the coarse ones within. Each says
    sides of 8 x 16 / 15 ... so only the one that fits is looked at: the others say boxes far away.
    """
    some, way = cells(), Free(2)
    want = wanted((8, 8, 24, 24, 1), (-1, -1, -1, -1, -1))
    said = torch.full((1, 20, 4, BINS), -1e3)
    said[..., 0] = 0.0  # a box without area
    true = boxes_to_sides(want[:, :1, :4].expand(-1, 20, -1), some)[0, 5]  # from (12, 12): 0.5, 0.5, 1.5, 1.5
    for side, far in enumerate(true.tolist()):
        low = math.floor(far)
        said[0, 5, side] = -1e3
        said[0, 5, side, low] = said[0, 5, side, low + 1] = 0.0  # half and half: the true place
    kinds = torch.zeros(1, 20, 3)
    terms = free.loss(way, (said.flatten(2), kinds), some, want)
    # One cell fits exactly: its weight, and the sum, is 1; its CIoU is 1, each side's cross-entropy log 2
    assert terms["place"].item() == pytest.approx(0, abs=1e-4)
    assert terms["side"].item() == pytest.approx(free.SIDE * math.log(2), rel=1e-4)
    assert terms["name"].item() == pytest.approx(free.NAME * math.log(2), rel=1e-4)  # of two classes
    # Of 40 chances of one half each costs log 2, whatever it is to be
    assert terms["kind"].item() == pytest.approx(free.KIND * 40 * math.log(2), rel=1e-4)


def test_the_right_kind_rises_and_the_others_fall() -> None:
    """A cell's gradient on the three kinds is -2 : 1 : 1 where all are as likely: nothing else moves them."""
    some, want = cells(), wanted((8, 8, 24, 24, 1))
    said = torch.zeros(1, 20, 4 * BINS), torch.zeros(1, 20, 4, requires_grad=True)
    free.loss(Free(3), said, some, want)["kind"].backward()
    assert said[1].grad is not None
    moved = said[1].grad[0, :, 1:]
    rows = moved.abs().sum(1) > 0
    assert rows.tolist() == aligned(torch.full((1, 20, 3), 0.5), *_boxes(some), want).learns[0].tolist()
    wrong = moved[rows][:, [0, 2]]
    torch.testing.assert_close(moved[rows][:, 1:2].expand(-1, 2), -2 * wrong)
    assert (wrong > 0).all()


def _boxes(some: Cells) -> tuple[Tensor, Cells]:
    """What is said where all bins are as likely."""
    return Free(3).read((torch.zeros(1, 20, 4 * BINS), torch.zeros(1, 20, 4)), some)[0], some


def test_without_a_thing_only_the_chances_are_learnt() -> None:
    said = torch.zeros(1, 20, 4 * BINS, requires_grad=True), torch.zeros(1, 20, 3, requires_grad=True)
    terms = free.loss(Free(2), said, cells(), wanted((-1, -1, -1, -1, -1)))
    assert terms["place"].item() == terms["side"].item() == terms["name"].item() == 0
    assert terms["kind"].item() == pytest.approx(free.KIND * 40 * math.log(2))
    torch.stack(list(terms.values())).sum().backward()
    assert said[0].grad is not None  # zeros, not nothing: processes wait for each other's
    assert not said[0].grad.any()
    assert said[1].grad is not None
    assert said[1].grad[..., 0].all()
    assert not said[1].grad[..., 1:].any()  # where nothing is, no kind is learnt


def test_the_cell_of_a_middle_and_the_last_of_two_in_it() -> None:
    some = cells()
    want = wanted((10, 10, 14, 14, 0), (8, 8, 16, 16, 1), (0, 0, 31, 31, 0), (-1, -1, -1, -1, -1))
    place = cell_of(want, some, torch.tensor([[0, 0, 1, 0]]))
    assert place[0, :3].tolist() == [5, 5, 16]
    assert owners(place, want, 20)[0].tolist() == [-1] * 5 + [1] + [-1] * 10 + [2] + [-1] * 3


SIZES = [[8, 8], [16, 4], [32, 16], [20, 30]]


def test_anchors_by_hand() -> None:
    """A box of 16 x 8 about (14, 5): the anchor 8 x 8 (IoU 1/2; 16 x 4 too, but it comes later)."""
    way, some = Anchors(1, SIZES, 2), cells()
    want = wanted((6, 1, 22, 9, 0))
    said = torch.zeros(1, 20, 10), torch.zeros(1, 20, 2)
    terms = anchors.loss(way, said, some, want)
    # The cell about (12, 4): 14 is 3/4 across, 5 is 5/8 down, said is 1/2; log 2 wider than the anchor
    small = 2 - 16 * 8 / 32**2
    assert terms["place"].item() == pytest.approx(small * (0.25**2 + 0.125**2 + math.log(2) ** 2), rel=1e-5)
    assert terms["kind"].item() == pytest.approx(math.log(2))
    # All 40 boxes are as likely as not. None but the right one overlaps it by more than half:
    # 16 x 4 in the same cell shares 14 x 4 of 136
    assert terms["thing"].item() == pytest.approx(40 * math.log(2), rel=1e-5)


def test_what_overlaps_a_thing_but_is_not_its_own_says_nothing() -> None:
    way, some = Anchors(1, SIZES, 2), cells()
    told = torch.zeros(1, 20, 2, 5)
    told[0, 1, 1, 2:4] = torch.tensor([0.0, math.log(2)])  # 16 x 4 grown to 16 x 8 about (12, 4)
    terms = anchors.loss(way, (told.flatten(2), torch.zeros(1, 20, 2)), some, wanted((4, 0, 20, 8, 0)))
    assert terms["thing"].item() == pytest.approx(39 * math.log(2), rel=1e-5)


def test_grid_by_hand() -> None:
    """All is said to be one half (a root of 1/4: 8 pixels wide); the box is 16 x 8 about (14, 5)."""
    way, some = Grid(2), cells((4,))
    terms = grid.loss(way, (torch.zeros(1, 16, 10), torch.zeros(1, 16, 2)), some, wanted((6, 1, 22, 9, 1)))
    off = 0.25**2 + 0.125**2 + (math.sqrt(0.5) - 0.5) ** 2 + 0
    assert terms["place"].item() == pytest.approx(5 * off, rel=1e-5)
    overlap = 8 * 7 / (64 + 128 - 56)  # of (8, 0, 16, 8)
    assert terms["sure"].item() == pytest.approx((0.5 - overlap) ** 2, rel=1e-5)
    assert terms["nothing"].item() == pytest.approx(0.5 * 31 * 0.25)
    assert terms["kind"].item() == pytest.approx(0.25 + 0.25)


def test_of_a_cells_boxes_the_one_that_fits_best_is_responsible() -> None:
    way, some = Grid(1), cells((4,))
    told = torch.zeros(1, 16, 2, 5)
    told[0, 1, 1, 2] = math.log(math.sqrt(0.5) / (1 - math.sqrt(0.5)))  # 16 pixels wide
    want = wanted((4, 0, 20, 8, 0))
    terms = grid.loss(way, (told.flatten(2), torch.zeros(1, 16, 1)), some, want)
    assert terms["place"].item() == pytest.approx(0, abs=1e-9)
    assert terms["sure"].item() == pytest.approx(0.25)  # said one half, fits wholly


@pytest.mark.parametrize("how", WAYS)
def test_every_way_learns_to_find_things(how: str) -> None:
    """Bright squares on black, by heart: each is found where it is, and hardly anything else."""
    rng = np.random.default_rng(0)
    pixels, boxes = np.zeros((8, 1, 32, 32), np.uint8), []
    for picture in pixels:
        x, y = rng.integers(2, 18, 2)
        picture[0, y : y + 12, x : x + 12] = 255
        boxes.append(np.array([[x, y, x + 12, y + 12]], np.float32))
    held = Boxed(Images(pixels, list("abcdefgh")), boxes, [np.zeros(1, np.int64)] * 8)
    torch.manual_seed(0)
    trunk = encoders.build("convnet", {"channels": 1}, size=32, width=8)
    assert isinstance(trunk, MapEncoder)
    detector = Detector(trunk, ["square"], how, 2, 16, [[8, 8], [12, 12]])
    objective, rows = YOLO(detector, augment=None), np.arange(8)
    optimiser = torch.optim.AdamW(objective.parameters(), 1e-2)
    for _ in range(60 if how == "free" else 120):  # the older ways take longer
        terms = objective.loss(held.batch(rows), *objective.beside(held, rows), progress=0.0)
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()
    share = objective.map50(held, rows)
    assert share is not None
    assert share > 0.9


def test_a_trunk_that_stays_is_not_touched(source: Boxed, tmp_path: Path) -> None:
    detector = Detector(a_trunk(), [*source.classes], pyramid=8)
    before = {k: v.clone() for k, v in detector.encoder.state_dict().items()}
    recipe = Recipe(steps=2, batch=8, checks=1, held_out=0.2)
    learnt = fit(YOLO(detector, trunk=0.0, augment="digits"), source, recipe, run=tmp_path)
    assert isinstance(learnt, Detector)
    assert all(torch.equal(learnt.encoder.state_dict()[k], v) for k, v in before.items())


def test_a_run_cut_short_goes_on_to_the_same_weights(source: Boxed, tmp_path: Path) -> None:
    def run(name: str, *steps: int) -> Encoder:
        for n in steps:
            torch.manual_seed(0)
            objective = YOLO(Detector(a_trunk(), [*source.classes], pyramid=8), augment="digits", mosaic=1.0)
            recipe = Recipe(steps=n, batch=8, checks=1, held_out=0.2, warmup=0.0)
            learnt = fit(objective, source, recipe, run=tmp_path / name)
        return learnt

    whole = run("whole", 1, 3).state_dict()  # the schedule hangs on the budget: both runs meet it at step 1
    again = run("again", 1, 3).state_dict()
    assert all(torch.equal(whole[k], v) for k, v in again.items())


def test_the_verdict_is_what_it_finds(source: Boxed, tmp_path: Path) -> None:
    objective = YOLO(Detector(a_trunk(), [*source.classes], pyramid=8), augment="digits")
    fit(objective, source, Recipe(steps=2, batch=8, checks=2, held_out=0.2), run=tmp_path)
    assert '"map50": ' in (tmp_path / "health.json").read_text()
    assert "mAP@50" in (tmp_path / "health.json").read_text()


def test_no_mosaics_towards_the_end() -> None:
    objective = YOLO(Detector(a_trunk(), ["a"], pyramid=8), augment="digits", mosaic=1.0)
    x, want = torch.rand(4, 1, 32, 32), wanted((4, 4, 28, 28, 0)).expand(4, -1, -1)

    def most() -> int:
        torch.manual_seed(0)
        return int((objective.given(x, want)[1][..., 4] >= 0).sum(1).max())

    assert most() > 1
    objective.after_step(LAST)
    assert most() == 1


def test_what_is_refused(source: Boxed) -> None:
    with pytest.raises(OptionError, match="finds nothing"):
        YOLO(a_trunk())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="trunk is 2"):
        YOLO(Detector(a_trunk(), ["a"]), trunk=2)
    with pytest.raises(OptionError, match="Images says nothing of boxes"):
        YOLO(Detector(a_trunk(), ["a"])).beside(source.pictures, np.arange(2))
