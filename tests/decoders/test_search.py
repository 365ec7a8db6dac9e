"""What is written, of all that could be: against every text there is, of a small vocabulary."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ilk.decoders._search import drawn, likeliest, weighed, written

V, END = 4, 0
P = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()[None]


class Table:
    """Logits that hang on all pieces so far, by a table: a model of which every probability is known."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rows: list[tuple[int, ...]] = [()]

    def logits(self, pieces: tuple[int, ...]) -> Tensor:  # (V,)
        draw = torch.Generator().manual_seed(hash((self.seed, *pieces)) % 2**31)
        return torch.randn(V, generator=draw) * 2

    def first(self) -> Tensor:
        return self.logits(())[None]

    def add(self, ids: Tensor) -> Tensor:
        self.rows = [(*row, *new) for row, new in zip(self.rows, ids.tolist(), strict=True)]
        return torch.stack([self.logits(row) for row in self.rows])

    def pick(self, rows: Tensor) -> None:
        self.rows = [self.rows[i] for i in rows.tolist()]

    def every_text(self, longest: int) -> dict[tuple[tuple[int, ...], bool], float]:
        """Log-probability of each text that ends within so many pieces, and of each that is cut there."""
        found = {}
        for n in range(longest + 1):
            for pieces in itertools.product(range(1, V), repeat=n):
                log = sum(
                    float(self.logits(pieces[:i]).double().log_softmax(0)[p]) for i, p in enumerate(pieces)
                )
                if n < longest:
                    found[pieces, True] = log + float(self.logits(pieces).double().log_softmax(0)[END])
                else:
                    found[pieces, False] = log
        return found


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    longest=st.integers(1, 4),
    penalty=st.sampled_from([0.0, 0.6, 1.0, 2.0]),
    n=st.integers(1, 5),
)
def test_wide_enough_a_beam_finds_the_likeliest_of_all(
    seed: int, longest: int, penalty: float, n: int
) -> None:
    table = Table(seed)
    every = table.every_text(longest)
    assert sum(map(math.exp, every.values())) == pytest.approx(1)

    def worth(text: tuple[tuple[int, ...], bool]) -> float:
        pieces, ended = text
        return every[text] / max(len(pieces) + ended, 1) ** penalty

    found = likeliest(table, table.first(), END, longest, (V - 1) ** 4, penalty=penalty)[:n]
    best = sorted(every, key=worth, reverse=True)[:n]
    assert [(tuple(one.ids), one.ended) for one in found] == best
    assert [one.likelihood for one in found] == pytest.approx([every[text] for text in best])


def test_one_beam_without_penalty_to_end_is_greedy() -> None:
    for seed in range(20):
        beam, alone = Table(seed), Table(seed)
        (slow,) = written(alone, alone.first(), END, 5)
        fast = likeliest(beam, beam.first(), END, 5, 1, penalty=0)[0]
        assert fast.likelihood >= slow.likelihood - 1e-6
        if not fast.ended:
            assert fast.ids == slow.ids


class Fork(Table):
    """1 (.6) or 2 (.4); after 1 any of three pieces, after 2 surely 3; then the end."""

    def logits(self, pieces: tuple[int, ...]) -> Tensor:
        share = {(): [0, 0.6, 0.4, 0], (1,): [0, 1, 1, 1], (2,): [0, 0, 0, 1]}.get(pieces, [1, 0, 0, 0])
        return torch.tensor(share).log()


def test_a_wider_beam_sees_what_a_narrow_one_loses() -> None:
    narrow, wide = (likeliest(f := Fork(0), f.first(), END, 4, beams) for beams in (1, 2))
    assert (narrow[0].ids[0], math.exp(narrow[0].likelihood)) == (1, pytest.approx(0.2))
    assert (wide[0].ids, math.exp(wide[0].likelihood)) == ([2, 3], pytest.approx(0.4))


def test_greedy_by_hand() -> None:
    table = Table(3)
    expected: list[int] = []
    while len(expected) < 6 and (piece := int(table.logits(tuple(expected)).argmax())) != END:
        expected.append(piece)
    (one,) = written(table, table.first(), END, 6)
    assert (one.ids, one.ended) == (expected, len(expected) < 6)


def test_each_of_many_ends_by_itself() -> None:
    table = Table(5)
    rows = torch.zeros(200, dtype=torch.int64)
    table.pick(rows)
    found = written(
        table, table.logits(())[None][rows], END, 4, drawn(weighed(), torch.Generator().manual_seed(0))
    )
    every = Table(5).every_text(4)
    assert {one.ended for one in found} == {True, False}
    for one in found:
        assert END not in one.ids
        assert len(one.ids) < 4 or not one.ended
        assert one.likelihood == pytest.approx(every[tuple(one.ids), one.ended], abs=1e-4)


def test_temperature_top_k_and_top_p_by_hand() -> None:
    def p(*how: float | int | None) -> list[float]:
        return weighed(*how)(P).exp()[0].tolist()  # type: ignore[arg-type]

    assert p() == pytest.approx([0.4, 0.3, 0.2, 0.1])
    squares = [0.16, 0.09, 0.04, 0.01]
    assert p(0.5) == pytest.approx([s / 0.3 for s in squares])
    assert p(1.0, 2) == pytest.approx([4 / 7, 3 / 7, 0, 0])
    assert p(1.0, 9) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert p(1.0, None, 0.65) == pytest.approx([4 / 7, 3 / 7, 0, 0])
    assert p(1.0, None, 0.71) == pytest.approx([4 / 9, 3 / 9, 2 / 9, 0])
    assert p(1.0, None, 0.01) == pytest.approx([1, 0, 0, 0])
    assert p(1.0, None, 1.0) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert p(1.0, 3, 0.5) == pytest.approx([4 / 7, 3 / 7, 0, 0])  # of the three left, 4/9 are not yet half


@settings(max_examples=50, deadline=None)
@given(
    logits=st.lists(st.floats(-20, 20), min_size=1, max_size=12), top_p=st.floats(0.01, 1, exclude_min=True)
)
def test_top_p_keeps_the_fewest_pieces_with_that_share(logits: list[float], top_p: float) -> None:
    plain = torch.tensor([logits]).double().softmax(-1)[0]
    kept = weighed(1.0, None, top_p)(torch.tensor([logits]).double())[0].exp() > 0
    mass, least = float(plain[kept].sum()), float(plain[kept].min())
    assert mass >= top_p - 1e-9
    assert mass - least < top_p + 1e-9  # one fewer would not do
    assert not bool((plain[~kept] > least).any())


def test_what_is_drawn_has_the_probabilities_asked_for() -> None:
    choose = drawn(weighed(1.0, None, 0.65), torch.Generator().manual_seed(0))
    share = choose(P.expand(20_000, -1)).bincount(minlength=V) / 20_000
    assert share.tolist() == pytest.approx([4 / 7, 3 / 7, 0, 0], abs=0.015)
