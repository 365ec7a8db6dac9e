"""The nearest rows and the close pairs, against every pair compared by hand."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ilk.analysis import _neighbours
from ilk.analysis._neighbours import L2, blocks, close, nearest
from ilk.space.index.metric import Metric, whitened


def plain(x: np.ndarray, metric: Metric) -> np.ndarray:
    """(n, n) distances in double precision."""
    y = x.astype(np.float64)
    if metric.name == "cosine":
        lengths = np.linalg.norm(y, axis=1)
        product = np.outer(lengths, lengths)
        cos = np.divide(y @ y.T, product, out=np.zeros(product.shape), where=product > 0)
        return np.round(1 - np.clip(cos, -1, 1), 12)
    y = y if metric.weights is None else y * metric.weights
    return np.sqrt(((y[:, None] - y[None]) ** 2).sum(-1))


def rows_of(draw_n: int, seed: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = {
        "plain": lambda: rng.standard_normal((draw_n, 6)),
        "far away": lambda: 1000 + 0.01 * rng.standard_normal((draw_n, 6)),
        "copies": lambda: rng.standard_normal((max(1, draw_n // 3), 6))[
            rng.integers(0, max(1, draw_n // 3), draw_n)
        ],
        "lattice": lambda: rng.integers(-2, 3, (draw_n, 6)).astype(float),
        "zeros": lambda: rng.standard_normal((draw_n, 6)) * (rng.random((draw_n, 1)) < 0.7),
        "one far out": lambda: np.concatenate([rng.standard_normal((draw_n - 1, 6)), np.full((1, 6), 1e9)]),
    }[kind]()
    return np.asarray(x, np.float32)


KINDS = ("plain", "far away", "copies", "lattice", "zeros", "one far out")
METRICS = (L2, Metric("cosine"), whitened(np.array([1.0, 2, 3, 0.5, 0, 10])))


@settings(max_examples=50, deadline=None)
@given(
    st.integers(2, 260),
    st.integers(1, 12),
    st.integers(0, 999),
    st.sampled_from(KINDS),
    st.sampled_from(METRICS),
    st.integers(1, 300),
)
def test_blocks_are_the_nearest_others_of_every_row(n, k, seed, kind, metric, size):
    x = rows_of(n, seed, kind)
    distances = plain(x, metric).astype(np.float32)
    np.fill_diagonal(distances, np.inf)
    k = min(k, n - 1)
    seen = []
    for rows, near, far in blocks(x, k, metric, size=size):
        assert len(rows) <= size
        assert near.shape == far.shape == (len(rows), k)
        seen += rows.tolist()
        for row, places, lengths in zip(rows, near, far):
            assert row not in places
            assert len(set(places.tolist())) == k
            np.testing.assert_allclose(lengths, np.sort(distances[row])[:k], rtol=2e-6, atol=1e-9)
            np.testing.assert_allclose(distances[row, places], lengths, rtol=2e-6, atol=1e-9)
    assert seen == list(range(n))


def test_equally_near_rows_come_by_rank():
    x = np.tile(np.eye(4, dtype=np.float32), (20, 1))  # each of four rows 20 times
    ranks = np.random.default_rng(0).permutation(80)
    _, near, far = next(blocks(x, 5, ranks=ranks, rows=np.array([7])))
    copies = [i for i in np.argsort(ranks) if i % 4 == 3 and i != 7]
    assert near[0].tolist() == copies[:5]
    assert (far == 0).all()


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 200),
    st.integers(0, 999),
    st.sampled_from(KINDS),
    st.sampled_from(METRICS),
    st.floats(0, 1),
    st.integers(7, 300),
)
@example(96, 0, "far away", METRICS[2], 0.5, 7)  # made ready, a third of 1,000 is rounded to 3e-5
def test_close_pairs_are_all_there_and_once(n, seed, kind, metric, share, side):
    x = rows_of(n, seed, kind)
    i, j = np.triu_indices(n, 1)
    distances = plain(x, metric)[i, j].astype(np.float32)
    # between two distances, so that rounding does not decide
    levels = np.unique(distances)
    if len(levels) > 1:
        at = min(int(share * (len(levels) - 1)), len(levels) - 2)
        within = float(levels[at] + levels[at + 1]) / 2
        if levels[at + 1] - levels[at] < 1e-6 * levels[at + 1]:
            return
    else:
        within = 1.0
    found = {}
    for a, b, far in close(x, within, metric, side=side):
        for one, other, d in zip(a.tolist(), b.tolist(), far.tolist()):
            assert one < other
            assert (one, other) not in found
            found[one, other] = d
    expected = {(int(a), int(b)): d for a, b, d in zip(i, j, distances) if d <= within}
    assert found.keys() == expected.keys()
    for pair, d in expected.items():
        assert found[pair] == pytest.approx(d, rel=2e-6, abs=1e-9)


def test_more_than_twenty_thousand_rows_are_nearly_as_good():
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((400, 8)) * 4).astype(np.float32)[rng.integers(0, 400, 20_500)]
    x += rng.standard_normal(x.shape).astype(np.float32)
    near, far = nearest(x, 5)
    asked = rng.permutation(len(x))[:300]
    truth = np.concatenate([n for _, n, _ in blocks(x, 5, rows=np.sort(asked))])
    hit = np.mean([len(np.intersect1d(a, b)) / 5 for a, b in zip(near[np.sort(asked)], truth)])
    assert hit > 0.95
    assert near.shape == far.shape == (20_500, 5)


def peak(work) -> int:
    tracemalloc.start()
    for _ in work:
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_number_of_pairs(monkeypatch):
    """Four times the rows: all neighbours would need four times the memory, all pairs sixteen times."""
    monkeypatch.setattr(_neighbours, "NUMBERS", 1 << 13)  # else these rows are a single piece
    rng = np.random.default_rng(0)
    few, many = (rng.standard_normal((n, 8)).astype(np.float32) for n in (2_000, 8_000))
    small, large = (peak(blocks(x, 40, size=256, rows=np.arange(512))) for x in (few, many))
    assert large < 1.2 * small + 8_000 * 3 * 8  # a few numbers a row may be held
    small, large = (peak(blocks(x, 40, size=256)) for x in (few, many[:5_000]))
    assert large < 1.2 * small + 5_000 * 3 * 8
    small, large = (peak(close(x, 0.5, side=256)) for x in (few, many))
    assert large < 1.2 * small
