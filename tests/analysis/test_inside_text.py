"""A look inside an encoder of text, by hand: whose pieces are looked at, which words make the vector."""

import math

import pytest
import torch
from torch import Tensor

from ilk.analysis.inside_text import Reading, origin, reading, sinks
from ilk.encoders import Encoder, build
from ilk.encoders._tokenizer import train
from ilk.encoders.projected import Projected
from ilk.errors import DataError

TEXTS = ["the boat left the harbour at dawn", "bread needs flour, water and salt", "the sea was calm"]
SMALL = {"width": 16, "depth": 2, "heads": 2, "dim": 8}


class _Counts(Encoder):
    """How often `a` and how often `b` is said."""

    kind = "text"
    dim = 2

    def forward(self, x: list[str]) -> Tensor:
        return torch.tensor([[t.split().count("a"), t.split().count("b")] for t in x], dtype=torch.float32)


@pytest.fixture(scope="module")
def words() -> str:
    return train("wordpiece", iter(TEXTS * 5), 120)


def test_where_a_vector_comes_from_by_hand() -> None:
    """Of (2, 1), `a` leaves (1, 1) and `b` (2, 0); what is not counted leaves it as it is."""
    found = origin(_Counts(), ["a", "x", "b", "a"])
    by_a, by_b = 1 - 3 / math.sqrt(10), 1 - 2 / math.sqrt(5)
    torch.testing.assert_close(found, torch.tensor([by_a, 0.0, by_b, by_a]), atol=1e-6, rtol=0)
    assert origin(_Counts(), ["a"]).tolist() == [1.0]  # nothing is left
    with pytest.raises(DataError, match="no word of 'x y'"):
        origin(_Counts(), ["x", "y"])


def test_rollout_goes_to_those_that_make_the_vector() -> None:
    """The first of two pieces looks at itself, the second at the first; half of each passes by."""
    weights = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    rows = {"cls": [1.0, 0.0], "last": [0.5, 0.5], "mean": [0.75, 0.25]}
    for pool, wanted in rows.items():
        assert Reading(["a", "b"], [weights], pool, True).rollout().tolist() == wanted


def test_even_shares_reckon_with_who_can_be_seen() -> None:
    """Looking back evenly, three pieces receive (1 + 1/2 + 1/3) / 3, ... : no sink."""
    back = torch.tensor([[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])[None]
    one = Reading(["a", "b", "c"], [back], "mean", True)
    torch.testing.assert_close(one.received()[0], torch.ones(3))
    free = Reading(["a", "b", "c"], [back], "mean", False).received()[0]
    torch.testing.assert_close(free, torch.tensor([11 / 6, 5 / 6, 1 / 3]))


@pytest.mark.parametrize("name", ["transformer", "causal"])
def test_of_our_transformers(name: str, words: str) -> None:
    torch.manual_seed(0)
    small = SMALL if name == "transformer" else {"dim": 16, "depth": 2, "heads": 2}
    encoder = Projected(build(name, {"tokenizer": words}, **small), 2)
    found = reading(encoder, TEXTS[0])
    assert found is not None
    assert (found.pieces[0], found.pieces[-1]) == ("[CLS]", "[SEP]")
    assert "harbour" in found.pieces
    T = len(found.pieces)
    assert [tuple(w.shape) for w in found.layers] == [(2, T, T)] * 2
    assert found.rollout().sum().item() == pytest.approx(1, abs=1e-5)
    assert (found.layers[0].triu(1) == 0).all() == (name == "causal")
    measured = sinks(encoder, TEXTS)
    assert measured is not None
    assert all(1 <= share < 2 for share in measured.shares)  # nothing learnt: no sink
    assert measured.table().column_names == ["layer", "piece", "shares"]


def test_a_piece_that_all_look_at_is_found(words: str) -> None:
    """Every key is the same but that of [SEP], which all ask for."""
    torch.manual_seed(0)
    encoder = build("transformer", {"tokenizer": words}, **SMALL).eval()
    with torch.no_grad():
        encoder.embed.weight[encoder.words.end] = 5 * torch.randn(16)
        work = encoder.blocks[0].attention.work
        telling = encoder.blocks[0].attention.norm(encoder.embed.weight[encoder.words.end])
        work.q.weight.zero_()
        work.q.bias.copy_(2000 * work.kv(telling)[:16])
    found = sinks(encoder, TEXTS)
    assert found is not None
    assert (found.piece[0], found.sentence()[:20]) == ("[SEP]", "In layer 1 '[SEP]' r")
    assert found.shares[0] > 3


def test_others_have_no_attention() -> None:
    assert reading(_Counts(), "a b") is None
    assert sinks(_Counts(), ["a b"]) is None
