"""Objectives of models that write: what is given and what is told, by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from ilk.decoders._blanks import BLANKS
from ilk.encoders import build
from ilk.encoders._tokenizer import train
from ilk.encoders.causal import Causal as Network
from ilk.encoders.transformer import Transformer
from ilk.errors import OptionError
from ilk.objectives import _next
from ilk.objectives.causal import Causal, _places
from ilk.objectives.seq2seq import Seq2Seq, corrupted, left_out
from ilk.objectives.tsdae import TSDAE, lacking
from ilk.source.text import Text

TEXTS = ["the sea is deep", "a ship on the sea", "night", "the night is long and the sea is deep and dark"]
B = [100, 101, 102]  # blanks


@pytest.fixture(scope="module")
def tokenizer() -> str:
    return train("bpe", iter(TEXTS), 340, extra=BLANKS)


def causal(tokenizer: str, length: int = 8) -> Causal:
    torch.manual_seed(0)
    return Causal(Network(tokenizer, length, 16, 2, 2))


def both_ways(tokenizer: str) -> Transformer:
    torch.manual_seed(0)
    return Transformer(tokenizer, 24, 12, width=16, depth=1, heads=2, dropout=0.0)


def test_windows_by_hand() -> None:
    texts = [[1, 2, 3], [4, 5, 6, 7], [8]]
    ids, of = _next.windows(texts, 3, 0)
    assert ids.tolist() == [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 0, 0]]
    assert of.tolist() == [[0, 0, 0, 1], [1, 1, 1, 1], [1, 2, -1, -1]]
    assert _places(of).tolist() == [[0, 1, 2, 0], [0, 1, 2, 3], [0, 0, 0, 1]]
    ids, of = _next.windows(texts, 3, 0, apart=True)
    assert ids.tolist() == [[1, 2, 3, 0], [4, 5, 6, 7], [8, 0, 0, 0]]
    assert of.tolist() == [[0, 0, 0, -1], [1, 1, 1, 1], [2, -1, -1, -1]]


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(2, 12), min_size=1, max_size=8), length=st.integers(2, 9))
def test_each_piece_but_a_texts_first_is_told_once(lengths: list[int], length: int) -> None:
    numbers = iter(range(1, 1000))
    texts = [[next(numbers) for _ in range(n)] for n in lengths]
    for apart in (False, True):
        ids, of = _next.windows(texts, length, 0, apart=apart)
        told = ids[:, 1:][(of[:, 1:] == of[:, :-1]) & (of[:, 1:] >= 0)]
        assert sorted(told.tolist()) == sorted(p for t in texts for p in t[1:])


@torch.no_grad()
def test_the_surprise_is_that_of_each_text_alone(tokenizer: str) -> None:
    """Packed into windows or not, where no window cuts a text: the same nats."""
    objective = causal(tokenizer, 64).eval()
    words, writing = objective.encoder.words, objective.encoder.writing
    expected, pieces = 0.0, 0
    for text in words.numbers(TEXTS):
        ids = torch.tensor([[words.start, *text, words.end]])
        logits = writing.logits(writing(ids))[0, :-1]
        expected += float(F.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        pieces += ids.shape[1] - 1
    ids, of = objective.views(TEXTS)
    assert ids.shape == (1, sum(len(t) + 2 for t in words.numbers(TEXTS)))  # all in one window
    nats, told = objective.told(ids, of)
    assert (float(nats), int(told)) == (pytest.approx(expected, rel=1e-4), pieces)
    assert float(objective.loss(ids, of, progress=0)["surprise"]) == pytest.approx(
        expected / pieces, rel=1e-4
    )
    source = Text(TEXTS, list("abcd"))
    found = objective.perplexity(source, np.arange(4))
    assert found == pytest.approx(math.exp(expected / pieces), rel=1e-4)
    assert found == pytest.approx(words.size, rel=0.2)  # it has learnt nothing yet
    assert not objective.training


def test_a_text_sees_no_other_in_its_window(tokenizer: str) -> None:
    objective = causal(tokenizer, 64).eval()
    ids, of = objective.views(TEXTS)
    other = torch.where(of == 0, 9, ids)
    z, changed = (
        objective.encoder.writing(
            i, places=_places(of), allowed=(of[:, None, :, None] == of[:, None, None, :])
        )
        for i in (ids, other)
    )
    assert torch.equal(z[of > 0], changed[of > 0])
    assert not torch.equal(z[of == 0], changed[of == 0])


def test_span_corruption_by_hand() -> None:
    """T5's figure: Thank you [for inviting] me to your party [last] week."""
    pieces = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    given, wanted = corrupted(pieces, [(2, 4), (8, 9)], B)
    assert given == [1, 2, 100, 5, 6, 7, 8, 101, 10]
    assert wanted == [100, 3, 4, 101, 9]
    assert corrupted([], [], B) == ([], [])


@settings(max_examples=100, deadline=None)
@given(n=st.integers(0, 300), share=st.floats(0.01, 0.9), span=st.floats(1, 10), seed=st.integers(0, 100))
def test_what_is_left_out(n: int, share: float, span: float, seed: int) -> None:
    torch.manual_seed(seed)
    spans = left_out(n, share, span)
    out = [p for begin, end in spans for p in range(begin, end)]
    assert len(out) == (min(max(round(n * share), 1), max(n - 1, 1)) if n else 0)
    assert all(begin < end for begin, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans)) or n == 1  # something stands between
    assert len(spans) <= len(BLANKS)
    given, wanted = corrupted(range(n), spans, range(1000, 1000 + len(BLANKS)))
    whole = list(given)
    for begin in [i for i, p in enumerate(wanted) if p >= 1000]:
        inside = wanted[begin + 1 :]
        inside = inside[: next((i for i, p in enumerate(inside) if p >= 1000), len(inside))]
        at = whole.index(wanted[begin])
        whole[at : at + 1] = inside
    assert whole == list(range(n))


def test_fifteen_percent_three_in_a_row() -> None:
    torch.manual_seed(0)
    found = [left_out(100, 0.15, 3.0) for _ in range(50)]
    assert {sum(end - begin for begin, end in spans) for spans in found} == {15}
    assert {len(spans) for spans in found} == {5}
    assert len({tuple(spans) for spans in found}) == 50


def test_seq2seq_is_given_and_wants_the_texts(tokenizer: str) -> None:
    objective = Seq2Seq(both_ways(tokenizer), decoder_width=16, decoder_depth=1, decoder_heads=2)
    words = objective.encoder.words
    torch.manual_seed(0)
    given, wanted = objective.views(TEXTS)
    for text, left, out in zip(words.numbers(TEXTS), given.tolist(), wanted.tolist()):
        left, out = ([p for p in row if p != words.pad] for row in (left, out))
        assert (left[0], left[-1], out[0], out[-1]) == (words.start, words.end, words.start, words.end)
        assert sorted([*left[1:-1], *out[1:-1]]) == sorted(
            [*text, *(p for p in [*left, *out] if p in objective.blanks)]
        )
        assert out[1] == objective.blanks[0]
    nats, pieces = objective.told(given, wanted)
    assert int(pieces) == int((wanted[:, 1:] != words.pad).sum())
    assert (nats / pieces).item() == pytest.approx(math.log(words.size), rel=0.1)


@settings(max_examples=50, deadline=None)
@given(share=st.floats(0, 0.99), seed=st.integers(0, 1000), n=st.integers(0, 30))
def test_words_are_deleted_and_one_stays(share: float, seed: int, n: int) -> None:
    torch.manual_seed(seed)
    kept = lacking(" ".join(map(str, range(n))), share).split()
    assert [int(w) for w in kept] == sorted({int(w) for w in kept})
    assert (len(kept) > 0) == (n > 0)


def test_three_of_five_words_are_deleted() -> None:
    torch.manual_seed(0)
    assert len(lacking("word " * 2000, 0.6).split()) == pytest.approx(800, abs=80)
    assert lacking("the sea  is deep", 0.0) == "the sea is deep"


def test_tsdae_writes_from_the_vector_alone(tokenizer: str) -> None:
    objective = TSDAE(both_ways(tokenizer), decoder_width=16, decoder_heads=2).eval()
    lacks, ids = objective.views(TEXTS)
    assert ids[:, 0].tolist() == [objective.decoder.words.start] * 4
    context, allowed = objective.decoder.context(objective.encoder(lacks))
    assert context.shape == (4, 1, 16)
    assert allowed is None


def test_what_cannot_be(tokenizer: str) -> None:
    convnet = build("convnet", {}, dim=8, width=4)
    for cls, name in ((Causal, "causal"), (Seq2Seq, "transformer"), (TSDAE, "transformer")):
        with pytest.raises(OptionError, match=f"Give one that does: --encoder {name}"):
            cls(convnet)
    with pytest.raises(OptionError, match="the vocabulary has no pieces for what is left out"):
        Seq2Seq(both_ways(train("bpe", iter(TEXTS), 300)))
    for option in ({"missing": 0.0}, {"missing": 1.0}, {"span": 0.5}):
        with pytest.raises(OptionError, match="Give a share between 0 and 1"):
            Seq2Seq(both_ways(tokenizer), **option)
    with pytest.raises(OptionError, match=r"deleted is 1\.0"):
        TSDAE(both_ways(tokenizer), deleted=1.0)
