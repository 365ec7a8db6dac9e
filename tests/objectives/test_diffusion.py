"""Diffusion, on pixels and on maps: the loss by hand, what follows what, what is said and what not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import ilk
from ilk import saved
from ilk.encoders import Encoder, build, encode
from ilk.encoders._noise import noised
from ilk.encoders.convnet import ConvNet
from ilk.encoders.latent import Latent
from ilk.encoders.unet import UNet
from ilk.errors import DataError, OptionError, UnknownName
from ilk.generate.drawing import Drawing
from ilk.learning.telling import told
from ilk.objectives.diffusion import Diffusion
from ilk.objectives.latent_diffusion import LatentDiffusion
from ilk.objectives.vae import divergence
from ilk.source.images import Images

from ..contract import samples

AT = {"mean": 3.0, "spread": 2.0, "low": 0.0, "high": 6.0}


def small(**options: object) -> UNet:
    torch.manual_seed(0)
    return UNet(size=16, width=8, levels=1, patch=2, **options)  # type: ignore[arg-type]


def described(n: int = 24) -> Images:
    """Digits, with what may be said of them."""
    source = samples.images(n=n)
    numbers = [None if i == 2 else i / 2 for i in range(n)]
    words = ["" if i == 3 else f"picture {i % 5}" for i in range(n)]
    columns = pa.table({"half": numbers, "says": words, "more": words, "same": [1.0] * n, "i": range(n)})
    return Images(source.pixels, source.ids, columns=columns)


@pytest.mark.parametrize(("size", "cell"), [(13, 1), (28, 2), (50, 4)])
def test_pictures_of_any_size_in_cells(size: int, cell: int) -> None:
    torch.manual_seed(0)
    unet = UNet(2, size, width=8, levels=3).eval()
    assert unet.cell == cell
    x = torch.randn(2, 2, size, size)
    with torch.no_grad():
        assert unet.told_of(x, torch.tensor([0.2, 0.9])).shape == x.shape
        torch.testing.assert_close(unet.shown(unet.given(x)), x, rtol=1e-4, atol=1e-4)
        assert unet(x).shape == (2, unet.dim)


@pytest.mark.parametrize("guess", ["v", "noise", "clean"])
def test_the_loss_of_a_network_that_guesses_nothing(guess: str) -> None:
    objective = Diffusion(small(guess=guess)).eval()
    for part in objective.encoder.net.paint.parameters():
        torch.nn.init.zeros_(part)
    x, t, noise, unsaid = objective.views(samples.images().batch(np.arange(16)))
    loss = objective.loss(x, t, noise, unsaid, progress=0.5)["noise"]
    a, laid = objective.encoder.noise.angle(t)[:, None, None, None], objective.encoder.given(x)
    wanted = {
        "v": (a.cos() * noise - a.sin() * laid).square(),
        "noise": noise.square(),
        "clean": laid.square() / a.sin().square().clamp(min=1 / 5),
    }[guess]
    torch.testing.assert_close(loss, wanted.mean())


def test_times_are_spread_over_the_whole() -> None:
    torch.manual_seed(0)
    _, t, noise, _ = Diffusion(small()).views(samples.images().batch(np.arange(20)))
    assert sorted((t * 20).long().tolist()) == list(range(20))
    assert noise.std().item() == pytest.approx(1, abs=0.05)


def test_what_is_kept_follows_fast_then_slowly() -> None:
    objective = Diffusion(small(), ema=0.5)
    with torch.no_grad():
        weight = objective.encoder.net.paint.weight
        before = objective.teacher.encoder.net.paint.weight.clone()
        weight.add_(1.0)
    for n, stays in ((1, 1 / 10), (2, 2 / 11)):
        was = objective.teacher.encoder.net.paint.weight.clone()
        objective.after_step(0.0)
        expected = stays * was + (1 - stays) * weight
        torch.testing.assert_close(objective.teacher.encoder.net.paint.weight, expected)
        assert int(objective.steps) == n
    objective.steps.fill_(1000)
    was = objective.teacher.encoder.net.paint.weight.clone()
    objective.after_step(0.0)
    torch.testing.assert_close(objective.teacher.encoder.net.paint.weight, (was + weight) / 2)
    assert not torch.equal(before, was)
    assert objective.kept is objective.teacher.encoder


def test_what_is_unsaid_makes_no_difference() -> None:
    source = described()
    objective = Diffusion(small(**told(source, "half,says", vocabulary=60))).eval()
    rows = np.arange(6)
    x, t, noise, unsaid = objective.views(source.batch(rows))
    numbers, ids, real = objective.beside(source, rows)
    assert numbers[:, 0].tolist()[:2] == [0.0, 0.5]
    assert numbers[2].isnan().all()
    assert (ids.shape, real.shape) == (ids.shape, ids.shape)
    assert unsaid.shape == (6, 2)

    def loss(unsaid: torch.Tensor, numbers: torch.Tensor, ids: torch.Tensor) -> float:
        with torch.no_grad():
            return objective.loss(x, t, noise, unsaid, numbers, ids, real, progress=0.5)["noise"].item()

    everything, nothing = torch.zeros_like(unsaid), torch.ones_like(unsaid)
    other = ids.flip(0)
    assert loss(nothing, numbers, ids) == pytest.approx(loss(nothing, numbers + 1, other))
    assert loss(everything, numbers, ids) != loss(everything, numbers + 1, ids)
    assert loss(everything, numbers, ids) != loss(everything, numbers, other)
    only_words = torch.tensor([[False, True]]).expand(6, 2)
    assert loss(only_words, numbers, ids) == pytest.approx(loss(only_words, numbers + 1, ids))


def test_what_comes_back_is_1_for_one_who_knows() -> None:
    """A network that guesses v of pictures that are all the same: only its weights can know them."""
    objective, source = Diffusion(small()), samples.images(n=64)
    rows = np.arange(32)
    torch.manual_seed(0)
    assert objective.given_back(source, rows) < 0.9
    unet = objective.teacher.encoder
    x = unet.given(source.batch(rows))
    unet.clean = lambda seen, t, told: x  # type: ignore[method-assign]
    assert objective.given_back(source, rows) == pytest.approx(1)


def test_telling_what_columns_hold() -> None:
    source = described()
    found = told(source, ["half", "says"], vocabulary=60)
    assert found["text"] == "says"
    assert found["numbers"]["half"] == pytest.approx(
        {"mean": np.mean(x := np.delete(np.arange(24) / 2, 2)), "spread": x.std(), "low": 0, "high": 11.5}
    )
    with pytest.raises(UnknownName, match="metadata column called 'spin'"):
        told(source, "spin")
    with pytest.raises(OptionError, match="says and more are texts"):
        told(source, "says,more")
    with pytest.raises(DataError, match="same has no two different values"):
        told(source, "same")


def test_words_of_a_saved_network_stay_as_they_are(tmp_path: Path) -> None:
    source = described()
    tower = told(source, "says", vocabulary=60)["words"]
    saved.save(tower, tmp_path, Encoder)
    unet = small(**told(source, "says", words=str(tmp_path)))
    assert isinstance(unet.words, Encoder)
    assert saved.fingerprint(unet.words) == saved.fingerprint(tower)
    assert not any(p.requires_grad for p in unet.words.parameters())
    with pytest.raises(OptionError, match="gives a text as one vector"):
        small(words=build("convnet", {}), text="says")


def test_learnt_by_name_drawn_from_the_run_and_from_the_space(tmp_path: Path) -> None:
    space = ilk.learn(
        described(),
        "diffusion",
        out=tmp_path / "digits",
        recipe=ilk.Recipe(steps=3, batch=8, checks=1),
        condition="half",
        width=8,
        levels=1,
        patch=2,
    )
    assert space.info()["encoder"] == "projected"
    for run in (tmp_path / "digits.run", tmp_path / "digits.space"):
        made = Drawing.open(run).draw(n=2, where="half=3", steps=2)
        assert made.pixels.shape == (2, 1, 16, 16)
        assert np.isfinite(made.pixels).all()


def on_maps(**options: object) -> LatentDiffusion:
    unet = UNet(size=16, width=8, levels=1, latent=Latent(size=16, depth=3, side=4, width=8))
    return LatentDiffusion(unet, **options)  # type: ignore[arg-type]


def test_maps_and_pictures_of_them() -> None:
    for size, side, cells in ((16, 4, 4), (20, 5, 5), (28, 8, 7), (13, 4, 4)):
        latent = Latent(2, size, 3, side, width=8).eval()
        x = torch.randn(4, 2, size, size)
        maps = latent.maps(x)
        assert maps.shape == (4, 3, cells, cells)
        assert latent(x).shape == (4, latent.dim)
        assert latent.pictures(maps).shape == x.shape


def test_an_autoencoder_that_is_given_to_a_plain_network() -> None:
    objective = LatentDiffusion(small(), depth=2, side=4)
    assert (objective.latent.depth, objective.latent.cells) == (2, 4)
    assert objective.encoder.net.start.in_channels == 2 * 2**2  # maps are cut into patches too
    assert LatentDiffusion(objective.encoder).encoder is objective.encoder


def test_the_autoencoders_terms_by_hand() -> None:
    objective = on_maps(beta=0.5).eval()
    batch = samples.images().batch(np.arange(16))
    torch.manual_seed(0)
    x, t, noise, unsaid, chance = objective.views(batch)
    assert noise.shape == chance.shape == (16, 3, 4, 4)
    with torch.no_grad():
        terms = objective.loss(x, t, noise, unsaid, chance, progress=0.1)
        maps = objective.latent.maps(x)
        wide = objective.latent.wide(maps)
        drawn = objective.latent.standard(maps + (wide / 2).exp() * chance)
        off = (drawn - objective.latent.standardise(x)).square().mean()
        z = noised(objective.encoder.laid(maps), noise, objective.encoder.noise.angle(t)[:, None, None, None])
        assert z.shape == noise.shape
    torch.testing.assert_close(terms["reconstruction"], off)
    expected = 0.5 * 2 / 256 * divergence(maps.flatten(1), wide.flatten(1))
    torch.testing.assert_close(terms["divergence"], expected)


def test_the_network_does_not_shape_the_maps_and_in_the_end_nothing_does() -> None:
    objective = on_maps(share=0.5)
    views = objective.views(samples.images().batch(np.arange(16)))
    objective.loss(*views, progress=0.2)["noise"].backward()
    assert all(p.grad is None for p in objective.latent.parameters())
    objective.zero_grad()
    terms = objective.loss(*views, progress=0.7)
    assert terms.keys() == {"held", "noise"}
    torch.stack(list(terms.values())).sum().backward()
    assert terms["held"].item() == 0
    assert not any(p.grad.any() for p in objective.latent.parameters())
    assert any(p.grad.any() for p in objective.encoder.net.parameters())


def test_a_judge_is_asked(tmp_path: Path) -> None:
    saved.save(ConvNet(1, 16, 8, width=4).eval(), tmp_path, Encoder)
    objective = on_maps(judge=str(tmp_path))
    views = objective.views(samples.images().batch(np.arange(8)))
    terms = objective.loss(*views, progress=0.0)
    assert 0 <= terms["judged"].item() <= 2
    terms["judged"].backward()
    assert any(p.grad is not None and p.grad.any() for p in objective.latent.parameters())


def test_a_rival_and_the_autoencoder_learn_each_from_its_own_term() -> None:
    objective = on_maps(rival=0.5, share=0.5)
    views = objective.views(samples.images().batch(np.arange(8)))
    assert objective.critic is not None
    rivals, others = [*objective.critic.parameters()], [*objective.latent.back.parameters()]
    terms = objective.loss(*views, progress=0.0)
    terms["rival"].backward(retain_graph=True)
    assert all(p.grad is not None for p in rivals)
    assert all(p.grad is None for p in others)
    objective.zero_grad()
    terms["fooled"].backward()
    assert all(p.grad is None for p in rivals)
    assert any(p.grad is not None and p.grad.any() for p in others)
    with torch.no_grad():
        same = objective.critic.terms(views[0], views[0], 0.5)
        told = objective.critic(views[0])
    assert same["fooled"].item() == pytest.approx(-0.5 * told.mean().item())
    hinges = (1 - told).clamp(min=0).mean() + (1 + told).clamp(min=0).mean()
    assert same["rival"].item() == pytest.approx(hinges.item(), rel=1e-5)
    assert objective.loss(*views, progress=0.7).keys() == {"held", "noise"}


def test_a_mask_and_noise_on_maps() -> None:
    objective = on_maps()
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 5, 9] = 1  # one pixel: the cell it lies in is drawn anew
    region = objective.encoder.region(mask)
    assert region.shape == (1, 1, 4, 4)
    assert region.nonzero().tolist() == [[0, 0, 1, 2]]
    with pytest.raises(OptionError, match="knows noise on maps"):
        Drawing(objective.encoder.eval(), {}).denoise(samples.images(), noise=0.1)


def test_saved_with_all_that_it_needs(tmp_path: Path) -> None:
    source = described()
    latent = Latent(size=16, depth=2, side=4, width=8)
    unet = UNet(size=16, width=8, levels=1, latent=latent, **told(source, "half,says", vocabulary=60)).eval()
    saved.save(unet, tmp_path, Encoder)
    again = saved.load(tmp_path, Encoder)
    x = source.batch(np.arange(4))
    torch.testing.assert_close(encode(again, x), encode(unet, x))
    assert saved.fingerprint(again) == saved.fingerprint(unet)


def test_what_is_refused() -> None:
    with pytest.raises(OptionError, match="ConvNet knows no noise"):
        Diffusion(ConvNet())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="this U-Net works on maps"):
        Diffusion(on_maps().encoder)
    for wrong in ({"ema": 1.0}, {"silent": -0.1}):
        with pytest.raises(OptionError, match="Give shares"):
            Diffusion(small(), **wrong)
    with pytest.raises(OptionError, match="share is 0"):
        on_maps(share=0)
    with pytest.raises(UnknownName, match="schedule of noise"):
        small(schedule="cosin")
    with pytest.raises(UnknownName, match="guess of a network"):
        small(guess="e")
    with pytest.raises(OptionError, match="width is 9"):
        UNet(width=9)
    with pytest.raises(OptionError, match="maps 0 deep"):
        Latent(depth=0)
