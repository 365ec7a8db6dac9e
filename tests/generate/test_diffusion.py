"""The samplers where all is known: of normal distributions, what lies under noise is a formula."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from ilk.encoders._noise import SCHEDULES, Schedule, clean_of, noised, truth
from ilk.errors import OptionError, UnknownName
from ilk.generate.diffusion import LAST, from_picture, guided, solve, turned, within

MEAN = torch.tensor([-1.5, 2.0], dtype=torch.float64)
SPREAD = torch.tensor([0.3, 0.8], dtype=torch.float64)


class Normal:
    """Samples of a known normal distribution, and what is known of them under noise."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.looks = 0

    def clean(self, z: Tensor, t: Tensor) -> Tensor:
        self.looks += 1
        a = self.schedule.angle(t)[:, None]
        gain = SPREAD**2 * a.cos() / self.variance(a)
        return MEAN + gain * (z - a.cos() * MEAN)

    def variance(self, a: Tensor) -> Tensor:
        return (SPREAD * a.cos()) ** 2 + a.sin() ** 2

    def flow(self, z: Tensor) -> Tensor:
        """Where the flow of probability carries z: each stays as many standard deviations off the mean."""
        first, last = self.schedule.angle(torch.tensor([1.0, LAST], dtype=torch.float64))
        off = (z - first.cos() * MEAN) / self.variance(first).sqrt()
        z = last.cos() * MEAN + off * self.variance(last).sqrt()
        return self.clean(z, torch.full((len(z),), LAST, dtype=torch.float64))


def normals(n: int) -> Tensor:
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("dpm", 2), ("heun", 2)])
def test_the_flow_is_followed_and_the_error_falls_as_told(name: str, sampler: str, order: int) -> None:
    known, z = Normal(SCHEDULES[name]), normals(500)
    right = known.flow(z)
    off = [
        (solve(known.clean, known.schedule, z, sampler=sampler, steps=n) - right).abs().max().item()
        for n in (80, 160, 320)
    ]
    slopes = [math.log2(a / b) for a, b in pairwise(off)]
    assert slopes == pytest.approx([order] * 2, abs=0.25)
    assert off[-1] < {1: 2e-2, 2: 1e-3}[order]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 200), ("dpm", 60), ("heun", 40), ("ddpm", 400)])
def test_mean_and_spread_of_what_is_drawn(name: str, sampler: str, steps: int) -> None:
    known, n = Normal(SCHEDULES[name]), 8000
    chance = torch.Generator().manual_seed(1)
    x = solve(known.clean, known.schedule, normals(n), sampler=sampler, steps=steps, chance=chance)
    assert ((x.mean(0) - MEAN).abs() < 4 * SPREAD / math.sqrt(n) + 0.01).all()
    assert x.std(0) / SPREAD == pytest.approx([1, 1], abs=0.05)


@pytest.mark.parametrize("sampler", ["ddim", "dpm", "heun", "ddpm"])
def test_a_mixture_keeps_its_shares(sampler: str) -> None:
    """Three quarters about 2, one about -2, each of spread 0.25."""
    schedule = SCHEDULES["cosine"]

    def clean(z: Tensor, t: Tensor) -> Tensor:
        a = schedule.angle(t)[:, None]
        c, v = a.cos(), (0.25 * a.cos()) ** 2 + a.sin() ** 2
        centres, shares = z.new_tensor([2.0, -2.0]), z.new_tensor([0.75, 0.25])
        off = z - c * centres  # (B, 2)
        weight = torch.softmax(shares.log() - off**2 / (2 * v), 1)
        return (weight * (centres + 0.25**2 * c / v * off)).sum(1, keepdim=True)

    z = normals(4000)[:, :1]
    x = solve(clean, schedule, z, sampler=sampler, steps=150, chance=torch.Generator().manual_seed(2))[:, 0]
    right = x > 0
    assert right.double().mean().item() == pytest.approx(0.75, abs=0.03)
    assert x[right].mean().item() == pytest.approx(2, abs=0.02)
    assert x[~right].mean().item() == pytest.approx(-2, abs=0.03)
    assert x[right].std().item() == pytest.approx(0.25, abs=0.03)


def test_one_look_a_step_and_one_at_the_end() -> None:
    for sampler, looks in (("ddim", 11), ("dpm", 11), ("ddpm", 11), ("heun", 21)):
        known = Normal(SCHEDULES["cosine"])
        solve(known.clean, known.schedule, normals(2), sampler=sampler, steps=10)
        assert known.looks == looks


@pytest.mark.parametrize("name", SCHEDULES)
def test_angles_and_times_there_and_back(name: str) -> None:
    schedule, t = SCHEDULES[name], torch.linspace(0.001, 1, 50, dtype=torch.float64)
    angle = schedule.angle(t)
    torch.testing.assert_close(schedule.time(angle), t)
    assert (angle.diff() > 0).all()
    assert angle[-1].cos().item() == pytest.approx(math.exp(-20.1 / 4))
    assert schedule.angle(torch.zeros(1)).item() == 0


def test_the_linear_schedule_is_that_of_a_thousand_steps() -> None:
    """Ho et al. 2020: the product of 1 - b over b from 1e-4 to 0.02."""
    left = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    t = torch.arange(1, 1001, dtype=torch.float64) / 1000
    torch.testing.assert_close(SCHEDULES["linear"].angle(t).cos() ** 2, left, rtol=0.05, atol=1e-4)


def test_every_guess_tells_the_clean_sample() -> None:
    x, noise = normals(5), normals(10)[5:]
    angle = torch.linspace(0.1, 1.5, 5, dtype=torch.float64)[:, None]
    z = noised(x, noise, angle)
    for guess in ("v", "noise", "clean"):
        torch.testing.assert_close(clean_of(z, truth(x, noise, angle, guess), angle, guess), x)


def test_a_turn_towards_the_truth_is_exact() -> None:
    x, noise = normals(5), normals(10)[5:]
    a0, a1 = 1.2, 0.4
    z = noised(x, noise, torch.tensor(a0, dtype=torch.float64))
    torch.testing.assert_close(turned(z, x, a0, a1), noised(x, noise, torch.tensor(a1, dtype=torch.float64)))


def test_guidance_goes_beyond_what_is_told() -> None:
    clean = guided(lambda z, t: z + 1, lambda z, t: z, 3.0)
    assert clean(torch.zeros(1), torch.zeros(1)).item() == 3
    told = guided(lambda z, t: z + 1, lambda z, t: z, 1.0)
    assert told(torch.zeros(1), torch.zeros(1)).item() == 1


def test_what_is_outside_the_mask_stays_and_the_inside_follows_it() -> None:
    """Of two numbers that are always about equal one is known, so the other becomes about that."""
    schedule = SCHEDULES["cosine"]
    covariance = torch.tensor([[1.0, 0.99], [0.99, 1.0]], dtype=torch.float64)

    def clean(z: Tensor, t: Tensor) -> Tensor:
        a = schedule.angle(t)[0]
        whole = a.cos() ** 2 * covariance + a.sin() ** 2 * torch.eye(2, dtype=torch.float64)
        return z @ torch.linalg.solve(whole, a.cos() * covariance)

    mask = torch.tensor([0.0, 1.0], dtype=torch.float64)
    seen = within(clean, 1.5 * (1 - mask), mask)
    x = solve(
        seen, schedule, normals(300), sampler="ddpm", steps=200, chance=torch.Generator().manual_seed(3)
    )
    assert (x[:, 0] == 1.5).all()
    assert x[:, 1].mean().item() == pytest.approx(1.5, abs=0.25)


def test_from_a_picture_little_noise_leaves_it_about_as_it_is() -> None:
    known = Normal(SCHEDULES["cosine"])
    x = MEAN + SPREAD * normals(400)
    far = []
    for strength in (0.1, 0.5, 1.0):
        z = from_picture(x, normals(800)[400:], known.schedule, strength)
        again = solve(known.clean, known.schedule, z, steps=30, begin=strength)
        far.append((again - x).square().mean().item())
    assert far[0] < 0.05 * far[2]
    assert far[0] < far[1] < far[2]


def test_what_is_refused() -> None:
    known = Normal(SCHEDULES["cosine"])
    with pytest.raises(UnknownName, match="Did you mean 'ddim'"):
        solve(known.clean, known.schedule, normals(1), sampler="dim")
    for options in ({"steps": 0}, {"begin": 0.0}, {"begin": 1.5}):
        with pytest.raises(OptionError):
            solve(known.clean, known.schedule, normals(1), **options)  # type: ignore[arg-type]
