"""What encoders make of changes, with encoders whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk.analysis.invariance import Change, Invariance, changed, invariance
from ilk.encoders import Encoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError
from ilk.source.images import Images, images
from ilk.space import Space

N, SIDE = 80, 16


class Light(Encoder):
    """Knows how bright a picture is on the whole, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = 1

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((1, 2, 3))[:, None]


def spots(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """(N, 1, side, side) spots with a tail, in the middle, each as long and bright as it likes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    long, wide, light = rng.uniform((0.12, 0.1, 0.5), (0.4, 0.2, 1), (N, 3)).T[:, :, None, None]
    tail = np.where(x > 0, long, 0.12)
    spot = 200 * light * np.exp(-((x / tail) ** 2) - (y / wide) ** 2)
    return np.asarray(spot[:, None], np.uint8)


def filled(path: Path, source: Images, encoder: Encoder | None = None) -> Space:
    space = Space.create(path, encoder or Pixels(1, SIDE), reading=source.reading, metric="l2")
    space.upsert(source)
    return space


def by_kind(found: Invariance) -> dict[str, Change]:
    return {c.kind: c for c in found.changes}


@pytest.fixture(scope="module")
def of_pixels(tmp_path_factory: pytest.TempPathFactory) -> Invariance:
    return invariance(filled(tmp_path_factory.mktemp("spots") / "s.space", images(spots())))  # of thumbnails


def test_values_by_hand(of_pixels: Invariance) -> None:
    x = spots()[:, 0].reshape(N, -1) / 255.0
    usual = np.median(np.linalg.norm(x - np.roll(x, N // 2, 0), axis=1))
    dimmed = by_kind(of_pixels)["flux"]
    for i, strength in enumerate(dimmed.strengths):
        by_hand = np.median((1 - strength) * np.linalg.norm(x, axis=1)) / usual
        assert dimmed.moved[i].value == pytest.approx(by_hand, rel=1e-4)
        assert dimmed.moved[i].low <= by_hand <= dimmed.moved[i].high


def test_a_flip_of_what_is_symmetric_is_nothing(of_pixels: Invariance) -> None:
    """These spots are the same above and below, and have a tail to the right."""
    found = by_kind(of_pixels)
    upside, mirror = found["upside down"], found["mirror"]
    assert upside.moved[0].value == pytest.approx(0, abs=1e-6)
    assert (upside.found[0].value, upside.verdict) == (1, "lost")
    assert mirror.moved[0].value > 0.1
    assert mirror.verdict == "carried"


def test_more_of_a_change_moves_further_and_loses_more(of_pixels: Invariance) -> None:
    for change in of_pixels.changes:
        moved, kept = ([m.value for m in measures] for measures in (change.moved, change.found))
        assert moved == sorted(moved)
        assert kept == sorted(kept, reverse=True)
    table = of_pixels.table().to_pylist()
    assert len(table) == 6 * 3 + 2
    assert table[3] | {"change": "rotation", "strength": "5 degrees"} == table[3]
    assert "--normalise shift,rotation" in of_pixels.sentence()


def test_what_an_encoder_carries_and_what_it_has_lost(tmp_path: Path) -> None:
    found = invariance(filled(tmp_path / "light.space", images(spots()), Light()))
    verdicts = {c.kind: c.verdict for c in found.changes}
    assert verdicts["flux"] == "carried"
    assert {verdicts[k] for k in ("mirror", "upside down", "blur", "shift")} == {"lost"}
    assert "shift, " in found.sentence().partition("Of ")[2].partition(" they hold nothing")[0]


def test_what_is_taken_out_does_not_move(tmp_path: Path, of_pixels: Invariance) -> None:
    data = spots(side=48)
    options = {"rotation": True, "shift": True, "scale": False, "flux": False}
    space = filled(tmp_path / "out.space", images(data, normalise=options), Pixels(1, 48))
    found = invariance(space, data)
    assert found.removed == ("shift", "rotation")
    plain, out = by_kind(of_pixels), by_kind(found)
    for kind in ("shift", "rotation"):
        assert out[kind].moved[-1].value < 0.3 * plain[kind].moved[-1].value
    assert out["mirror"].moved[0].value < 0.3 * plain["mirror"].moved[0].value  # a turn brings the tail back
    with pytest.raises(DataError, match="thumbnails say less"):
        invariance(space)
    with pytest.raises(DataError, match="normalised already"):
        invariance(space, images(data, normalise=options))


def test_changes_by_hand() -> None:
    x = torch.zeros(2, 1, 9, 9)
    x[:, 0, 4, 6] = 1  # two to the right of the middle
    draw, right = torch.Generator().manual_seed(0), torch.tensor([1e-9, 1e-9])
    turned = changed(x, "rotation", 90, torch.tensor([1.0, -1.0]), draw)
    assert {int(t.flatten().argmax()) for t in turned} == {2 * 9 + 4, 6 * 9 + 4}
    assert changed(x, "shift", 1 / 9, right, draw)[0, 0, 4].argmax() == 5
    assert changed(x, "scale", 2, right, draw)[0, 0, 4].argmax() == 8
    assert changed(x, "blur", 0.1, right, draw)[0, 0, 4, 6] < 0.5
    noisy = changed(x.expand(2, 50, 9, 9), "noise", 0.5, right, draw) - x
    assert float(noisy.std()) == pytest.approx(0.5 * float(x[0].std(correction=0)), rel=0.05)


def test_few_pictures_and_no_pictures(tmp_path: Path) -> None:
    space = filled(tmp_path / "few.space", images(spots()[:10]))
    with pytest.raises(DataError, match="10 pictures"):
        invariance(space)
    same = filled(tmp_path / "same.space", images(np.repeat(spots()[:1], 30, 0)))
    with pytest.raises(DataError, match="one and the same"):
        invariance(same)
