"""What an earlier version wrote is read by this one, and says the same; and can be gone on with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import ilk
from ilk.source.images import Images
from ilk.space import Space
from ilk.training.recipe import Recipe

from .make import SMALL

KEPT = sorted(p for p in Path(__file__).parent.iterdir() if (p / "told.json").exists())


@pytest.fixture(params=KEPT, ids=lambda p: p.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy: opening a space may write into its folder."""
    return Path(shutil.copytree(request.param, tmp_path / "kept"))


def test_there_is_one() -> None:
    assert KEPT


def test_a_space_answers_as_it_did(kept: Path) -> None:
    told = json.loads((kept / "told.json").read_text())
    space = Space.open(kept / "digits.space")
    assert space.search("03.png", 5).ids[0].tolist() == told["digits"]
    assert np.allclose(space.vectors()[3], told["vector"], atol=1e-5)
    assert space.layer("cluster").num_rows == 40
    assert space.info()["index"]["kind"] == "ivf"
    assert Space.open(kept / "texts.space").search("bright ring", 2).ids[0].tolist() == told["texts"]


def test_its_encoder_still_gives_the_same_vectors(kept: Path) -> None:
    space = Space.open(kept / "digits.space")
    pixels = (load_digits().images[:40] * 15).astype(np.uint8)
    assert np.abs(space.encode(pixels) - space.vectors()).max() < 1e-4


def test_it_can_be_gone_on_with(kept: Path) -> None:
    space = Space.open(kept / "digits.space")
    space.upsert_vectors(["new"], space.vectors()[:1] + np.float32(0.01))
    assert space.search(space.vectors()[0], 2).ids.shape == (1, 2)
    assert len(Space.open(space.path)) == 41


def test_a_run_goes_on_from_where_it_stopped(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = (load_digits().images[:40] * 15).astype(np.uint8)
    source = Images(pixels[:, None], [f"{i:02}.png" for i in range(40)])
    longer = Recipe(steps=5, batch=16, checks=1)
    space = ilk.learn(source, "simclr", out=kept / "digits", recipe=longer, **SMALL)
    assert "Going on from step 3 of the run" in capsys.readouterr().err
    assert len(space) == 40
