import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ilk.encoders.convnet import ConvNet
from ilk.encoders.critic import Critic
from ilk.errors import IlkError
from ilk.generate.samples import frechet
from ilk.objectives.gan import GAN, company, of_critic, of_generator, slope
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.optimiser import adamw
from ilk.training.recipe import Recipe

from ..contract import samples

LOG2 = math.log(2)


def small(**options: object) -> GAN:
    torch.manual_seed(0)
    return GAN(Critic(1, 16, 8, width=8), size=16, width=8, **options)  # type: ignore[arg-type]


def terms(objective: GAN, n: int = 16) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return objective.loss(*objective.views(samples.images().batch(np.arange(n))), progress=0.5)


def test_losses_by_hand() -> None:
    nothing = torch.zeros(3)
    assert of_critic(nothing, nothing, "softplus").item() == pytest.approx(2 * LOG2)
    assert of_generator(nothing, "softplus").item() == pytest.approx(LOG2)
    real, made = torch.tensor([LOG2, 2.0]), torch.tensor([-LOG2, 0.5])
    # -log sigmoid(log 2) = log(3/2); hinge: (1 - log 2 + 0) / 2 + (1 - log 2 + 1.5) / 2
    expected = (math.log(1.5) + math.log1p(math.exp(-2))) / 2 + (
        math.log(1.5) + math.log1p(math.exp(0.5))
    ) / 2
    assert of_critic(real, made, "softplus").item() == pytest.approx(expected)
    assert of_critic(real, made, "hinge").item() == pytest.approx((1 - LOG2) / 2 + (1 - LOG2 + 1.5) / 2)
    assert of_generator(made, "hinge").item() == pytest.approx((LOG2 - 0.5) / 2)


def test_the_slope_of_a_plane_is_its_steepness() -> None:
    w, x = torch.randn(12), torch.randn(5, 3, 2, 2, requires_grad=True)
    assert slope(x.flatten(1) @ w, x).item() == pytest.approx(w.square().sum().item(), rel=1e-5)
    # of |x|^2 it is 4 |x|^2, and it is learnt from: its gradient is 8 x / B
    found = slope(x.flatten(1).square().sum(1), x)
    assert found.item() == pytest.approx(4 * x.square().sum().item() / 5, rel=1e-5)
    (gradient,) = torch.autograd.grad(found, x)
    torch.testing.assert_close(gradient, 8 * x / 5)


def test_the_slope_in_the_loss_is_that_by_small_steps() -> None:
    objective = small(slope=2.0).double()
    objective.encoder.standardise.eval()
    objective.generator.standardise.eval()
    x, z = objective.views(samples.images().batch(np.arange(4)).double())
    told = objective.loss(x, z.double(), progress=0.5)["slope"]  # weight 2: half of it is 1
    steps = torch.eye(x[0].numel(), dtype=torch.float64).view(-1, *x.shape[1:]) * 1e-3
    total = 0.0
    with torch.no_grad():
        for i in range(4):
            for step in steps[::16]:  # some pixels
                there, here = x.clone(), x.clone()
                there[i] += step
                here[i] -= step
                total += float(((objective._judged(there)[0] - objective._judged(here)[0]).sum() / 2e-3) ** 2)
    real = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective._judged(real)[0].sum(), real)
    assert float(gradient.flatten(1)[:, ::16].square().sum()) == pytest.approx(total, rel=1e-2)
    assert told.item() == pytest.approx(float(gradient.square().sum()) / 4, rel=1e-5)


def test_company_by_hand() -> None:
    features = torch.tensor(
        [[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0], [5.0, 5.0]]
    )  # four, and one left
    assert company(features)[:, 0].tolist() == pytest.approx([1.5] * 4 + [1e-4])  # spreads 1 and 2


@pytest.mark.parametrize("how", ["softplus", "hinge"])
def test_no_player_moves_the_other(how: str) -> None:
    found = terms(small(how=how))
    critic = ("encoder.", "verdict.")

    def moved(objective: GAN, term: str) -> set[str]:
        objective.zero_grad()
        terms(objective)[term].backward()
        return {n for n, p in objective.named_parameters() if p.grad is not None and p.grad.any()}

    objective = small(how=how)
    assert {n for n in moved(objective, "critic") if not n.startswith(critic)} == set()
    assert {n for n in moved(objective, "generator") if not n.startswith("generator.")} == set()
    assert {n for n in moved(objective, "slope") if not n.startswith(critic)} == set()
    both = moved(objective, "recovered")
    assert any(n.startswith("encoder.head") for n in both)
    assert any(n.startswith("generator.") for n in both)
    assert all(p.requires_grad for n, p in objective.named_parameters() if not n.startswith("teacher."))
    assert found.keys() == {"critic", "generator", "recovered", "slope"}


def test_terms_of_no_weight_are_not_there() -> None:
    assert terms(small(slope=0.0, recover=0.0)).keys() == {"critic", "generator"}


def test_recovered_is_the_error_of_the_vector_for_each_player() -> None:
    objective = small(recover=3.0)
    torch.manual_seed(1)
    x, z = objective.views(samples.images().batch(np.arange(16)))
    told = objective.loss(x, z, progress=0.5)["recovered"]
    with torch.no_grad():
        guess = objective._judged(objective.generator.standard(z))[1]
    assert told.item() == pytest.approx(3 * 2 * F.mse_loss(guess, z).item(), rel=1e-5)


def test_first_pictures_are_as_varied_as_the_data() -> None:
    made = small().generator.standard(torch.randn(200, 8))
    assert made.std(0).mean().item() == pytest.approx(1, abs=0.2)


def test_the_decoder_is_the_generator_on_average() -> None:
    objective = small(average=0.9)
    for count in (1, 2):
        before = objective.teacher.lift.weight.clone()
        terms(objective)
        with torch.no_grad():
            objective.generator.lift.weight.add_(1.0)
        objective.after_step(0.5)
        momentum = min(0.9, (1 + count) / (10 + count))
        expected = momentum * before + (1 - momentum) * objective.generator.lift.weight
        torch.testing.assert_close(objective.decoder.lift.weight, expected)
    level = objective.generator.standardise.running_mean
    assert level is not None
    assert level.any()
    torch.testing.assert_close(objective.decoder.standardise.running_mean, level)


def test_what_it_makes_is_the_same_by_the_same_seed() -> None:
    objective = small()
    torch.manual_seed(3)
    one = objective.made(4)
    torch.manual_seed(3)
    assert torch.equal(one, objective.made(4))
    assert one.shape == (4, 1, 16, 16)
    assert objective.teacher.training


def blobs(n: int) -> Images:
    """Spots of one size anywhere."""
    at = np.random.default_rng(0).uniform(4, 12, (n, 2))
    y, x = np.mgrid[:16, :16]
    far = (x - at[:, :1, None]) ** 2 + (y - at[:, 1:, None]) ** 2
    return Images((255 * np.exp(-far / 8)).astype(np.uint8)[:, None], [str(i) for i in range(n)])


def test_it_learns_to_make_what_lies_among_the_pictures(tmp_path: Path) -> None:
    source = blobs(600)
    torch.manual_seed(0)
    objective = GAN(Critic(1, 16, 4, width=8), size=16, width=8, share=0.5)
    x = source.batch(np.arange(300)).flatten(1).numpy()
    before = frechet(x, objective.made(300).flatten(1).numpy())
    fit(objective, source, Recipe(steps=120, batch=32, checks=1, held_out=0.2), run=tmp_path)
    torch.manual_seed(0)
    after = frechet(x, objective.made(300).flatten(1).numpy())
    assert after < 0.6 * before  # 0.45
    assert "what it makes covers" in (tmp_path / "health.json").read_text()
    assert json.loads((tmp_path / "recipe.json").read_text())["objective"]["class"] == "gan"


def test_its_momentum_is_lower_unless_the_recipe_was_told_one() -> None:
    objective = small()
    assert adamw(objective, Recipe()).defaults["betas"] == (0.5, 0.99)
    assert adamw(objective, Recipe(betas=(0.0, 0.9))).defaults["betas"] == (0.0, 0.9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"how": "least squares"}, "no loss of a gan called 'least squares'"),
        ({"average": 1.0}, "average is 1.0"),
        ({"slope": -1.0}, "slope -1.0"),
        ({"share": 0.0}, "share 0.0"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], says: str) -> None:
    with pytest.raises(IlkError, match=says):
        small(**options)


def test_its_encoder_is_a_critic() -> None:
    with pytest.raises(IlkError, match="a gan with the encoder ConvNet"):
        GAN(ConvNet(1, 16, 8), size=16)  # type: ignore[arg-type]
