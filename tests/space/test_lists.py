"""Lists of short codes: what they hold, what they find, and what they refuse to be read from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ilk.space.index import _scan
from ilk.space.index.lists import Lists


def filled(n: int, d: int = 24, lists: int = 16, seed: int = 0) -> tuple[Lists, np.ndarray]:
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    vectors[:, 0] *= 100  # one dimension far wider than the rest
    index = Lists(d, lists)
    index.train(vectors)
    for start in range(0, n, 70):  # some lists are full in between
        index.add(vectors[start : start + 70])
    return index, vectors


def test_a_code_and_a_product_by_hand():
    middle, step = np.array([1, 0], np.float32), np.array([0.5, 0], np.float32)
    codes, norms = _scan.coded(np.array([[3, 7], [-200, 0]], np.float32), middle, step)
    assert codes.tolist() == [[4, 0], [-127, 0]]  # (3 - 1) / .5; cut off; no spread, no code
    assert norms.tolist() == [4.0, 63.5**2]  # (4 * .5)^2


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 9), st.floats(1e-6, 1e6))
def test_all_lists_find_what_a_plain_loop_finds(seed, d, c, size):
    rng = np.random.default_rng(seed)
    vectors = (size * rng.standard_normal((60, d))).astype(np.float32)
    index = Lists(d, 16)
    index.train(vectors)
    index.add(vectors)
    alive = rng.random(60) < 0.7
    asked = (size * rng.standard_normal((3, d))).astype(np.float32)
    named = np.argsort(index.slots[index.first.repeat(index.held) + _within(index.held)])
    codes = index.codes[index.first.repeat(index.held) + _within(index.held)][named]
    back = index.middle + codes * index.step  # what a code stands for
    for alive_now in (np.zeros(0, bool), alive):
        found = index.search(asked, c, 16, alive_now)
        for row, query in zip(found, asked):
            far = np.linalg.norm(back - query, axis=1)
            far[~alive_now if len(alive_now) else []] = np.inf
            some = row[row >= 0]
            assert len(set(some)) == len(some) == min(c, np.isfinite(far).sum())
            worst = np.sort(far)[len(some) - 1]
            assert far[some].max() <= worst + 2e-3 * np.linalg.norm(back - query, axis=1).max()


def _within(held: np.ndarray) -> np.ndarray:
    return np.arange(held.sum()) - np.repeat(np.cumsum(held) - held, held)


def test_lists_that_are_full_get_room_and_lose_nothing():
    index, vectors = filled(1000)
    assert index.ntotal == index.held.sum() == 1000
    found = index.search(vectors[:200], 3, 16)
    assert np.mean([i in row for i, row in enumerate(found)]) > 0.99
    one_by_one = [index.search(vectors[i : i + 1], 3, 16)[0] for i in range(200)]
    assert [set(r) for r in found.tolist()] == [set(r) for r in np.array(one_by_one).tolist()]


def test_it_is_read_as_it_was_written(tmp_path):
    index, vectors = filled(300)
    (tmp_path / "i.safetensors").write_bytes(index.save())
    again = Lists.load(tmp_path / "i.safetensors")
    assert (again.search(vectors, 5, 4) == index.search(vectors, 5, 4)).all()
    again.add(vectors[:5])
    assert again.ntotal == 305


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("held", np.full(16, 10**6)),
        ("first", np.full(16, -5)),
        ("first", np.full(16, 2**63 - 1)),
        ("slots", np.full(1, 7)),
        ("codes", np.zeros((3, 24), np.int16)),
        ("middle", np.zeros(3, np.float32)),
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path, name, value):
    index, _ = filled(300)
    path = tmp_path / "i.safetensors"
    path.write_bytes(index.save())
    save_file({**load_file(path), name: value}, path)
    with pytest.raises(ValueError, match="does not hold the lists of an index"):
        Lists.load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"i\.safetensors"):
        Lists.load(path)
