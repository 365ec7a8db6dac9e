"""`learn`, from data to a space. Whole runs of a few steps on 8 x 8 digits."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits

from ilk import saved
from ilk.encoders import Encoder
from ilk.errors import IlkError, OptionError, UnknownName
from ilk.learning import job
from ilk.learning.learn import learn
from ilk.learning.usual import USUAL, Usual, check
from ilk.source.images import Images
from ilk.space import Space
from ilk.training.recipe import Recipe

FEW = Recipe(steps=3, batch=16, checks=1)
SMALL = {"dim": 6, "width": 4}


def digits(n: int = 80) -> Images:
    data = load_digits()
    pixels = (data.images[:n, None] * 15).astype(np.uint8)  # (n, 1, 8, 8)
    columns = pa.table({"kind": [f"a {t}" for t in data.target[:n]]})
    return Images(pixels, [f"{i:03d}.png" for i in range(n)], columns=columns)


def state(space: Space) -> tuple[Any, ...]:
    return space.ids(), space.fingerprint, space.vectors().tobytes()


def test_makes_a_run_and_a_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = learn(digits(), "pca", out=tmp_path / "d", dim=5)
    assert (space.path, len(space), space.dim) == (tmp_path / "d.space", 80, 5)
    assert space.metadata().column_names == ["kind"]
    assert saved.load(tmp_path / "d.run" / "pca", Encoder).dim == 5  # type: ignore[type-abstract]
    out, err = capsys.readouterr()
    assert out == ""
    assert "Learning by pca from 80 samples.\n" in err
    assert "held-out samples find their own other view among all; effective rank" in err
    assert "batch" not in err  # there are no batches here


def test_vectors_are_the_encoder_s_own(tmp_path: Path) -> None:
    source = digits()
    space = learn(source, "simclr", out=tmp_path / "d", recipe=FEW, **SMALL)
    encoder = space.encoder
    assert np.allclose(space.encode(source), space.vectors(), atol=1e-5)
    assert saved.describe(encoder)["class"] == "projected"  # a network without a way back is whitened
    assert saved.describe(encoder)["keywords"]["encoder"]["keywords"]["width"] == 4
    spread = np.cov(space.vectors().T)
    evened = np.diag(spread)
    assert (np.diff(evened) < 1e-5).all()  # what little there was is not blown up to the width of the rest
    assert 0.6 < evened[0] < 1
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 0.05
    assert space.decoder is None


def test_a_decoder_is_kept_and_fits_its_encoder(tmp_path: Path) -> None:
    source = digits(300)
    recipe = Recipe(steps=80, batch=64, checks=1, learning_rate=5e-3)
    space = learn(source, "autoencoder", out=tmp_path / "d", recipe=recipe, dim=8, width=8)
    assert saved.describe(space.encoder)["class"] == "convnet"  # not whitened: the decoder knows it as it is
    assert space.decoder is not None
    x = source.batch(np.arange(300))
    again = space.decoder(space.encoder(x)).detach()
    blank = (x - x.mean(0)).square().mean()
    assert (x - again).square().mean() < 0.7 * blank  # far better than the mean picture


@pytest.mark.parametrize("objective", ["pca", "simclr"])
def test_the_same_call_goes_on_and_changes_nothing(tmp_path: Path, objective: str) -> None:
    options = {} if objective == "pca" else SMALL
    first = state(learn(digits(), objective, out=tmp_path / "d", recipe=FEW, **options))
    assert state(learn(digits(), objective, out=tmp_path / "d", recipe=FEW, **options)) == first
    shutil.rmtree(tmp_path / "d.space")  # as when killed between the run and the space
    assert state(learn(digits(), objective, out=tmp_path / "d", recipe=FEW, **options)) == first


def test_the_seed_decides(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> str:
        recipe = Recipe(steps=3, batch=16, checks=1, seed=seed)
        return learn(digits(), "simclr", out=tmp_path / name, recipe=recipe, **SMALL).fingerprint

    assert made("a", 1) == made("b", 1) != made("c", 2)


def test_more_data_later(tmp_path: Path) -> None:
    learn(digits(40), "pca", out=tmp_path / "d", dim=5)
    assert learn(digits(80), "pca", out=tmp_path / "d", dim=5).ids() == digits(80).ids


def test_another_objective_under_one_name_is_refused(tmp_path: Path) -> None:
    before = state(learn(digits(), "pca", out=tmp_path / "d", dim=5))
    with pytest.raises(OptionError, match="another objective\nGive another name"):
        learn(digits(), "random", out=tmp_path / "d", dim=5)
    assert state(Space.open(tmp_path / "d.space")) == before


def test_rows_added_since_are_not_thrown_away(tmp_path: Path) -> None:
    learn(digits(40), "pca", out=tmp_path / "d", dim=5).upsert(digits(44))
    with pytest.raises(OptionError, match="holds 4 rows that are not in the data to learn from"):
        learn(digits(40), "pca", out=tmp_path / "d", dim=5)
    assert len(Space.open(tmp_path / "d.space")) == 44


@pytest.mark.parametrize(
    ("objective", "options", "told"),
    [
        ("simcrl", {}, "no objective called 'simcrl'\nDid you mean 'simclr'?"),
        ("simclr", {"tmperature": 1}, "no option of simclr called 'tmperature'\nDid you mean 'temperature'?"),
        ("simclr", {"encoder": "convent"}, "no encoder called 'convent'\nDid you mean 'convnet'?"),
        ("pca", {"temperature": 1}, "no option of pca called 'temperature'\nKnown: dim, power, whiten."),
        ("auto", {"temperature": 1}, "no option of auto called 'temperature'"),
        ("pixels", {"dim": 3}, "dim is 3\nThe vectors of pixels cannot have another length."),
        ("simclr", {"dim": 0}, "dim is 0\nGive 1 or more."),
        ("pca", {"whiten": "much"}, "whiten is 'much'\nGive a number."),
        ("colorize", {}, "colorize takes the colours out of pictures"),
        ("simclr", {"projector": {3}}, "an option of simclr cannot be kept"),
        ("pca", {"label": "sort"}, "no metadata column called 'sort'\nKnown: kind."),
    ],
)
def test_what_is_wrong_is_found_before_anything_is_touched(
    tmp_path: Path, objective: str, options: dict[str, Any], told: str
) -> None:
    before = state(learn(digits(40), "pca", out=tmp_path / "d", dim=5))
    with pytest.raises(IlkError) as e:
        learn(digits(40), objective, out=tmp_path / "d", replace=True, **options)
    assert str(e.value).startswith(told)
    assert state(Space.open(tmp_path / "d.space")) == before


@pytest.mark.parametrize(("objective", "options"), [("moco", {"queue": 0}), ("mae", {"encoder": "convnet"})])
def test_a_value_that_makes_no_sense_leaves_no_half_made_run(
    tmp_path: Path, objective: str, options: dict[str, Any]
) -> None:
    with pytest.raises(IlkError):
        learn(digits(40), objective, out=tmp_path / "d", **options)
    assert list(tmp_path.iterdir()) == []
    assert len(learn(digits(40), "pca", out=tmp_path / "d", dim=5)) == 40  # nothing stands in the way


def test_options_that_a_caller_takes_himself_are_among_the_known() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'minutes'\?"):
        check("auto", "convnet", None, {"minuts": 3}, others=["minutes"])
    check("simclr", "convnet", 16, {"temperature": 0.3, "width": 8})


def test_data_that_cannot_be_read_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(IlkError, match="there is no 'nothing'"):
        learn(tmp_path / "nothing", out=tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_auto_trains_no_network_on_a_handful(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = learn(digits(60), out=tmp_path / "d")
    err = capsys.readouterr().err
    assert "60 samples are too few to train a network on.\n" in err
    kept = err.splitlines()[-1].removesuffix(" is kept.").split()[-1]
    assert {p.name for p in (tmp_path / "d.run").iterdir() if p.is_dir()} == {"patches", kept}
    assert len(space) == 60


@pytest.mark.parametrize(("slow", "kept"), [("random", "patches"), ("pixels", "pixels")])
def test_auto_keeps_the_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, slow: str, kept: str
) -> None:
    """By labels, of one held-out sample in ten; against what is known to be worse, and to be better."""
    quick = "patches" if slow == "random" else "random"
    monkeypatch.setitem(USUAL, "images", Usual(quick, slow, "pca", "convnet"))
    monkeypatch.setattr(job, "ENOUGH", 200)
    recipe = Recipe(steps=3, batch=16, checks=1, held_out=0.3)
    space = learn(digits(200), out=tmp_path / "d", recipe=recipe, label="kind")
    expected = saved.fingerprint(saved.load(tmp_path / "d.run" / kept, Encoder))  # type: ignore[type-abstract]
    assert space.fingerprint == expected
    assert f"{kept} is kept." in capsys.readouterr().err


def test_auto_really_asks_both_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "ENOUGH", 200)
    space = learn(digits(256), out=tmp_path / "d", recipe=FEW)
    err = capsys.readouterr().err
    assert "d.space is ready to be looked at. Next: does simclr do better?" in err
    scores = [line for line in err.splitlines() if line.startswith("found again: patches ")]
    assert len(scores) == 1
    kept = scores[0].split("; ")[1].split()[0]
    assert (tmp_path / "d.run" / "simclr" / "encoder.safetensors").exists()
    assert (saved.describe(space.encoder)["keywords"].get("encoder", {}).get("class") == "convnet") == (
        kept == "simclr"
    )
    space.write_layer("mark", pa.table({"id": ["000.png"], "m": [1]}), {})
    before = state(space)
    again = learn(digits(256), out=tmp_path / "d", recipe=FEW)
    assert state(again) == before
    assert again.layers() == ["mark"]  # the better one was never out of its place
