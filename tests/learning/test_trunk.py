"""Where a detector begins: anchors from the boxes, a trunk blank or learnt before; and `ilk.learn`."""

from pathlib import Path

import numpy as np
import pytest
import torch

import ilk
from ilk import encoders, saved
from ilk.encoders import Encoder, MapEncoder
from ilk.encoders.detector import Detector
from ilk.encoders.projected import evened
from ilk.errors import DataError, OptionError, UnknownName
from ilk.learning.trunk import detector_for, front, priors
from ilk.learning.usual import kind_for
from ilk.source.boxes import Boxed
from ilk.source.scenes import scenes
from ilk.training.recipe import Recipe

SMALL = {"width": 4, "pyramid": 8}


@pytest.fixture(scope="module")
def source() -> Boxed:
    return scenes(70, "digits", size=32, many=(1, 2))


def test_anchors_are_the_sides_that_boxes_have() -> None:
    """Three sorts of boxes, each with a little noise: their medians, the smallest first."""
    rng = np.random.default_rng(0)
    sorts = np.array([[10, 10], [40, 12], [30, 60]])
    sides = sorts.repeat(50, 0) * rng.uniform(0.9, 1.1, (150, 2))
    for seed in range(5):
        assert np.array(priors(sides, 3, seed)) == pytest.approx(sorts, rel=0.05)
    with pytest.raises(DataError, match="2 boxes to choose 3 anchors"):
        priors(sides[:2], 3)


@pytest.mark.parametrize(("side", "size"), [(3, 16), (9, 16), (16, 32), (23, 32), (40, 64), (900, 256)])
def test_a_blank_trunk_steps_down_so_that_things_fill_some_cells(side: int, size: int) -> None:
    """About nine cells of the finest map, whose stride is `size` / 16; the next is the first looked at."""
    pixels = np.zeros((2, 1, 1024, 1024), np.uint8)
    boxes = [np.array([[0, 0, side / 2, side * 2]]), np.zeros((0, 4))]
    source = Boxed(ilk.images(pixels), boxes, [np.zeros(1), np.zeros(0)])
    detector = detector_for(source, "convnet", 0, width=4)
    assert detector.encoder.size == size
    assert detector.strides == tuple(size // 16 * 2**i for i in (1, 2, 3))


def test_a_trunk_learnt_before_is_taken_as_it_is(source: Boxed, tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = encoders.build("convnet", source.pictures.traits, width=4)
    assert isinstance(before, MapEncoder)
    kept = {k: v.clone() for k, v in before.state_dict().items() if not k.startswith("head.")}
    saved.save(before, tmp_path / "plain", Encoder)
    saved.save(evened(before, source), tmp_path / "evened", Encoder)  # as `ilk learn` keeps it in a space
    saved.save(Detector(before, ["a"]), tmp_path / "detector", Encoder)
    for name in ("plain", "evened", "detector"):
        trunk = detector_for(source, "convnet", 0, start=tmp_path / name).encoder
        assert all(torch.equal(trunk.state_dict()[k], v) for k, v in kept.items()), name
    with pytest.raises(OptionError, match="Leave width out"):
        detector_for(source, "convnet", 0, start=tmp_path / "plain", width=8)
    with pytest.raises(OptionError, match="sees 1 channels; these have 3"):
        detector_for(scenes_of_colour(), "convnet", 0, start=tmp_path / "plain")
    saved.save(encoders.build("pixels", source.pictures.traits), tmp_path / "pixels", Encoder)
    with pytest.raises(OptionError, match="gives no maps"):
        detector_for(source, "convnet", 0, start=tmp_path / "pixels")


def scenes_of_colour() -> Boxed:
    pictures = ilk.images(np.zeros((2, 3, 32, 32), np.uint8))
    return Boxed(pictures, [np.zeros((0, 4))] * 2, [np.zeros(0)] * 2)


def test_where_nothing_is_known_of_things_the_trunk_is_the_usual() -> None:
    assert front(np.zeros((0, 2))) == 64


def test_learn_makes_a_detector_and_a_space_of_the_pictures(source: Boxed, tmp_path: Path) -> None:
    space = ilk.learn(
        source, "yolo", out=tmp_path / "scenes", recipe=Recipe(steps=2, batch=8, checks=1), **SMALL
    )
    assert len(space) == 70
    run = tmp_path / "scenes.run" / "yolo"
    detector = saved.load(run, Encoder)
    assert isinstance(detector, Detector)
    assert [*detector.classes] == list("0123456789")
    assert len(detector.find(source.batch(np.arange(3)))) == 3
    assert saved.fingerprint(space.encoder) == saved.fingerprint(detector)  # type: ignore[arg-type]
    assert "mAP@50" in (run / "health.json").read_text()


def test_which_data_are_boxes(source: Boxed) -> None:
    assert kind_for("yolo", "photos") == "boxes"
    assert kind_for("yolo", "labels.json") == "boxes"
    assert kind_for("yolo", source) == "boxes"
    assert kind_for("simclr", source) == "images"
    with pytest.raises(OptionError, match="yolo is for boxes, and the data are images"):
        ilk.learn(source.pictures, "yolo")
    with pytest.raises(UnknownName, match="levles"):
        ilk.learn(source, "yolo", levles=2)
    with pytest.raises(OptionError, match="ViT gives no maps"):
        ilk.learn(source, "yolo", encoder="vit", patch=4)
