"""Drawing by a small U-Net that has learnt in seconds: a number tells where a bar is, words how bright."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ilk.encoders import build
from ilk.encoders.latent import Latent
from ilk.encoders.unet import UNet
from ilk.errors import DataError, OptionError, UnknownName
from ilk.generate._asked import numbers_in
from ilk.generate._roughness import roughness
from ilk.generate.drawing import Drawing
from ilk.generate.pictures import paint
from ilk.learning.telling import told
from ilk.objectives.diffusion import Diffusion
from ilk.objectives.latent_diffusion import LatentDiffusion
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

SIZE = 8


def bars(n: int = 256) -> Images:
    """A bar, 2 pixels wide, its left edge at `at`; in words: bright or faint."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, SIZE - 1, n)
    pixels = np.zeros((n, 1, SIZE, SIZE), np.uint8)
    for i, left in enumerate(at):
        pixels[i, 0, :, left : left + 2] = 255 if i % 2 else 100
    says = ["bright" if i % 2 else "faint" for i in range(n)]
    columns = pa.table({"at": at.astype(float), "caption": says})
    return Images(pixels, [f"bar-{i}" for i in range(n)], columns=columns)


def place(pixels: np.ndarray) -> np.ndarray:
    """Where the middle of the light lies, in left edges of a bar."""
    light = np.clip(pixels, 0, 1).mean((1, 2))
    return (light * np.arange(SIZE)).sum(1) / light.sum(1) - 0.5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, path = bars(), tmp_path_factory.mktemp("bars") / "bars.run"
    torch.manual_seed(0)
    small = {"length": 16, "dim": 32, "width": 32, "depth": 1, "heads": 2, "dropout": 0.0}
    about = told(source, "at,caption", vocabulary=40)
    about["words"] = build("transformer", {}, tokenizer=about["words"].tokenizer, **small)
    unet = UNet(size=SIZE, width=16, levels=1, **about)
    recipe = Recipe(steps=130, batch=32, learning_rate=4e-3, checks=1)
    fit(Diffusion(unet, ema=0.98), source, recipe, run=path / "diffusion")
    return path


@pytest.fixture(scope="module")
def drawing(run: Path) -> Drawing:
    return Drawing.open(run)


def test_what_is_drawn_are_bars(drawing: Drawing) -> None:
    made = drawing.draw(n=64, steps=10)
    assert made.pixels.shape == (64, 1, SIZE, SIZE)
    assert made.vectors is not None
    nearest = torch.cdist(
        torch.from_numpy(made.pixels).flatten(1), bars().batch(np.arange(256)).flatten(1)
    ).min(1)[0]
    assert nearest.median() < 2.0  # two bars a pixel apart are 4 apart; noise is 8 from any
    assert np.ptp(place(made.pixels)) > 3


def test_they_stand_where_the_number_says(drawing: Drawing) -> None:
    for at in (1, 5):
        found = place(drawing.draw(n=24, where=f"at={at}", steps=8).pixels)
        assert abs(np.median(found) - at) < 1


def test_and_are_as_bright_as_the_words_say(drawing: Drawing) -> None:
    bright, faint = (drawing.draw(n=24, prompt=word, steps=8).pixels.mean() for word in ("bright", "faint"))
    assert bright > 0.2 > 0.14 > faint  # of true ones 0.25 and 0.1


def test_from_a_picture(drawing: Drawing) -> None:
    one = bars().pixels[:1]
    known = drawing.pixels(one).numpy()
    near, far = (
        np.abs(drawing.draw(n=8, image=one, strength=s, steps=12).pixels - known).mean() for s in (0.2, 1.0)
    )
    assert near < 0.1
    assert near < far / 2


def test_the_same_latent_gives_the_same_picture(drawing: Drawing, tmp_path: Path) -> None:
    made = drawing.draw(n=2, steps=5, seed=3)
    assert made.vectors is not None
    np.save(tmp_path / "noise.npy", made.vectors.reshape(2, 1, SIZE, SIZE))
    again = drawing.draw(latent=tmp_path / "noise.npy", steps=5, seed=9)
    np.testing.assert_allclose(again.pixels, made.pixels, atol=1e-5)


def test_only_what_the_mask_covers_is_drawn_anew(drawing: Drawing, tmp_path: Path) -> None:
    """The upper half of a bar is hidden: what is painted there goes on with the lower half."""
    at = bars().columns["at"].to_numpy()  # type: ignore[index]
    whole = bars().pixels[np.flatnonzero(at == 5)[:1]]
    broken = whole.copy()
    broken[:, :, :4] = 0
    Image.fromarray(broken[0, 0]).save(tmp_path / "one.png")
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = drawing.edit(tmp_path / "one.png", tmp_path / "mask.png", n=12, steps=40)
    assert len(made) == 13
    stays = np.repeat(made.pixels[:1, :, 4:], 12, 0)
    np.testing.assert_array_equal(made.pixels[1:, :, 4:], stays)
    np.testing.assert_allclose(stays, np.repeat(broken[:, :, 4:] / 255, 12, 0), atol=1e-6)
    above = made.pixels[1:, 0, :4].mean(1)  # (12, W)
    assert abs(np.median((np.clip(above, 0, 1) * np.arange(SIZE)).sum(1) / above.sum(1)) - 5.5) < 1


def test_noise_is_taken_off(drawing: Drawing) -> None:
    source = bars()
    clean = source.batch(np.arange(64))
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    found, taken = drawing.denoise(Images(noisy.numpy(), list(map(str, range(64)))), noise=0.3)
    assert taken == pytest.approx(np.full(64, 0.3))
    assert np.square(found.pixels - clean.numpy()).mean() < 0.3 * 0.3**2


def test_how_strong_noise_is() -> None:
    smooth = torch.linspace(0, 1, 64)[None, None, :, None] * torch.linspace(0, 1, 64)
    noise = torch.randn(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    spread = torch.tensor([0.01, 0.1, 1.0])
    found = roughness(smooth + spread[:, None, None, None] * noise)
    torch.testing.assert_close(found, spread, rtol=0.1, atol=0)


def test_on_maps_it_draws_as_told_too(tmp_path: Path) -> None:
    source = bars()
    torch.manual_seed(0)
    maps = Latent(size=SIZE, depth=2, side=4, width=8)
    unet = UNet(size=SIZE, width=16, levels=1, latent=maps, **told(source, "at"))
    recipe = Recipe(steps=100, batch=32, learning_rate=4e-3, checks=1)
    fit(LatentDiffusion(unet, ema=0.98), source, recipe, run=tmp_path)
    drawing = Drawing.open(tmp_path)
    for at in (1, 5):
        found = place(drawing.draw(n=16, where=f"at={at}", steps=8).pixels)
        assert abs(np.median(found) - at) < 1
    one, mask = source.pixels[:1], np.zeros((SIZE, SIZE), np.uint8)
    mask[:3, :3] = 255
    made = drawing.edit(one, mask, n=2, steps=4).pixels
    changed = np.abs(made[1:] - made[:1]).max((0, 1)) > 0
    assert not changed[3:].any()
    assert not changed[:, 3:].any()
    assert changed[:3, :3].any()


def test_a_run_is_painted_from(run: Path) -> None:
    assert len(paint(run, n=2, where="at=3", steps=3)) == 2
    with pytest.raises(UnknownName, match="option of this model called 'truncation'"):
        paint(run, truncation=0.5)


def test_numbers_as_they_are_written() -> None:
    assert numbers_in("spin=0.9 inclination=60") == {"spin": 0.9, "inclination": 60}
    assert numbers_in("spin = -.5, p=1e-3") == {"spin": -0.5, "p": 1e-3}
    assert numbers_in({"spin": 1}) == {"spin": 1.0}
    for wrong in ("spin", "spin=", "spin=high", "spin=0.9x"):
        with pytest.raises(OptionError, match="no number with a name"):
            numbers_in(wrong)


def test_what_is_refused(drawing: Drawing, tmp_path: Path) -> None:
    one, whole = bars().pixels[:1], np.full((SIZE, SIZE), 255, np.uint8)
    with pytest.raises(OptionError, match="at is 50; the model has learnt from 0 to 6"):
        drawing.draw(where="at=50")
    with pytest.raises(UnknownName, match="number of this model called 'spin'"):
        drawing.draw(where="spin=0.9")
    with pytest.raises(OptionError, match=r"the prompt has \d+ pieces, and the model reads 14"):
        drawing.draw(prompt="bright " * 20)
    with pytest.raises(OptionError, match="the mask covers all"):
        drawing.edit(one, whole)
    with pytest.raises(OptionError, match="the mask covers nothing"):
        drawing.edit(one, whole * 0)
    with pytest.raises(OptionError, match="the mask has"):
        drawing.edit(one, np.zeros((SIZE, 2 * SIZE), np.uint8))
    with pytest.raises(OptionError, match="a latent of shape"):
        drawing.draw(latent=np.zeros((1, 1, 5, 5)))
    with pytest.raises(OptionError, match="strength is 0"):
        drawing.draw(image=one, strength=0)
    with pytest.raises(OptionError, match=r"pictures of \(3, 8, 8\)"):
        drawing.denoise(Images(np.zeros((1, 3, 8, 8), np.float32), ["0"]))
    with pytest.raises(OptionError, match="noise is -1"):
        drawing.denoise(one, noise=-1)
    with pytest.raises(DataError, match="no run"):
        Drawing.open(tmp_path / "nothing")


def test_a_model_that_was_told_nothing_says_so() -> None:
    plain = Drawing(UNet(size=SIZE, width=8, levels=1).eval(), {})
    for asked in ({"prompt": "a bar"}, {"where": "at=1"}):
        with pytest.raises(OptionError, match="draw after nothing"):
            plain.draw(**asked)  # type: ignore[arg-type]
    numbers = {"at": {"mean": 0.0, "spread": 1.0, "low": -2.0, "high": 2.0}}
    with pytest.raises(OptionError, match="learnt no words"):
        Drawing(UNet(size=SIZE, width=8, levels=1, numbers=numbers).eval(), {}).draw(prompt="a bar")


def test_what_is_left_unsaid_changes_nothing_but_itself() -> None:
    """What is not told is a token of its own."""
    torch.manual_seed(0)
    numbers = {n: {"mean": 0.0, "spread": 1.0, "low": -2.0, "high": 2.0} for n in ("a", "b")}
    unet = UNet(size=SIZE, width=8, levels=1, numbers=numbers).eval()
    x, t = torch.randn(3, 1, SIZE, SIZE), torch.full((3,), 0.5)
    given = torch.tensor([[0.5, 1.0], [0.5, torch.nan], [torch.nan, torch.nan]])
    with torch.no_grad():
        each = unet.clean(x, t, unet.context(3, given))
        nothing = unet.clean(x, t, unet.context(3))
    torch.testing.assert_close(each[2], nothing[2])
    assert not torch.allclose(each[0], nothing[0])
    assert F.mse_loss(each[1], nothing[1]) > 0
