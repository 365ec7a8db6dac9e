"""Texts as sums of their words: SIF and TF-IDF."""

import numpy as np
import pytest
import torch

from ilk.encoders import embed, encode
from ilk.encoders.bag import Bag
from ilk.objectives.sif import SIF, weights
from ilk.objectives.tfidf import TFIDF
from ilk.source.text import text

SAID = ["cats purr at night", "dogs bark by day", "cats and kittens purr", "dogs and puppies bark"] * 8


def test_a_text_is_the_sum_of_its_words() -> None:
    bag = TFIDF(dim=512, vocabulary=100).solve(text(SAID))
    assert isinstance(bag, Bag)
    both, cats, purr = encode(bag, ["cats purr", "cats", "purr"]).numpy()
    ids = [i for one in bag.words.numbers(["cats purr"]) for i in one]
    whole = bag.vectors[ids].sum(0).numpy()
    np.testing.assert_allclose(both, whole / np.linalg.norm(whole), atol=1e-6)
    assert both @ cats > 0.5 < both @ purr
    assert abs(cats @ purr) < 0.2
    assert not encode(bag, ["", "日本"]).any()


def test_a_frequent_word_counts_little() -> None:
    windows = np.array([[1, 1, 0], [1, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(weights(windows), [1e-3 / (1e-3 + p) for p in (0.6, 0.2, 0.2)], rtol=1e-6)


def test_words_in_like_company_are_alike() -> None:
    """kittens are never with night, but with what cats are with."""
    source = text(SAID)
    bag = SIF(dim=8, vocabulary=200, common=0).solve(source)
    kittens, night, day = encode(bag, ["kittens", "night", "day"]).numpy()
    assert kittens @ night > kittens @ day + 0.1


def test_what_all_share_is_taken_out() -> None:
    source = text(SAID)
    with_all, without = (SIF(dim=8, vocabulary=200, common=c).solve(source) for c in (0, 1))
    apart = [np.linalg.norm(embed(e, source).mean(0)) for e in (with_all, without)]
    assert apart[1] < 0.5 * apart[0]
    assert isinstance(without, Bag)
    torch.testing.assert_close(without.shared @ without.shared.T, torch.eye(1))


@pytest.mark.parametrize("said", [["word"], ["a"] * 3, ["!", "?"]])
def test_one_word_is_no_reason_to_fail(said: list[str]) -> None:
    assert np.isfinite(embed(SIF().solve(text(said)), text(said))).all()
