"""Two spaces, and two distances: the better is named where there is one, and none by luck."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest

from ilk.analysis.compare import _signs, compare
from ilk.analysis.course import course, read
from ilk.analysis.whitening import whitening
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, FormatError
from ilk.space import Space

N = 150
Make = Callable[..., Space]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(name: str, x: np.ndarray, known: dict[str, object] | None = None) -> Space:
        space = Space.create(tmp_path / name, Pixels(x.shape[1], 1), reading={}, metric="l2")
        table = None if known is None else pa.table(known)
        space.upsert_vectors([f"{i:03d}" for i in range(len(x))], x.astype(np.float32), table)
        return space

    return make


def planted(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) vectors that hold a truth (N,) under noise; the truth is the same for every seed."""
    truth = np.random.default_rng(99).normal(size=N)
    x = np.random.default_rng(seed).normal(size=(N, 3))
    x[:, 0] = truth + noise * x[:, 0]
    return x, truth


def test_the_better_of_two_is_named(make: Make) -> None:
    (bad, truth), (good, _) = planted(3.0, 1), planted(0.2, 2)
    known = {"amount": truth, "kind": np.where(truth > 0, "a", "b")}
    one, other = make("bad.space", bad, known), make("good.space", good)
    for column, measure in (("amount", "R2"), ("kind", "accuracy")):
        found = compare(one, other, column)
        assert (found.measure, found.rows) == (measure, N)
        for way in found.ways:
            assert way.p < 0.01
            assert 0 < way.better.low < way.better.value < way.better.high
            assert way.only_other > way.only_one
        assert f"by linear good tells {column} better (+" in found.sentence()
    line = found.ways[0]
    by_hand = binomtest(line.only_other, line.only_one + line.only_other).pvalue
    assert line.p == pytest.approx(min(1, 2 * by_hand))
    assert line.better.value == pytest.approx((line.only_other - line.only_one) / N)
    assert line.better.value == pytest.approx(line.other.value - line.one.value, abs=1e-9)


def test_of_two_as_good_neither_is_called_better(make: Make) -> None:
    """At a level of .05, of 6 pairs more than 2 have chance .002."""
    named = 0
    for i in range(6):
        (a, truth), (b, _) = planted(1.0, 10 + i), planted(1.0, 50 + i)
        one = make(f"a{i}.space", a, {"amount": truth})
        named += any(w.p < 0.05 for w in compare(one, make(f"b{i}.space", b), "amount").ways)
    assert named <= 2
    assert "neither is surely better" in compare(one, one, "amount").sentence()


def test_signs_by_hand() -> None:
    """Of three equal gains, one of four ways to deal signs gives as much either way."""
    rng = np.random.default_rng(0)
    assert _signs(np.ones(3), rng) == pytest.approx(0.25, abs=0.04)
    assert _signs(np.zeros(5), rng) == 1
    assert _signs(np.ones(400), rng) < 1e-12  # further than draws can tell


def test_samples_that_only_one_holds_are_left_out(make: Make) -> None:
    x, truth = planted(0.5, 1)
    one = make("one.space", x, {"amount": np.where(np.arange(N) < 10, np.nan, truth)})
    assert compare(one, make("part.space", x[:100]), "amount").rows == 90
    with pytest.raises(DataError, match="15 samples are in both"):
        compare(one, make("few.space", x[:25]), "amount")


def test_whitening_lets_narrow_dimensions_speak(make: Make) -> None:
    """A narrow dimension holds the kind; a wide one, noise."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 300)
    x = np.c_[kind + 0.1 * rng.normal(size=300), 100 * rng.normal(size=(300, 2))]
    found = whitening(make("n.space", x, {"kind": np.array(["a", "b"])[kind]}), "kind")
    own, even, white = found.distances
    assert own.name == "l2"
    assert [m.value for m in own.kept] == [1] * len(found.counts)
    assert own.told is not None
    assert even.told is not None
    assert own.told.value == pytest.approx(0.5, abs=0.1)
    assert own.told.guess == pytest.approx(0.5, abs=0.02)
    assert even.told.low > 0.9
    for d in (even, white):
        assert d.kept[0].guess == pytest.approx(1 / 300)
        assert d.kept[3].low < d.kept[3].value < 0.8
    assert "They tell kind: 0." in found.sentence()


def test_whitening_of_noise_gains_nothing(make: Make) -> None:
    rng = np.random.default_rng(1)
    space = make("w.space", rng.normal(size=(200, 5)) * [9, 3, 1, 1, 1], {"amount": rng.normal(size=200)})
    found = whitening(space, "amount")
    assert all(d.told is not None and d.told.low < 0 for d in found.distances)
    assert found.column == "amount"


def test_hubs_are_seen(make: Make) -> None:
    """Rows far out in all directions have those in the middle for their nearest."""
    x = np.random.default_rng(0).normal(size=(200, 60))
    x[:3] = 0
    assert whitening(make("h.space", x)).distances[0].hubs.value > 3


def test_a_course_that_is_over_trained(tmp_path: Path) -> None:
    run = tmp_path / "s.run" / "mine"
    run.mkdir(parents=True)
    health = {"samples": 400, "held_out": True, "dim": 4, "rank": 3.0, "rank_about_mean": 3.0, "spread": 0.5}
    health |= {"alpha": 1.0, "uniformity": -1.0, "alignment": 0.3, "label": None, "knn": None}
    lines = [f'{{"step": {s}, "loss": {9 - s / 10}, "terms": {{}}}}' for s in range(1, 31)]
    for step, share in ((10, 0.5), (20, 0.8), (30, 0.4)):
        told = health | {"view_retrieval": share, "collapsed": False}
        lines.append(json.dumps({"step": step, "health": told}))
    (run / "metrics.jsonl").write_text("\n".join(lines))
    (run / "health.json").write_text('{"verdict": "Over-trained: it fell.", "kept": 20}')
    found = read(run)
    assert (found.steps[-1], found.losses[0], found.kept) == (30, 8.9, 20)
    assert [c.deciding for c in found.checks] == [0.5, 0.8, 0.4]
    assert found.over_trained > 5
    assert found.sentence() == "By mine. Over-trained: it fell."
    assert found.table().num_rows == 3
    space = Space.create(tmp_path / "s.space", Pixels(4, 1), reading={}, metric="l2")
    assert course(space).objective == "mine"
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 1.0}\n{"st')
    with pytest.raises(FormatError, match="line 2 is damaged"):
        course(space)
    (run / "metrics.jsonl").unlink()
    with pytest.raises(DataError, match="tells of no training"):
        course(space)
