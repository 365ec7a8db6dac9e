from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk.decoders import Decoder
from ilk.encoders import Encoder, embed
from ilk.errors import TrainingError, UnknownName
from ilk.objectives import Objective
from ilk.training.checked import Health
from ilk.training.course import Course
from ilk.training.health import knn_accuracy, rankme
from ilk.training.watch import Watch, report

from .learning_parts import Digits, noisy, parts


class Flat(Encoder):
    """Pixels: (B, 1, 8, 8) -> (B, 64), times `by`."""

    def __init__(self, by: float = 1.0) -> None:
        super().__init__()
        self.dim, self.by = 64, by

    def forward(self, x: Tensor) -> Tensor:
        return self.by * x.flatten(1) + (self.by == 0)


class Back(Decoder):
    """(B, 64) -> (B, 1, 8, 8), times `by`, plus `flat`."""

    def __init__(self, by: float = 1.0, flat: Tensor | float = 0.0) -> None:
        super().__init__()
        self.dim, self.by, self.flat = 64, by, flat

    def forward(self, z: Tensor) -> Tensor:
        return self.by * z.view(-1, 1, 8, 8) + self.flat


class Own(Objective):
    """What is beside the encoder: a decoder, views, what it makes."""

    def __init__(
        self, views: Any = lambda x: (x,), *, decoder: Decoder | None = None, made: Tensor | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.views, self.decoder, self._made = Flat(), views, decoder, made

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        raise NotImplementedError

    def made(self, n: int) -> Tensor | None:
        return self._made


def health(retrieval: float | None, *, samples: int = 100, spread: float = 0.5, rank: float = 9.0) -> Health:
    return Health(samples, True, 16, rank, rank, spread, 1.0, -2.0, 0.1, retrieval, None, None)


def test_the_report_of_pixels() -> None:
    source = Digits(600)
    held = np.arange(500, 600)
    found = report(Flat(), source, rows=held, label="digit")
    z = embed(Flat(), source)
    assert (found.samples, found.held_out, found.dim) == (100, True, 64)
    assert found.rank == pytest.approx(rankme(z[held]))
    assert found.knn == knn_accuracy(z[:500], source.labels[:500], z[held], source.labels[held])
    assert found.view_retrieval is not None
    assert 0.3 < found.view_retrieval < 1
    assert found == report(Flat(), source, rows=held, label="digit")
    assert found.sentence().startswith(f"{found.view_retrieval:.0%} of 100 held-out samples find")
    assert "take the right digit from their neighbours" in found.sentence()


def test_the_report_leaves_randomness_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    report(Flat(), Digits(50))
    assert torch.equal(torch.rand(4), expected)


def test_what_comes_back_is_measured() -> None:
    source, rows = Digits(120), np.arange(100)

    def given_back(decoder: Decoder) -> float | None:
        return Watch().measure(Flat(), source, rows, rows, Own(decoder=decoder)).given_back

    mean = source.batch(rows).mean(0)
    assert given_back(Back()) == 1
    assert given_back(Back(0, mean)) == pytest.approx(0, abs=1e-6)
    assert given_back(Back(0.5, mean / 2)) == pytest.approx(0.75)  # half of every difference is missed
    assert Watch().measure(Flat(), source, rows, rows).given_back is None


def test_of_encoders_with_a_decoder_the_one_that_gives_most_back_is_kept() -> None:
    course = Course()
    figures = [(0.9, 0.50), (0.4, 0.70), (0.1, 0.699), (0.1, 0.71)]  # view retrieval falls: it is not asked
    taken = [
        course.takes(step, replace(health(share), given_back=back))
        for step, (share, back) in enumerate(figures)
    ]
    assert taken == [True, True, False, True]
    assert (course.best, course.kept, course.overtrained) == (0.71, 3, False)
    course.takes(4, replace(health(0.9), given_back=0.60))
    assert course.verdict(4, stopped=False).startswith(
        "Over-trained: what comes back fell from 71% to 60%, so the encoder of step 3 of 4 is kept: 71% of"
    )


def test_few_samples_still_have_neighbours() -> None:
    found = report(Flat(), Digits(60), label="digit")
    assert (found.samples, found.held_out) == (30, False)
    assert found.knn is not None
    assert found.knn > 0.5


def test_views_of_the_objective_stand_in() -> None:
    source, rows = Digits(80, paired=False), np.arange(80)
    assert report(Flat(), source).view_retrieval is None
    assert Watch().measure(Flat(), source, rows, rows, Own(noisy)).view_retrieval is not None
    assert Watch().measure(Flat(), source, rows, rows, Own(lambda x: (x, x[:, 0]))).view_retrieval is None


def test_constant_vectors_are_a_collapse() -> None:
    found = report(Flat(0.0), Digits(80))
    assert found.collapsed
    assert found.rank == pytest.approx(1, abs=1e-3)
    assert found.view_retrieval == 0
    assert found.as_json()["alpha"] is None
    assert found.sentence().startswith("Collapsed: all samples have nearly the same vector")


def test_vectors_that_all_point_one_way_are_a_collapse() -> None:
    one_way = replace(health(None, spread=0.06), rank=1.2, rank_about_mean=12.0)
    assert one_way.collapsed
    assert one_way.sentence().startswith("Collapsed: all samples lie nearly on one line")
    assert not replace(one_way, given_back=0.5).collapsed  # what comes back decoded tells them apart


def test_an_unknown_label_lists_the_columns() -> None:
    with pytest.raises(UnknownName, match="no metadata column called 'digits'\nDid you mean 'digit'"):
        report(Flat(), Digits(50), label="digits")


def test_a_vector_that_is_not_a_number_names_its_sample() -> None:
    source = Digits(50)
    source.pixels[17] = np.nan
    with pytest.raises(TrainingError, match="no finite vector for digit/17"):
        report(Flat(), source)
    with pytest.raises(TrainingError, match="weights are broken"):
        report(Flat(float("inf")), Digits(50))


def test_the_latest_of_the_good_is_kept() -> None:
    course = Course()
    # the standard error of 0.90 among 100 is 0.03, and one sample is 0.01
    assert [course.takes(step, health(share)) for step, share in enumerate([0.5, 0.9, 0.87, 0.84, 0.86])] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert (course.best, course.kept) == (0.9, 4)
    assert not course.overtrained


def test_over_training_is_a_fall_well_below_the_best() -> None:
    course = Course()
    course.takes(10, health(0.9))
    course.takes(20, health(0.82))
    assert not course.overtrained  # 0.9 - 3 x 0.04
    course.takes(30, health(0.7))
    assert course.overtrained
    assert course.verdict(30, stopped=False).startswith(
        "Over-trained: view retrieval fell from 90% to 70%, so the encoder of step 10 of 30 is kept: 90% of"
    )


def test_a_model_that_writes_is_judged_by_its_perplexity() -> None:
    course = Course()
    told = [course.takes(step, replace(health(0.5), perplexity=p)) for step, p in enumerate([9.0, 7.0, 7.1])]
    assert told == [True, True, False]
    assert course.verdict(2, stopped=False).endswith(
        "kept: perplexity 7.0 a piece of 100 held-out samples; "
        "50% of 100 held-out samples find their own other view among all; effective rank 9 of 16."
    )
    course.takes(3, replace(health(0.5), perplexity=9.0))
    said = course.verdict(3, stopped=False)
    assert said.startswith(
        "Over-trained: perplexity rose from 7.0 to 9.0, so the encoder of step 1 of 3 is kept"
    )


def test_verdicts() -> None:
    assert Course().verdict(3, stopped=True) == "Nothing was measured in 3 steps."
    course = Course()
    course.takes(5, health(None))
    assert course.verdict(5, stopped=False) == "Learnt for 5 steps: effective rank 9 of 16."
    assert course.verdict(5, stopped=True) == "Stopped at step 5: effective rank 9 of 16."
    course.takes(9, health(None, rank=1.1))
    assert course.verdict(9, stopped=False).startswith("Collapsed: all samples lie nearly on one line")


def test_a_small_encoder_in_training_mode_stays_so() -> None:
    encoder = parts().encoder.train()
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    report(encoder, Digits(50))
    assert encoder.training
    assert all(torch.equal(before[k], v) for k, v in encoder.state_dict().items())


def test_a_generator_that_has_collapsed_is_told() -> None:
    source = Digits(600)
    held, others = np.arange(400, 600), np.arange(400)
    rng = np.random.default_rng(0)

    def seen(made: Tensor | None) -> Health:
        return Watch().measure(Flat(), source, held, others, Own(made=made))

    assert seen(None).coverage is None
    true = seen(source.batch(others[:200]))
    assert true.coverage is not None
    assert true.coverage > 0.4  # other writers'
    assert not true.narrow
    assert true.deciding == true.likeness
    assert true.likeness is not None
    assert true.likeness > 0.7
    assert true.decided_by == "likeness of what it makes"
    assert f"what it makes covers {true.coverage:.0%} of 200 held-out samples" in true.sentence()

    one = source.batch(np.full(200, 3))
    assert seen(one + 0.01 * torch.from_numpy(rng.normal(size=one.shape)).float()).narrow == (
        "is nearly all the same"
    )
    assert seen(torch.full_like(one, float(source.batch(others).mean()))).likeness < 0.2  # type: ignore[operator]
    zeros = source.batch(rng.choice(others[source.labels[others] == 0], 200))
    few = seen(zeros)
    assert few.narrow.startswith("is of a few kinds only: it covers")
    assert few.sentence().startswith("The generator has collapsed: what it makes is of a few kinds only")

    course = Course()
    course.takes(10, true)
    course.takes(20, few)
    told = course.verdict(20, stopped=False)
    assert told.startswith("The generator has collapsed")
    assert "From before that, the encoder of step 10 of 20 is kept" in told
