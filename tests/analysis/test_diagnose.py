"""What would help a label to be told, where the answer was planted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ilk.analysis._slips import doubts, slips, suspects
from ilk.analysis.diagnose import Diagnosis, diagnose
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError
from ilk.space import Space

N, D = 300, 4
WRONG = [3, 50, 101, 152, 203, 254]  # rows whose label was planted wrong
TWINS = [10, 20, 30]  # of the first half, copied into the second


def made(path: Path, apart: float, wrong: list[int], dims: int = D) -> Space:
    """Three groups `apart` in the first dimensions, and a few labels changed."""
    rng = np.random.default_rng(0)
    truth = np.arange(N) % 3
    x = rng.standard_normal((N, dims)).astype(np.float32)
    x[np.arange(N), truth] += apart
    x[[N // 2 + i for i in TWINS]] = x[TWINS] + 1e-4
    told = truth.copy()
    told[[N // 2 + i for i in TWINS]] = truth[TWINS]
    told[wrong] = (told[wrong] + 1) % 3
    sides = ["train"] * (N // 2) + ["test"] * (N // 2)
    columns = pa.table({"kind": [f"k{i}" for i in told], "side": sides, "amount": rng.uniform(size=N)})
    space = Space.create(path, Pixels(dims, 1), reading={"reader": "images"}, metric="l2")
    space.upsert_vectors([f"{i:03d}" for i in range(N)], x, columns)
    return space


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    space = made(tmp_path_factory.mktemp("diagnose") / "s.space", 7, WRONG)
    return diagnose(space, "kind", split="side")


def test_planted_label_errors_are_found(found: Diagnosis) -> None:
    assert sorted(map(str, found.suspects["id"].to_pylist())) == [f"{i:03d}" for i in WRONG]
    first = found.suspects.to_pylist()[0]
    assert int(first["told"][1]) == (int(first["label"][1]) - 1) % 3
    assert "6 of 300 labels are likely wrong" in found.sentence()


def test_leaks_across_the_split_are_found(found: Diagnosis) -> None:
    assert found.leaks is not None
    twins = {frozenset((r["id"], r["nearest"])) for r in found.leaks.to_pylist()}
    assert twins == {frozenset((f"{i:03d}", f"{N // 2 + i:03d}")) for i in TWINS}
    assert "6 rows have a near-duplicate on the other side" in found.sentence()


def test_the_curve(found: Diagnosis) -> None:
    assert [s.at for s in found.curve] == [15, 30, 60, 120, 240]
    last = found.curve[-1].asked
    assert last.value == pytest.approx(294 / 300, abs=0.012)  # all but the wrong ones
    assert last.guess == pytest.approx(1 / 3, abs=0.02)
    assert found.table().column_names == ["labels", "accuracy", "low", "high", "guess", "own"]


def test_chances_that_are_right_accuse_nobody_and_slips_are_counted() -> None:
    """Labels drawn by the chances themselves, many against the odds; then fifty against all odds."""
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([0.3, 0.3, 0.3], 2000)
    y = (rng.uniform(size=(2000, 1)) > chances.cumsum(1)).sum(1).clip(max=2)
    assert (chances.argmax(1) != y).sum() > 200
    ids = [str(i) for i in range(2000)]

    def named_of(chances: np.ndarray) -> pa.Table:
        right = doubts(chances, y, slips(chances, y))
        return suspects(ids, list("abc"), y, right, chances.argmax(1))

    assert len(named_of(chances)) <= 5
    surest = np.full((2000, 3), 1e-6) + np.eye(3)[y]
    surest[:50] = np.roll(surest[:50], 1, 1)  # 50 of 2,000 against all odds
    named = named_of(surest / surest.sum(1, keepdims=True))
    assert sorted(int(str(i)) for i in named["id"].to_pylist()) == list(range(50))
    # By hand: two of three blind labels are others, so the share is 3/2 of the 50 in 2,000
    share = 1.5 * 50 / 2000
    assert named["wrong"][0].as_py() == pytest.approx(1, abs=1e-3)
    assert doubts(surest, y, slips(surest, y))[60] == pytest.approx(
        (1 - share) / (1 - share + share / 3), abs=0.005
    )


def test_of_many_rows_some_are_learnt_from_and_all_are_looked_at(tmp_path: Path) -> None:
    """A label that is rare is still dealt into all folds."""
    space = made(tmp_path / "s.space", 7, WRONG)
    told = np.array(space.metadata()["kind"].to_pylist(), object)
    rare = [i for i in range(60, 90) if told[i] == "k0"]
    x = np.array(space.vectors())
    x[rare] += [0, 0, 0, 9]
    told[rare] = "rare"
    space.upsert_vectors(space.ids(), x, pa.table({"kind": told.tolist()}))
    found = diagnose(space, "kind", most=90)
    assert (found.rows, found.drawn) == (300, 96)  # 86 of 290, and all ten of the rare instead of three
    assert found.curve[-1].at == pytest.approx(96 * 4 / 5, abs=1)
    assert sorted(map(str, found.suspects["id"].to_pylist())) == [f"{i:03d}" for i in WRONG]
    assert "So 96 of 300 labelled rows say, drawn by chance" in found.sentence()
    with pytest.raises(OptionError, match="most is 9"):
        diagnose(space, "kind", most=9)


def test_what_to_try_next(tmp_path: Path) -> None:
    many = diagnose(made(tmp_path / "many.space", 1.6, [], dims=150), "kind")
    assert many.curve[-1].own > 0.99  # as many dimensions as rows: those learnt from are known by heart
    assert len(many.suspects) <= 3  # nothing was planted
    assert many.gain.value > 0 or "try fewer dimensions" in many.sentence()
    poor = diagnose(made(tmp_path / "poor.space", 0.5, []), "kind")
    assert "try better vectors" in poor.sentence()
    assert poor.leaks is None
    assert len(poor.suspects) <= 3
    with pytest.raises(DataError, match="amount holds amounts"):
        diagnose(Space.open(tmp_path / "poor.space"), "amount")
