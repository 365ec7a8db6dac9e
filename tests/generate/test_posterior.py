"""Posteriors where all is known: by formulas, and by how often intervals hold what was simulated."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

import ilk
from ilk.decoders import Decoder
from ilk.encoders import Encoder
from ilk.errors import DataError, IlkError, OptionError, UnknownName
from ilk.generate._chains import disagreement, worth
from ilk.generate._hamiltonian import sample
from ilk.generate._likelihood import Unseen
from ilk.generate._local import beside
from ilk.generate._points import Known
from ilk.generate.latent import Latent
from ilk.generate.posterior import posterior, posteriors
from ilk.source.images import Images
from tests.cli.conftest import Run, typed

__all__ = ["typed"]  # a fixture
SIDE, D = 4, 3
N = SIDE**2
SIGMA = 0.3


class Mixed(Decoder):
    """Pictures whose pixels are sums of the vector's numbers; `bent`: then drawn together."""

    def __init__(self, bent: bool = False) -> None:
        super().__init__()
        self.dim, self.bent = D, bent
        self.register_buffer("mix", torch.randn(D, N, generator=torch.Generator().manual_seed(4)) * 0.4)
        self.mix: Tensor

    def forward(self, z: Tensor) -> Tensor:
        x = z @ self.mix
        return (torch.tanh(2 * x) if self.bent else x).view(-1, 1, SIDE, SIDE)


class Back(Encoder):
    """Least squares of a `Mixed`."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = D
        self.register_buffer("unmix", torch.linalg.pinv(Mixed().mix))
        self.unmix: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.unmix


def tool(bent: bool = False, space: ilk.Space | None = None) -> Latent:
    return Latent(Mixed(bent), Known("toy", Back(), {}, space, prior=True))


def made(z: np.ndarray, rng: np.random.Generator, bent: bool = False) -> np.ndarray:
    """Pictures (P, 1, 4, 4) of vectors, under noise."""
    x = Mixed(bent)(torch.from_numpy(np.float32(z))).numpy()
    return np.asarray(x + SIGMA * rng.normal(size=x.shape))


def test_a_linear_decoders_posterior_is_the_formulas() -> None:
    """With noise that differs by pixel, one pixel not seen, and what the decoder cannot give."""
    rng = np.random.default_rng(0)
    x = made(rng.normal(size=(2, D)), rng)
    noise = rng.uniform(0.2, 0.5, (SIDE, SIDE))
    noise[1, 2] = np.inf
    unseen = Unseen(rng.normal(size=N) * 0.1, rng.normal(size=(2, N)) * 0.2, np.full(N, 0.01))
    found = posteriors(tool(), x, noise, unseen, draws=400, warmup=160, chains=8)
    seen = np.isfinite(noise.ravel())
    whole = (np.diag(noise.ravel() ** 2 + unseen.rest)[seen] + (unseen.axes.T @ unseen.axes)[seen])[:, seen]
    mix = Mixed().mix.double().numpy()[:, seen]
    covariance = np.linalg.inv(np.eye(D) + mix @ np.linalg.solve(whole, mix.T))
    for one, pixels in zip(found, x):
        off = (pixels.ravel() - unseen.mean)[seen]
        mean = covariance @ mix @ np.linalg.solve(whole, off)
        drawn = one.vectors.reshape(-1, D)
        assert one.worth > 600
        assert one.apart < 1.03
        assert 0.6 < one.accepted < 0.99
        width = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(drawn.mean(0), mean, atol=4 * width.max() / math.sqrt(one.worth))
        np.testing.assert_allclose(
            np.cov(drawn.T) / np.outer(width, width), covariance / np.outer(width, width), atol=0.15
        )
        np.testing.assert_allclose([r["mean"] for r in one.table().to_pylist()], mean, atol=0.1)


def test_of_a_density_that_is_not_normal() -> None:
    """exp(-z^4): the mean of z^2 is gamma(3/4) / gamma(1/4)."""
    chance = torch.Generator().manual_seed(0)
    start = torch.randn(1, 16, 2, generator=chance, dtype=torch.float64)
    found = sample(lambda z, share: z.pow(4).sum(-1), start, warmup=100, draws=400, chance=chance).points
    assert found.square().mean().item() == pytest.approx(math.gamma(0.75) / math.gamma(0.25), rel=0.03)
    assert found.mean().item() == pytest.approx(0, abs=0.02)


def test_where_nothing_can_be_no_draw_is() -> None:
    chance = torch.Generator().manual_seed(0)
    start = torch.rand(1, 16, 1, generator=chance, dtype=torch.float64) + 0.1

    def energy(z: Tensor, share: float) -> Tensor:  # exponential: z above 0
        return torch.where(z > 0, z, torch.inf).sum(-1)

    found = sample(energy, start, warmup=100, draws=300, chance=chance).points
    assert (found > 0).all()
    assert found.mean().item() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("bent", [False, True])
def test_truth_lies_anywhere_among_the_draws(bent: bool) -> None:
    """Simulation-based calibration (Talts et al. 2018): of truths drawn from the prior, ranks are even."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(160, D))
    found = posteriors(tool(bent), made(z, rng, bent), SIGMA, draws=120, warmup=120, chains=4)
    drawn = np.stack([one.vectors.reshape(-1, D)[::6] for one in found])  # hardly hang together
    ranks = (drawn < z[:, None]).mean(1)  # (160, D)
    for j in range(D):
        counts = np.histogram(ranks[:, j], bins=8, range=(0, 1))[0]
        assert chisquare(counts).pvalue > 1e-3
    inside = (np.abs(ranks - 0.5) < 0.45).mean()
    assert inside == pytest.approx(0.9, abs=0.04)


# Numbers beside vectors


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> ilk.Space:
    """800 rows; `amount` is the first number of the vector, less sharp, `other` the square of the second."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=(800, D)).astype(np.float32)
    x = Mixed()(torch.from_numpy(z)).numpy()
    columns = {
        "amount": z[:, 0] + 0.3 * rng.normal(size=800),
        "other": z[:, 1] ** 2,
        "kind": ["a", "b"] * 400,
    }
    source = Images(x, [f"p{i}" for i in range(800)], columns=pa.table(columns))
    made_ = ilk.Space.create(
        tmp_path_factory.mktemp("posterior") / "toy.space", Back(), decoder=Mixed(), reading=source.reading
    )
    made_.upsert(source)
    return made_


def test_numbers_follow_with_what_vectors_leave_open(space: ilk.Space) -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(size=(100, D))
    truth = z[:, 0] + 0.3 * rng.normal(size=100)
    found = posteriors(tool(space=space), made(z, rng), SIGMA, columns=["amount"], draws=40, warmup=80)
    drawn = np.stack([one.values.ravel() for one in found])
    inside = (np.abs((drawn < truth[:, None]).mean(1) - 0.5) < 0.4).mean()
    assert inside == pytest.approx(0.8, abs=0.1)
    assert np.corrcoef(drawn.mean(1), truth)[0, 1] > 0.8


def test_what_goes_with_a_vector_by_hand() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    y = np.stack([2 * x[:, 0] - x[:, 1] + 1, x[:, 0] + 0.5 * rng.normal(size=3000)], 1)
    asked = np.repeat([[0.5, -0.5]], 2000, 0)
    found = beside(x, y, asked, rng)
    np.testing.assert_allclose(found[:, 0], 2.5, atol=0.1)  # a straight law is followed
    assert found[:, 1].mean() == pytest.approx(0.5, abs=0.15)
    assert found[:, 1].std() == pytest.approx(0.5, rel=0.25)


# Chains


def test_how_much_draws_are_worth() -> None:
    rng = np.random.default_rng(0)
    for phi in (0.0, 0.6, 0.9):
        x = rng.normal(size=(4, 4000))
        for i in range(1, x.shape[1]):
            x[:, i] += phi * x[:, i - 1]
        assert worth(x) / x.size == pytest.approx((1 - phi) / (1 + phi), rel=0.3)
        assert disagreement(x) < 1.02
    apart = np.array([[0], [0], [0], [2]]) + rng.normal(size=(4, 200))
    assert disagreement(apart) > 1.2
    wider = np.array([[1], [1], [1], [5]]) * rng.normal(size=(4, 400))
    assert disagreement(wider) > 1.1
    assert disagreement(np.ones((2, 10))) == 1
    assert disagreement(np.repeat([[0.0], [1.0]], 10, 1)) == math.inf


# By hand


def test_in_one_call_and_by_command(space: ilk.Space, typed: Run, tmp_path: Path) -> None:
    x = made(np.array([[1.0, -1.0, 0.5]]), np.random.default_rng(5)).astype(np.float32)
    np.save(tmp_path / "one.npy", x[0, 0])
    found = posterior(space, Images(x, ["one"]), SIGMA, draws=60, warmup=60)
    assert found.names == ["amount", "other"]
    assert found.sentence().endswith("they agree (R-hat 1.00).") or "R-hat" in found.sentence()
    row = found.table().to_pylist()[0]
    assert row["low"] < row["median"] < row["high"]
    assert row["sd"] < row["sd before"]
    assert len(found.drawn(3)) == 6
    for what in ("intervals", "pairs"):
        assert found.save(tmp_path / f"{what}.png", what=what).stat().st_size > 2000
    asked = ["--noise", SIGMA, "--columns", "amount", "--draws", 40, "--warmup", 40, "--json"]
    files = ["--out", tmp_path / "sheet.png", "--save", tmp_path / "table.csv"]
    told = typed(*map(str, ["posterior", space.path, tmp_path / "one.npy", *asked, *files]))
    assert told.json["rows"][0]["name"] == "amount"
    assert (tmp_path / "sheet.png").exists()
    assert (tmp_path / "table.csv").exists()


def test_chains_that_differ_are_told(space: ilk.Space) -> None:
    x = made(np.zeros((1, D)), np.random.default_rng(5))
    (found,) = posteriors(tool(), x, SIGMA, draws=40, warmup=40, chains=2)
    stuck = found.vectors.copy()
    stuck[0] += 9
    told = replace(found, vectors=stuck).sentence()
    assert "they do not agree" in told
    assert "--warmup" in told


@pytest.mark.parametrize(
    ("noise", "options", "error", "says"),
    [
        (0.0, {}, OptionError, "not above 0"),
        (-1.0, {}, OptionError, "not above 0"),
        (math.inf, {}, OptionError, "not above 0"),
        (np.ones((3, 3)), {}, OptionError, "noise of shape"),
        ("none.npy", {}, DataError, "no array in none.npy"),
        (0.1, {"chains": 1}, OptionError, "1 chains"),
        (0.1, {"draws": 3}, OptionError, "3 draws"),
        (0.1, {"columns": ["amont"]}, UnknownName, "Did you mean 'amount'"),
        (0.1, {"columns": ["kind"]}, DataError, "kind holds no numbers"),
    ],
)
def test_what_is_refused(
    space: ilk.Space, noise: object, options: dict[str, object], error: type[IlkError], says: str
) -> None:
    with pytest.raises(error, match=says):
        posteriors(tool(space=space), np.zeros((1, 1, SIDE, SIDE)), noise, **options)  # type: ignore[arg-type]


def test_pictures_and_spaces_that_do_not_fit(space: ilk.Space) -> None:
    with pytest.raises(OptionError, match="the decoder makes"):
        posteriors(tool(), np.zeros((1, 1, 5, 5)), 0.1)
    with pytest.raises(DataError, match="2 pictures"):
        posterior(space, Images(np.zeros((2, 1, SIDE, SIDE), np.float32), ["a", "b"]), 0.1)
    with pytest.raises(DataError, match="keeps no vectors"):
        posteriors(tool(), np.zeros((1, 1, SIDE, SIDE)), 0.1, columns=["amount"])
    with pytest.raises(DataError, match="3 pictures"):
        posterior(
            space,
            Images(np.zeros((1, 1, SIDE, SIDE), np.float32), ["a"]),
            0.1,
            data=Images(np.zeros((3, 1, SIDE, SIDE), np.float32), list("abc")),
        )
