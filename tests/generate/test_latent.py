"""Latent tools on vectors that are pixels, so that everything can be worked by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

import ilk
from ilk.decoders import Decoder
from ilk.encoders import Encoder
from ilk.encoders.convnet import ConvNet
from ilk.errors import DataError, FilterError, IlkError, OptionError, UnknownName
from ilk.generate._gaussian import Gaussian, linear, spherical
from ilk.generate.latent import Latent, latent
from ilk.generate.samples import as_near, compare, frechet
from ilk.objectives.vae import VAE
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe
from tests.cli.conftest import Run, typed

__all__ = ["typed"]  # a fixture
SIDE, D, N = 8, 64, 400


class Flat(Encoder):
    """(B, 1, 8, 8) -> (B, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = D

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Unflat(Decoder):
    """The way back."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = D

    def forward(self, z: Tensor) -> Tensor:
        return z.view(-1, 1, SIDE, SIDE)


def digits(n: int = N) -> Images:
    found = load_digits()
    pixels = (found.images[:n, None] * 15).astype(np.uint8)
    columns = {"digit": found.target[:n], "ink": pixels.reshape(n, -1).mean(1) / 255}
    names = pa.array(["even" if d % 2 == 0 else "odd" for d in found.target[:n]])
    return Images(pixels, [f"d{i}" for i in range(n)], columns=pa.table({**columns, "kind": names}))


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> ilk.Space:
    source = digits()
    made = ilk.Space.create(
        tmp_path_factory.mktemp("latent") / "digits.space",
        Flat(),
        decoder=Unflat(),
        reading=source.reading,
    )
    made.upsert(source)
    return made


@pytest.fixture(scope="module")
def tool(space: ilk.Space) -> Latent:
    return latent(space)


def of(space: ilk.Space, condition: str) -> np.ndarray:
    return np.asarray(space.vectors()[space.matching(condition)], np.float64)


# Gaussians and ways


def test_draws_have_the_mean_and_covariance_of_what_they_were_fitted_to() -> None:
    x = np.random.default_rng(0).normal(size=(500, 3)) @ [[2, 1, 0], [0, 0.5, 0], [0, 0, 0]] + [1, 2, 3]
    found = Gaussian.of(x)
    np.testing.assert_allclose(found.root.T @ found.root, np.cov(x, rowvar=False), atol=1e-9)
    np.testing.assert_allclose(found.spread, x.std(0, ddof=1), atol=1e-7)
    drawn = found.draw(40_000, seed=0)
    np.testing.assert_allclose(np.cov(drawn, rowvar=False), np.cov(x, rowvar=False), atol=0.1)
    np.testing.assert_allclose(drawn[:, 2], 3, atol=1e-6)  # these vectors do not differ there
    near = found.draw(40_000, seed=0, truncation=0.5)
    np.testing.assert_allclose(near - found.mean, 0.5 * (drawn - found.mean))
    assert found.along(np.array([1.0, 0, 0])) == pytest.approx(x[:, 0].std(ddof=1))


def test_the_spherical_way_by_hand() -> None:
    a, b, at = np.array([2.0, 1.0]), np.array([1.0, 4.0]), np.array([0, 0.5, 1])
    way = spherical(a, b, at, centre=np.array([1.0, 1.0]))  # from (1, 0) to (0, 3) about the centre
    np.testing.assert_allclose(way, [a, [1 + 2 / np.sqrt(2), 1 + 2 / np.sqrt(2)], b])
    np.testing.assert_allclose(linear(a, b, at)[1], [1.5, 2.5])
    for other in (a, 2 * np.array([1.0, 1.0]) - a, np.array([1.0, 1.0])):  # the same, opposite, the centre
        np.testing.assert_allclose(
            spherical(a, other, at, np.array([1.0, 1.0])), linear(a, other, at), atol=1e-9
        )


# Tools


def test_samples_come_from_the_gaussian_of_all_or_of_some(space: ilk.Space, tool: Latent) -> None:
    found = tool.sample(2000, seed=1)
    assert found.pixels.shape == (2000, 1, SIDE, SIDE)
    np.testing.assert_array_equal(found.vectors, found.pixels.reshape(2000, D))
    np.testing.assert_allclose(found.pixels.reshape(2000, D).mean(0), space.vectors().mean(0), atol=0.05)
    sevens = tool.sample(500, of="digit = 7").pixels.reshape(500, D)
    np.testing.assert_allclose(sevens.mean(0), of(space, "digit = 7").mean(0), atol=0.08)
    assert np.array_equal(tool.sample(3, seed=4).pixels, tool.sample(3, seed=4).pixels)
    assert not np.array_equal(tool.sample(3, seed=4).pixels, tool.sample(3, seed=5).pixels)
    still = tool.sample(2, truncation=0.0).pixels.reshape(2, D)
    np.testing.assert_allclose(still, [space.vectors().mean(0)] * 2, atol=1e-6)


def test_groups_and_parts_have_their_own_gaussians(space: ilk.Space, tool: Latent) -> None:
    groups = pa.table({"id": space.ids(), "cluster": pa.array([int(i < 100) for i in range(N)])})
    space.write_layer("cluster", groups, {"by": "hand"})
    drawn = tool.sample(500, of="cluster = 1").pixels.reshape(500, D)
    np.testing.assert_allclose(drawn.mean(0), space.vectors()[:100].mean(0), atol=0.08)
    ilk.split(space, 3, dim=4)
    assert len(tool.sample(4, of="part = 2")) == 4


def test_given_back_beside_what_came(space: ilk.Space, tool: Latent) -> None:
    source = digits(5)
    found = tool.reconstruct(source)
    assert found.pixels.shape == (10, 1, SIDE, SIDE)
    np.testing.assert_array_equal(found.pixels[0::2], found.pixels[1::2])
    assert list(found.captions[:2]) == ["d0", "given back"]
    by_id = tool.reconstruct(["d3", "d4"])
    np.testing.assert_allclose(by_id.pixels, found.pixels[6:], atol=1e-6)


def test_ways_between_two(space: ilk.Space, tool: Latent) -> None:
    x, mean = space.vectors().astype(np.float64), space.vectors().mean(0, dtype=np.float64)
    straight = tool.interpolate("d0", "d1", 5, how="linear").pixels.reshape(5, D)
    np.testing.assert_allclose(straight[2], (x[0] + x[1]) / 2, atol=1e-6)
    found = tool.interpolate("d0", "d1", 5)
    around = found.pixels.reshape(5, D)
    np.testing.assert_allclose(around[[0, -1]], x[[0, 1]], atol=1e-5)
    lengths = np.linalg.norm(around - mean, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], 5), rtol=1e-4)
    assert list(found.captions) == ["d0", "25%", "50%", "75%", "d1"]
    groups = tool.interpolate("digit = 3", "digit = 8", 2).pixels.reshape(2, D)
    np.testing.assert_allclose(groups[1], of(space, "digit = 8").mean(0), atol=1e-5)


def test_walks_in_standard_deviations(space: ilk.Space, tool: Latent) -> None:
    x = space.vectors().astype(np.float64)
    found = tool.walk("d7", dimension=20, reach=2, steps=5)
    expected = np.tile(x[7], (5, 1))
    expected[:, 20] += np.array([-2, -1, 0, 1, 2]) * x[:, 20].std(ddof=1)
    np.testing.assert_allclose(found.pixels.reshape(5, D), expected, atol=1e-5)
    assert found.captions[2] == "as it is"
    ink = tool.walk(along="ink", reach=1, steps=3).pixels.reshape(3, D)
    np.testing.assert_allclose(ink[1], x.mean(0), atol=1e-5)
    # the ink is the mean of the pixels, so a step by one of its deviations adds just that to it
    y = x.mean(1)
    assert ink[2].mean() - ink[1].mean() == pytest.approx(y.std(), rel=1e-4)
    aim = np.zeros(D)
    aim[20] = -3.0
    back = tool.walk("d7", along=aim, reach=2, steps=5).pixels.reshape(5, D)
    np.testing.assert_allclose(back[::-1], expected, atol=1e-5)


def test_modulated_element_by_element(space: ilk.Space, tool: Latent) -> None:
    x, mean = space.vectors().astype(np.float64), space.vectors().mean(0, dtype=np.float64)
    changed = tool.modulate("d2", scale={20: 0.0, 21: 2.0}, shift={22: -1.0}).pixels.reshape(2, D)[1]
    expected = x[2].copy()
    expected[20], expected[21] = mean[20], mean[21] + 2 * (x[2, 21] - mean[21])
    expected[22] -= x[:, 22].std(ddof=1)
    np.testing.assert_allclose(changed, expected, atol=1e-5)
    np.testing.assert_allclose(
        tool.modulate("d2", scale=0.5).pixels.reshape(2, D)[1], (x[2] + mean) / 2, atol=1e-5
    )


def test_arithmetic_on_means_of_groups(space: ilk.Space, tool: Latent) -> None:
    three, eight = (of(space, f"digit = {d}").mean(0) for d in (3, 8))
    found = tool.arithmetic("d5", plus="digit = 8", minus="digit = 3", times=(0, 1, 2))
    expected = space.vectors()[5] + np.array([[0], [1], [2]]) * (eight - three)
    np.testing.assert_allclose(found.pixels.reshape(3, D), expected, atol=1e-5)
    assert found.title == "d5 + digit = 8 - digit = 3"
    alone = tool.arithmetic("d5", plus=["digit = 8"], times=[1]).pixels.reshape(D)
    np.testing.assert_allclose(alone, space.vectors()[5] + eight - space.vectors().mean(0), atol=1e-5)


def test_a_point_may_be_a_file_or_a_vector(space: ilk.Space, tool: Latent, tmp_path: Path) -> None:
    Image.fromarray(digits(10).pixels[9, 0]).save(tmp_path / "nine.png")
    np.testing.assert_allclose(tool.vector(str(tmp_path / "nine.png")), space.vectors()[9], atol=1e-6)
    np.testing.assert_array_equal(tool.vector(np.ones(D)), np.ones(D))


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda t: t.sample(0), OptionError, "n is 0"),
        (lambda t: t.sample(2, truncation=-1), OptionError, "truncation -1"),
        (lambda t: t.sample(2, of="digit = 77"), DataError, "0 rows are such that digit = 77"),
        (lambda t: t.sample(2, of="digt = 7"), FilterError, "digt"),
        (lambda t: t.interpolate("d0", "d9999"), UnknownName, "no row or file called 'd9999'"),
        (lambda t: t.interpolate("d0", "digit = 77"), DataError, "no row is such that"),
        (lambda t: t.interpolate("d0", "d1", 1), OptionError, "1 steps"),
        (lambda t: t.interpolate("d0", "d1", how="round"), UnknownName, "Known: linear, spherical"),
        (lambda t: t.walk("d0"), OptionError, "without one aim"),
        (lambda t: t.walk("d0", dimension=0, along="ink"), OptionError, "without one aim"),
        (lambda t: t.walk("d0", dimension=64), OptionError, "dimension 64\nThe vectors have 64"),
        (lambda t: t.walk("d0", along="kind"), DataError, "kind holds no numbers"),
        (lambda t: t.walk("d0", along="inc"), UnknownName, "Did you mean 'ink'"),
        (lambda t: t.walk("d0", along=np.zeros(64)), OptionError, "not all 0"),
        (lambda t: t.walk("d0", dimension=1, reach=0), OptionError, "a reach of 0"),
        (lambda t: t.modulate("d0", scale={64: 1.0}), OptionError, r"dimensions \[64\]"),
        (lambda t: t.modulate("d0", scale=[1.0, 2.0]), OptionError, "2 numbers"),
        (lambda t: t.arithmetic("d0"), OptionError, "nothing to add"),
        (lambda t: t.reconstruct([]), OptionError, "no pictures to give back"),
        (lambda t: t.reconstruct(["d9999"]), UnknownName, "d9999"),
        (lambda t: t.vector(np.ones(3)), OptionError, r"a vector of shape \(3,\)"),
        (lambda t: t.decoded(np.full((1, 64), np.nan)), OptionError, "Give finite ones"),
    ],
)
def test_what_cannot_be_asked(tool: Latent, ask: object, error: type[IlkError], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(tool)  # type: ignore[operator]


# What is saved


def test_a_sheet_the_numbers_or_a_folder(tool: Latent, tmp_path: Path) -> None:
    found = tool.interpolate("d0", "d1", 6)
    with Image.open(found.save(tmp_path / "new" / "sheet.png")) as sheet:
        assert sheet.width > 6 * 90
    np.testing.assert_array_equal(np.load(found.save(tmp_path / "a.npy"), allow_pickle=False), found.pixels)
    folder = found.save(tmp_path / "all")
    assert sorted(p.name for p in folder.iterdir()) == [*(f"{i:04d}.png" for i in range(6)), "sheet.png"]
    with Image.open(folder / "0000.png") as first:
        np.testing.assert_array_equal(np.asarray(first), np.rint(np.clip(found.pixels[0, 0], 0, 1) * 255))
    for name in ("a.jpg", "all/0000.png/x"):
        with pytest.raises((OptionError, OSError)):
            found.save(tmp_path / name)


# Runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vae that has hardly learnt, and an encoder without a way back."""
    folder = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    objective = VAE(ConvNet(1, SIDE, 4, width=4), size=SIDE, width=4)
    fit(objective, digits(64), Recipe(steps=3, batch=16, checks=1), run=folder / "d.run" / "vae")
    (folder / "bare.run" / "simclr").mkdir(parents=True)
    for end in ("json", "safetensors"):
        (folder / f"bare.run/simclr/encoder.{end}").write_bytes(
            (folder / f"d.run/vae/encoder.{end}").read_bytes()
        )
    return folder


def test_a_run_draws_from_what_it_has_learnt_to_decode(run: Path) -> None:
    found = ilk.paint(run / "d.run", n=400, seed=2)
    assert found.pixels.shape == (400, 1, SIDE, SIDE)
    assert found.vectors is not None
    np.testing.assert_allclose(found.vectors.std(0), 1, atol=0.15)
    np.testing.assert_array_equal(ilk.paint(run / "d.run" / "vae", n=400, seed=2).pixels, found.pixels)
    tool = ilk.latent(run / "d")
    np.testing.assert_array_equal(tool.walk(dimension=1, reach=2, steps=3).vectors[2], [0, 2, 0, 0])  # type: ignore[index]
    with pytest.raises(DataError, match="keeps no vectors of samples"):
        ilk.paint(run / "d.run", of="digit = 3")


def test_runs_that_make_no_pictures(run: Path, space: ilk.Space, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"nothing in .*bare.run makes pictures: it holds simclr\nFor texts"
    ):
        ilk.paint(run / "bare.run")
    with pytest.raises(OptionError, match="makes pictures: it holds simclr"):
        ilk.latent(run / "bare.run")
    with pytest.raises(UnknownName, match="no option of this model called 'prompt'"):
        ilk.paint(run / "d.run", prompt="a seven")
    with pytest.raises(DataError, match="no run"):
        ilk.paint(run / "none")
    source = digits(4)
    bare = ilk.Space.create(tmp_path / "bare.space", Flat(), reading=source.reading)
    with pytest.raises(OptionError, match="has no decoder"):
        ilk.latent(bare)
    empty = ilk.Space.create(tmp_path / "e.space", Flat(), decoder=Unflat(), reading=source.reading)
    with pytest.raises(DataError, match=r"e.space has 0 rows"):
        ilk.paint(empty.path)


# How good made pictures are


def test_frechet_by_hand() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3)) * [1, 2, 3]
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)
    # a shift by 2 along each: 12 over the variance of about 14
    assert frechet(x, x + 2) == pytest.approx(12 / np.cov(x, rowvar=False).trace(), rel=1e-6)
    # twice as wide: tr(C + 4C - 2 * 2C) = tr C
    assert frechet(x, 2 * x - x.mean(0)) == pytest.approx(1, rel=1e-6)


def test_copies_of_what_was_learnt_are_told(space: ilk.Space, tool: Latent) -> None:
    fresh = tool.sample(90, seed=0).pixels
    copied = space.vectors()[:10].reshape(-1, 1, SIDE, SIDE) + 1e-3
    found = compare(space, ilk.generate.pictures.Pictures(np.concatenate([fresh, copied]).astype(np.float32)))
    assert found.copies.tolist() == [*range(90, 100)]
    assert [found.ids[i] for i in found.copies] == [f"d{i}" for i in range(10)]
    assert "10 are copies of what was learnt from: 90 of d0" in found.sentence()
    assert found.neighbours().filter(found.neighbours()["copy"]).num_rows == 10
    assert len(found.beside(3)) == 6


def test_true_pictures_are_as_good_as_true_ones(tmp_path: Path) -> None:
    all_ = digits(1200)
    rows = np.random.default_rng(0).permutation(1200)
    source = all_.take(rows[:800])
    space = ilk.Space.create(tmp_path / "t.space", Flat(), reading=source.reading)
    space.upsert(source)
    others = ilk.generate.pictures.Pictures(all_.batch(rows[800:]).numpy())
    found = compare(space, others)
    assert found.made.coverage == pytest.approx(found.true.coverage, abs=0.08)
    assert found.distance == pytest.approx(found.true_distance, rel=0.4)
    assert len(found.copies) <= 4
    flat = compare(space, ilk.generate.pictures.Pictures(np.full((100, 1, SIDE, SIDE), 0.3, np.float32)))
    assert flat.made.coverage < 0.1 < flat.distance
    with pytest.raises(OptionError, match="49 made pictures"):
        compare(space, ilk.generate.pictures.Pictures(others.pixels[:49]))
    with pytest.raises(OptionError, match=r"made pictures of shape \(3, 8, 8\)"):
        compare(space, ilk.generate.pictures.Pictures(np.zeros((60, 3, 8, 8), np.float32)))


def test_a_row_with_twins_is_no_sign_of_a_copy() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 4)), 2, 0).astype(np.float32)  # each one twice
    assert as_near(x, np.array([0.0]))[0] == 1


# As it is typed


def test_pictures_on_the_command_line(run: Path, space: ilk.Space, typed: Run, tmp_path: Path) -> None:
    out = str(tmp_path / "grid.png")
    assert typed("generate", str(run / "d.run"), "--n", "5", "--out", out, "--json").json == {
        "pictures": out,
        "n": 5,
    }
    where = str(space.path)
    how = ["--of", "digit = 7", "--truncation", ".8", "--n", "60", "--compare", where]
    said = typed("generate", where, *how, "--out", out, "--json").json
    assert said["says"].endswith("None is a copy.")
    assert [row["pictures"] for row in said["figures"]] == ["made", "true"]
    assert (
        typed("interpolate", where, "d0", "digit = 3", "--steps", "4", "--out", out, "--json").json["n"] == 4
    )
    assert typed("walk", where, "d0", "--along", "ink", "--out", out, "--json").json["n"] == 7
    assert typed("walk", where, "--dimension", "3", "--reach", "2", "--steps", "3", "--out", out).code == 0
    said = typed("walk", where, "d0", "--plus", "digit = 3", "--minus", "digit = 5", "--out", out, "--json")
    assert said.json["n"] == 7


def test_what_cannot_be_typed(run: Path, space: ilk.Space, typed: Run) -> None:
    where = str(space.path)
    for words, says in (
        (["generate", str(run / "bare.run")], "error: nothing in "),
        (
            ["generate", where, "--beam", "2"],
            "error: --beam for a run that makes pictures\nLeave that away.\n",
        ),
        (["generate", where, "--prompt", "7"], "error: no option of this model called 'prompt'\n"),
        (["generate", where, "--n", "0"], "error: n is 0\nGive 1 or more.\n"),
        (["interpolate", where, "d0", "d9999"], "error: no row or file called 'd9999'\n"),
        (["walk", where, "d0"], "error: a walk without one aim\n"),
        (["walk", where, "--plus", "digit = 3"], "error: --plus and --minus\n"),
    ):
        said = typed(*words)
        assert (said.code, said.out) == (1, ""), words
        assert said.err.startswith(says), said.err
