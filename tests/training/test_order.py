import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilk.errors import DataError
from ilk.source._prefetch import prefetched
from ilk.training.optimiser import schedule
from ilk.training.order import plan
from ilk.training.recipe import Recipe


@settings(max_examples=40, deadline=None)
@given(st.integers(64, 700), st.integers(1, 40), st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_an_epoch_takes_each_sample_once_and_no_held_out_one(
    n: int, batch: int, accumulate: int, world: int, seed: int
) -> None:
    batch = max(batch, 2 * world)
    order = plan(n, Recipe(batch=batch, accumulate=accumulate, seed=seed), world)
    most = min(batch, len(order.train) // accumulate)
    assert most - world < order.batch <= most
    assert order.batch % world == 0
    assert len(order.held) == max(16, round(0.05 * n))
    assert np.array_equal(np.sort(np.concatenate([order.held, order.train])), np.arange(n))
    for epoch in (0, 3):
        steps = range(epoch * order.steps, (epoch + 1) * order.steps)
        parts = [order.rows(s, a, r) for s in steps for a in range(accumulate) for r in range(world)]
        assert {len(part) for part in parts} == {order.batch // world}
        taken = np.concatenate(parts)
        assert len(np.unique(taken)) == len(taken) > len(order.train) - order.samples
        assert np.isin(taken, order.train).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(64, 700), st.integers(1, 2), st.integers(1, 3), st.integers(0, 9))
def test_a_step_is_the_same_however_many_share_it(n: int, sixth: int, accumulate: int, seed: int) -> None:
    recipe = Recipe(batch=6 * sixth, accumulate=accumulate, seed=seed)
    alone = plan(n, recipe, 1)
    for world in (2, 3, 6) if sixth > 1 else (2, 3):
        shared = plan(n, recipe, world)
        assert (shared.samples, shared.steps) == (alone.samples, alone.steps)
        for step in (0, alone.steps, 7 * alone.steps + 1):
            for part in range(accumulate):
                shares = [shared.rows(step, part, rank) for rank in range(world)]
                assert np.array_equal(np.concatenate(shares), alone.rows(step, part, 0))


def test_epochs_and_seeds_differ_and_repeat() -> None:
    one, same, other = plan(500, Recipe(), 1), plan(500, Recipe(), 1), plan(500, Recipe(seed=1), 1)
    assert np.array_equal(one.rows(0, 0, 0), same.rows(0, 0, 0))
    assert not np.array_equal(one.rows(0, 0, 0), one.rows(one.steps, 0, 0))
    assert not np.array_equal(one.rows(0, 0, 0), other.rows(0, 0, 0))
    assert not np.array_equal(one.held, other.held)


def test_sizes_of_the_held_out_part() -> None:
    assert [len(plan(n, Recipe(), 1).held) for n in (63, 64, 1000, 10**5)] == [0, 16, 50, 1024]
    assert len(plan(1000, Recipe(held_out=0), 1).held) == 0


def test_too_few_for_the_processes() -> None:
    with pytest.raises(DataError, match="10 samples are too few for 8 batches a step"):
        plan(10, Recipe(accumulate=4), 2)
    with pytest.raises(DataError, match="a batch of 3 is too few for 2 processes"):
        plan(100, Recipe(batch=3), 2)


def test_the_schedule_by_hand() -> None:
    assert schedule(0, 0.1) == 0.01
    assert schedule(0.05, 0.1) == pytest.approx(0.5)
    assert schedule(0.1, 0.1) == 1
    assert schedule(0.55, 0.1) == pytest.approx(0.5)
    assert schedule(0.9999, 0.1) < 1e-4
    assert schedule(0, 0) == 1


def test_progress_of_each_budget() -> None:
    assert Recipe(steps=8).progress(2, 999, 5) == 0.25
    assert Recipe(epochs=3).progress(15, 999, 5) == 1
    assert Recipe(minutes=0.5).progress(2, 15, 5) == 0.5
    assert Recipe().progress(2, 60, 5) == 0.5
    assert Recipe(minutes=0.5).progress(2, 99, 5) == 1


def test_prefetched_keeps_order_and_ends_when_left() -> None:
    read: list[int] = []

    def items():  # type: ignore[no-untyped-def]
        for i in range(1000):
            read.append(i)
            yield i

    with prefetched(items()) as ready:
        assert [next(ready) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert 5 <= len(read) <= 9  # two wait, one is at hand, and one or two were read while leaving
    with prefetched(iter("ab")) as few:
        assert list(few) == ["a", "b"]
