"""A decoder of texts learns to write what its vector stands for, kept keys and values or not."""

import pytest
import torch
from torch import Tensor

from ilk.decoders._search import likeliest, written
from ilk.decoders.text import Writer
from ilk.encoders._tokenizer import train
from ilk.objectives import _next

TEXTS = ["the sea is deep", "a ship on the sea", "night", "the night is long and dark"]


class Anew:
    """What is written, computed from the first piece on at each step: no keys or values are kept."""

    def __init__(self, writer: Writer, context: Tensor, allowed: Tensor | None) -> None:
        self.writer, self.context, self.allowed = writer, context, allowed
        self.ids = torch.zeros(1, 0, dtype=torch.int64)
        self.never = writer.line(context, allowed).never

    def add(self, ids: Tensor) -> Tensor:
        self.ids = torch.cat([self.ids, ids], 1)
        z = self.writer.writing(self.ids, context=self.context, context_allowed=self.allowed)
        logits = self.writer.writing.logits(z[:, -1])
        logits[:, self.never] = -torch.inf
        return logits

    def pick(self, rows: Tensor) -> None:
        self.ids, self.context = self.ids[rows], self.context[rows]
        self.allowed = None if self.allowed is None else self.allowed[rows]


@pytest.fixture(scope="module")
def tokenizer() -> str:
    return train("bpe", iter(TEXTS), 300)


@pytest.fixture(scope="module")
def learnt(tokenizer: str) -> tuple[Writer, Tensor]:
    """Four vectors, and a decoder that has learnt the text of each by heart."""
    torch.manual_seed(0)
    writer, vectors = Writer(tokenizer, 4, None, 16, 32, 1, 2), torch.eye(4)
    words = writer.words
    ids = _next.filled([[words.start, *p, words.end] for p in words.numbers(TEXTS)], words.pad)
    optimiser = torch.optim.AdamW(writer.parameters(), 1e-2)
    for _ in range(60):
        loss = _next.mean(_next.written(writer, ids, *writer.context(vectors)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return writer.eval(), vectors


def random(writer: Writer) -> Writer:
    """First weights, large enough that no two pieces are alike."""
    torch.manual_seed(1)
    for p in writer.parameters():
        torch.nn.init.normal_(p, 0.0 if p.ndim > 1 else 1.0, 0.5)
    return writer.eval()


@torch.inference_mode()
def test_writes_what_each_vector_stands_for(learnt: tuple[Writer, Tensor]) -> None:
    writer, vectors = learnt
    assert writer(vectors) == TEXTS
    assert writer(vectors[[2]]) == ["night"]
    assert [writer(v[None])[0] for v in vectors] == TEXTS


@torch.inference_mode()
@pytest.mark.parametrize("seen", [False, True])  # whether tokens may be looked at beside the vector
def test_with_kept_keys_and_values_as_without(tokenizer: str, seen: bool) -> None:
    writer = random(Writer(tokenizer, 4, 6 if seen else None, 12, 16, 2, 2))
    tokens, real = (torch.randn(1, 3, 6), torch.tensor([[True, True, False]])) if seen else (None, None)
    context = writer.context(torch.randn(1, 4), tokens, real)
    start = torch.tensor([[writer.words.start]])
    for beams in (1, 4):
        fast, slow = writer.line(*context), Anew(writer, *context)
        first, same = fast.add(start), slow.add(start)
        torch.testing.assert_close(first, same)
        rows = torch.zeros(beams, dtype=torch.int64)
        if beams == 1:
            fast.pick(rows)
            slow.pick(rows)
            found, expected = (written(line, first, writer.words.end, 12) for line in (fast, slow))
        else:
            found, expected = (likeliest(line, first, writer.words.end, 12, beams) for line in (fast, slow))
        assert [one.ids for one in found] == [one.ids for one in expected]
        assert len({tuple(one.ids) for one in found}) == beams
        assert max(len(one.ids) for one in found) > 3
        likelihoods = [one.likelihood for one in expected]
        assert [one.likelihood for one in found] == pytest.approx(likelihoods, rel=1e-4)


@torch.inference_mode()
def test_a_token_that_is_not_real_changes_nothing(tokenizer: str) -> None:
    writer = random(Writer(tokenizer, 4, 6, 12, 16, 2, 2))
    vector, tokens = torch.randn(1, 4), torch.randn(1, 3, 6)
    ids, real = torch.tensor([[2, 9, 8]]), torch.tensor([[True, True, False]])
    other = tokens.clone()
    other[:, 2] = 5

    def told(tokens: Tensor, real: Tensor | None) -> float:
        return float(_next.written(writer, ids, *writer.context(vector, tokens, real))[0])

    assert told(tokens, real) == pytest.approx(told(other, real))
    assert told(tokens, None) != pytest.approx(told(other, None))
    assert told(tokens[:, :2], None) == pytest.approx(told(tokens, real))


def test_marks_are_never_written(tokenizer: str) -> None:
    torch.manual_seed(0)
    writer = Writer(tokenizer, 4, None, 12, 16, 1, 2).eval()
    words = writer.words
    with torch.no_grad():
        for mark in (words.pad, words.start, words.mask, words.unknown):
            writer.writing.embed.weight[mark] *= 1000
        logits = writer.line(*writer.context(torch.randn(2, 4))).add(torch.tensor([[words.start]] * 2))
    assert logits.isinf().nonzero()[:, 1].unique().tolist() == sorted(
        [words.pad, words.unknown, words.start, words.mask]
    )
