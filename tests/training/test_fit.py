import json
import math
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ilk import saved
from ilk.encoders import Encoder, embed
from ilk.errors import DataError, DiskFull, OptionError, TrainingError
from ilk.training import checkpoint
from ilk.training.fit import fit
from ilk.training.health import knn_accuracy
from ilk.training.order import plan
from ilk.training.recipe import Recipe
from ilk.training.watch import Watch

from .learning_parts import Digits, Vicreg, parts


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in lines(run) if "loss" in line]


def test_a_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, objective = Digits(1000), parts()
    before = objective.encoder.layers[0].weight.clone()
    run = tmp_path / "run"
    encoder = fit(objective, source, Recipe(steps=120, batch=64), run=run, watch=Watch(label="digit"))
    assert encoder is objective.encoder
    assert not encoder.training
    assert not torch.equal(before, encoder.layers[0].weight)

    found = losses(run)
    assert len(found) == 120
    assert np.mean(found[-10:]) < 0.7 * np.mean(found[:10])
    health = [line["health"] for line in lines(run) if "health" in line]
    assert len(health) == 10
    assert all(h["held_out"] and h["samples"] == 50 for h in health)
    assert health[-1]["knn"] > 0.6
    assert health[-1]["view_retrieval"] > 0.3

    kept = saved.load(run, Encoder)
    vectors = embed(kept, source)
    np.testing.assert_array_equal(vectors, embed(encoder, source))
    assert knn_accuracy(vectors[:800], source.labels[:800], vectors[800:], source.labels[800:]) > 0.75

    verdict = json.loads((run / "health.json").read_text())
    assert verdict["step"] == 120
    assert not verdict["stopped"]
    assert "of 50 held-out samples find their own other view" in verdict["verdict"]
    assert verdict["verdict"] in capsys.readouterr().err


def test_two_half_batches_are_one_whole(tmp_path: Path) -> None:
    def run(name: str, **how: Any) -> tuple[Tensor, list[float]]:
        # No random views: they are drawn batch by batch. Plain mean losses: others see their batch only.
        objective = Reconstruct(parts(norm=False).encoder)
        fit(
            objective,
            Digits(300),
            Recipe(steps=12, held_out=0, precision="float32", **how),
            run=tmp_path / name,
        )
        return objective.back.weight, losses(tmp_path / name)

    one, two = run("one", batch=64), run("two", batch=32, accumulate=2)
    torch.testing.assert_close(one[0], two[0], rtol=1e-4, atol=1e-6)
    assert one[1] == pytest.approx(two[1], rel=1e-5)


class Reconstruct(Vicreg):
    """A linear way back; its loss is a plain mean over samples."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder, noise=0)
        self.back = torch.nn.Linear(encoder.dim, 64)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        x = views[0]
        self.latest = torch.zeros(8)
        return {"error": (self.back(self.encoder(x)) - x.flatten(1)).square().mean()}


def test_the_numbers_of_the_first_step_by_hand(tmp_path: Path) -> None:
    """AdamW's first step: matrices decay, then every weight moves by the learning rate."""
    objective = Reconstruct(parts(norm=False).encoder)
    was = {k: v.clone() for k, v in objective.back.state_dict().items()}
    recipe = Recipe(steps=1, batch=8, learning_rate=0.01, weight_decay=0.5, warmup=0, clip=0)
    fit(objective, Digits(60), recipe, run=tmp_path)
    torch.testing.assert_close(
        (objective.back.bias - was["bias"]).abs(), torch.full((64,), 0.01), rtol=1e-3, atol=0
    )
    moved = objective.back.weight - was["weight"] * (1 - 0.01 * 0.5)
    torch.testing.assert_close(moved.abs(), torch.full((64, 16), 0.01), rtol=0, atol=1e-3)
    assert lines(tmp_path)[0]["rate"] == 0.01


def test_a_finished_run_is_returned_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    source = Digits(200)
    first = embed(fit(parts(), source, Recipe(steps=6, batch=32), run=tmp_path), source)
    again = parts(seed=1)
    np.testing.assert_array_equal(
        embed(fit(again, source, Recipe(steps=6, batch=32), run=tmp_path), source), first
    )
    assert again.taken == 0
    fit(again, source, Recipe(steps=9, batch=32), run=tmp_path)
    assert again.taken == 3
    assert [line["step"] for line in lines(tmp_path) if "loss" in line] == list(range(1, 10))
    fresh = parts()
    fit(fresh, source, Recipe(steps=2, batch=32), run=tmp_path, resume=False)
    assert fresh.taken == 2
    assert len(losses(tmp_path)) == 2


def test_another_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    source = Digits(100)
    fit(parts(), source, Recipe(steps=2, batch=32), run=tmp_path)
    with pytest.raises(
        OptionError, match=r"recipe.learning_rate was 0.002, now 0.1; recipe.seed was 0, now 3"
    ):
        fit(parts(), source, Recipe(steps=2, batch=32, learning_rate=0.1, seed=3), run=tmp_path)
    with pytest.raises(OptionError, match=r"recipe.steps was 2, now 1"):
        fit(parts(), source, Recipe(steps=1, batch=32), run=tmp_path)
    with pytest.raises(OptionError, match=r"objective.keywords.noise was 0.2, now 0.5"):
        fit(parts(noise=0.5), source, Recipe(steps=2, batch=32), run=tmp_path)
    with pytest.raises(OptionError, match=r"source.samples was 100, now 90"):
        fit(parts(), Digits(90), Recipe(steps=2, batch=32), run=tmp_path)


def test_minutes_count_over_all_lives_of_a_run(tmp_path: Path) -> None:
    objective, source = parts(), Digits(100)
    fit(objective, source, Recipe(minutes=0.01, batch=32), run=tmp_path)
    assert objective.taken > 1
    record = checkpoint.load(tmp_path, *_fresh())
    assert record is not None
    assert record["elapsed"] >= 0.6
    rates = [line["rate"] for line in lines(tmp_path) if "loss" in line]
    assert rates[0] == pytest.approx(0.01 * 2e-3)  # warm-up starts low
    assert rates[-1] < max(rates)
    again = parts()
    fit(again, source, Recipe(minutes=0.01, batch=32), run=tmp_path)
    assert again.taken == 0


def test_minutes_are_told_by_the_clock_that_is_given(tmp_path: Path) -> None:
    objective, seconds = parts(), count(100)  # a second passes whenever it is looked at
    recipe = Recipe(minutes=0.1, batch=32)
    fit(objective, Digits(100), recipe, run=tmp_path, clock=lambda: float(next(seconds)))
    assert objective.taken == 6
    record = checkpoint.load(tmp_path, *_fresh())
    assert record is not None
    assert record["elapsed"] == 6


def _fresh() -> Any:
    from ilk.training.optimiser import adamw

    objective = parts()
    return objective, adamw(objective, Recipe())


class Broken(Digits):
    def batch(self, rows: np.ndarray) -> Tensor:
        x = super().batch(rows).clone()
        x[rows == 17] = math.nan
        return x


def test_a_loss_that_is_not_a_number_stops_with_the_batch(tmp_path: Path) -> None:
    objective = parts()
    with pytest.raises(
        TrainingError, match=r"(?s)invariance is nan.*samples digit/17 hold numbers"
    ) as caught:
        fit(objective, Broken(60), Recipe(epochs=3, batch=16, checks=1), run=tmp_path)
    assert "bad_batch.json" in str(caught.value)
    told = json.loads((tmp_path / "bad_batch.json").read_text())
    batch = load_file(tmp_path / "bad_batch.safetensors")["batch"]
    assert told["ids"] == [f"digit/{row}" for row in told["rows"]]
    assert told["step"] == objective.taken
    assert told["terms"]["invariance"] == "nan"
    bad = told["rows"].index(17)
    assert torch.isnan(batch[bad]).all()
    whole = [i for i in range(16) if i != bad]
    torch.testing.assert_close(batch[whole], Digits(60).batch(np.array(told["rows"]))[whole])


def test_a_loss_that_explodes_names_the_learning_rate(tmp_path: Path) -> None:
    objective = Reconstruct(parts(norm=False).encoder)
    with pytest.raises(TrainingError, match=r"lower learning_rate \(it is 1e\+25\)"):
        fit(objective, Digits(60), Recipe(steps=20, batch=16, learning_rate=1e25, warmup=0), run=tmp_path)


def test_overtraining_keeps_the_earlier_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objective, source = parts(norm=False, spoil=True), Digits(600)
    recipe = Recipe(steps=100, batch=64, held_out=0.2, learning_rate=0.02)
    encoder = fit(objective, source, recipe, run=tmp_path)
    shares = {line["step"]: line["health"]["view_retrieval"] for line in lines(tmp_path) if "health" in line}
    told = json.loads((tmp_path / "health.json").read_text())
    assert told["kept"] <= 60
    assert shares[100] < shares[told["kept"]] - 0.1
    assert told["verdict"].startswith("Over-trained: view retrieval fell from")
    assert f"the encoder of step {told['kept']} of 100 is kept" in capsys.readouterr().err
    again = Watch().measure(encoder, source, plan(600, recipe, 1).held, np.arange(0))
    assert again.view_retrieval == shares[told["kept"]]


class Constant(Vicreg):
    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        self.latest = torch.zeros(8)
        z = self.encoder(torch.cat(views))
        return {"spread": (z - z.mean(0)).square().mean() / z.square().mean().detach()}


def test_collapse_is_the_verdict(tmp_path: Path) -> None:
    fit(
        Constant(parts(norm=False).encoder),
        Digits(200),
        Recipe(steps=150, batch=64, learning_rate=0.02),
        run=tmp_path,
    )
    told = json.loads((tmp_path / "health.json").read_text())
    assert told["last"]["collapsed"]
    assert told["verdict"].startswith("Collapsed: all samples have nearly")


def test_few_samples_shrink_the_batch_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(parts(), Digits(20), Recipe(steps=2), run=tmp_path)
    assert "20 samples to learn from: the batch is 20 instead of 64." in capsys.readouterr().err
    assert not json.loads((tmp_path / "health.json").read_text())["health"]["held_out"]
    with pytest.raises(DataError, match="1 samples are too few"):
        fit(parts(), Digits(1), Recipe(steps=2), run=tmp_path / "other")


class Failing(Digits):
    def batch(self, rows: np.ndarray) -> Tensor:
        if 17 in rows:
            raise DataError("sample 17 is gone")
        return super().batch(rows)


def test_an_error_of_the_source_comes_through(tmp_path: Path) -> None:
    import threading

    with pytest.raises(DataError, match="sample 17 is gone"):
        fit(parts(), Failing(60), Recipe(epochs=2, batch=16), run=tmp_path)
    assert not [t for t in threading.enumerate() if t.name == "prefetch"]


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    source, recipe = Digits(100), Recipe(steps=6, batch=32)
    with (
        files_up_to(15_000),
        pytest.raises(DiskFull, match="checkpoint"),
    ):  # room for the first, not with moments
        fit(parts(), source, recipe, run=tmp_path)
    assert {p.name for p in tmp_path.iterdir()} >= {"checkpoint.safetensors", "recipe.json"}
    assert not list(tmp_path.glob("*.new"))
    fit(parts(seed=5), source, recipe, run=tmp_path)  # other weights: those of the checkpoint count
    fit(parts(), source, recipe, run=tmp_path / "undisturbed")
    assert losses(tmp_path) == losses(tmp_path / "undisturbed")


class Interrupting(Vicreg):
    times = 1

    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        if self.taken == 3:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    objective = Interrupting(parts().encoder)
    objective.times = 2
    with pytest.raises(KeyboardInterrupt):
        fit(objective, Digits(100), Recipe(steps=6, batch=32), run=tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    from ilk.errors import FormatError

    fit(parts(), Digits(100), Recipe(steps=2, batch=32), run=tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="resume=False"):
        fit(parts(), Digits(100), Recipe(steps=2, batch=32), run=tmp_path)
