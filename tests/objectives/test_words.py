"""word2vec, fastText, doc2vec: tables by hand, gradients by autograd, words whose company is known."""

import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ilk import objectives
from ilk.encoders import Encoder, encode
from ilk.encoders._words import kernels
from ilk.encoders._words.kernels import Numbers, Tables
from ilk.encoders._words.tables import alias, huffman, kept
from ilk.encoders.words import Words
from ilk.errors import DataError, OptionError, UnknownName
from ilk.objectives import ClosedForm
from ilk.objectives._words import corpus as reading
from ilk.objectives._words import training
from ilk.objectives._words.corpus import corpus
from ilk.source.text import text


def test_huffman_by_hand() -> None:
    """1 + 1 = 2; 2 + 2 = 4; 4 + 5: the rare two lie three deep, the frequent one beside the root."""
    starts, nodes, left = huffman([5, 2, 1, 1])
    paths = [(nodes[a:b].tolist(), left[a:b].tolist()) for a, b in pairwise(starts)]
    assert paths == [([2], [0]), ([2, 1], [1, 1]), ([2, 1, 0], [1, 0, 0]), ([2, 1, 0], [1, 0, 1])]


def test_huffman_is_the_shortest_code() -> None:
    counts = np.random.default_rng(0).geometric(0.02, 200)
    total, weights = 0, sorted(map(int, counts))
    while len(weights) > 1:  # what is joined is paid for once more
        one, other, *weights = weights
        total += one + other
        weights = sorted([*weights, one + other])
    assert (np.diff(huffman(counts)[0]) * counts).sum() == total


def test_probabilities_of_the_tree_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    starts, nodes, left = huffman(rng.integers(1, 50, 30))
    scores = rng.normal(size=29) * 3
    step = np.where(left == 1, 1, -1) * scores[nodes]
    chance = [np.exp(-np.logaddexp(0, -step[a:b]).sum()) for a, b in pairwise(starts)]
    assert sum(chance) == pytest.approx(1)


def test_noise_is_drawn_by_its_weights() -> None:
    weights = np.array([8.0, 1, 3, 0.5])
    accept, other = alias(weights)
    drawn = accept.astype(float)
    np.add.at(drawn, other, 1 - accept)
    assert drawn / 4 == pytest.approx(weights / weights.sum())


def test_frequent_words_are_thinned_out() -> None:
    keep = kept(np.array([900, 100]), 0.01)
    share = np.sqrt(0.01 / 0.9) + 0.01 / 0.9
    assert keep / 2**32 == pytest.approx([share, np.sqrt(0.1) + 0.1], abs=1e-6)
    held = np.zeros(50_000, np.int32)
    n, _, _ = kernels._piece(np.zeros(50_000, np.int32), 0, 50_000, keep, held, np.uint64(1))
    assert n / 50_000 == pytest.approx(share, abs=5 * np.sqrt(share / 50_000))


def always(word: int, V: int, bags: tuple[np.ndarray, np.ndarray] | None = None) -> Tables:
    """Nothing is thinned out, and this word is all the noise."""
    one = np.zeros(1, np.int64)
    starts, rows = bags or (one, np.zeros(1, np.int32))
    no_tree = (one, np.zeros(1, np.int32), np.zeros(1, np.float32))
    noise = (np.zeros(V, np.float32), np.full(V, word, np.int32))
    return Tables(np.full(V, 2**32 - 1, np.uint32), *noise, *no_tree, starts, rows)


def matrices(rows: int, V: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 8)).astype(np.float32), rng.normal(size=(V, 8)).astype(np.float32)


def stepped(loss: Any, inputs: np.ndarray, outputs: np.ndarray, rate: float) -> tuple[Any, Any]:
    A, B = (torch.tensor(m, requires_grad=True) for m in (inputs, outputs))
    a, b = torch.autograd.grad(loss(A, B), (A, B))
    return (A - rate * a).detach(), (B - rate * b).detach()


def test_the_step_of_skip_gram_is_the_gradient_of_negative_sampling() -> None:
    inputs, outputs = matrices(3, 3)
    A, B = inputs, outputs
    for middle, near in ((0, 1), (1, 0)):  # both places of a text of two words

        def loss(A: Any, B: Any, middle: int = middle, near: int = near) -> Any:
            return -F.logsigmoid(A[near] @ B[middle]) - 2 * F.logsigmoid(-A[near] @ B[2])

        A, B = stepped(loss, np.asarray(A), np.asarray(B), 0.1)
    ids = np.array([0, 1, -1], np.int32)
    kernels.skip_gram(ids, 0, 3, inputs, outputs, always(2, 3), Numbers(1, 2, 0.1, 0.1, 1))
    assert np.allclose(inputs, A, atol=1e-3)  # the sigmoid is a table
    assert np.allclose(outputs, B, atol=1e-3)


def test_the_steps_of_pooled_words_and_of_bags() -> None:
    """A bag takes the whole step with each row, as in fastText: its mean takes the step too."""
    ids = np.array([0, 1, -1], np.int32)
    bags = (np.array([0, 2, 3, 4]), np.array([0, 3, 1, 2], np.int32))  # word 0: rows 0 and 3
    for kernel, rest in ((kernels.bags, ()), (kernels.pooled, (np.zeros((0, 8), np.float32), 0, False))):
        inputs, outputs = matrices(4, 3)
        A, B = torch.tensor(inputs), torch.tensor(outputs)
        order = ((0, 1), (1, 0)) if kernel is kernels.bags else ((1, 0), (0, 1))
        for source, aim in order:
            rows = [0, 3] if source == 0 else [source]
            h = A[rows].mean(0)

            def loss(h: Any, B: Any, aim: int = aim) -> Any:
                return -F.logsigmoid(h @ B[aim]) - F.logsigmoid(-h @ B[2])

            moved, B = stepped(loss, h.numpy(), B.numpy(), 0.01)
            A[rows] += moved - h
        numbers = Numbers(1, 1, 0.01, 0.01, 1)
        kernel(ids, 0, 3, inputs, outputs, always(2, 3, bags), numbers, *rest)
        assert np.allclose(inputs, A, atol=2e-4)
        assert np.allclose(outputs, B, atol=2e-4)


KINDS = [[f"{kind}{i}" for i in range(6)] for kind in ("walk", "sing", "cook")]


def planted(n: int = 900) -> list[str]:
    """Each text of one kind of words."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(KINDS[i % 3], 10)) for i in range(n)]


def learnt(name: str, texts: list[str], **options: Any) -> Encoder:
    cls = objectives.find(name)
    assert issubclass(cls, ClosedForm)
    small = {"dim": 12, "threads": 1, "sample": 0.0, "epochs": 6, "rate": 0.05, "min_count": 1}
    return cls(**small | options).solve(text(texts))


def own_kind(encoder: Encoder, samples: list[str], kinds: list[str]) -> float:
    """How often the nearest other is of the same kind."""
    z = F.normalize(encode(encoder, samples))
    nearest = (z @ z.T - 2 * torch.eye(len(z))).argmax(1)
    return float(np.mean([kinds[i] == kinds[j] for i, j in enumerate(nearest.tolist())]))


@pytest.mark.parametrize("model", ["skip-gram", "cbow"])
@pytest.mark.parametrize("negative", [5, 0])
@pytest.mark.parametrize("name", ["word2vec", "fasttext"])
def test_words_in_like_company_are_alike(name: str, negative: int, model: str) -> None:
    encoder = learnt(name, planted(), model=model, negative=negative)
    assert isinstance(encoder, Words)
    assert own_kind(encoder, encoder.words, [w[:4] for w in encoder.words]) == 1


@pytest.mark.parametrize(("model", "negative"), [("dbow", 5), ("dbow", 0), ("dm", 5)])
def test_texts_of_like_words_are_alike(model: str, negative: int) -> None:
    encoder = learnt("doc2vec", planted(), model=model, negative=negative)
    new = [" ".join(words[:4] * 2) for words in KINDS for _ in range(2)]
    assert own_kind(encoder, new, [t[:4] for t in new]) == 1
    assert encode(encoder, ["unknown words alone"]).abs().sum() == 0


def test_an_unseen_word_is_like_those_that_share_its_pieces() -> None:
    encoder = learnt("fasttext", planted())
    z = F.normalize(encode(encoder, ["cooks", *(kind[0] for kind in KINDS)]))
    assert (z[1:] @ z[0]).argmax() == 2


def test_two_threads_learn_the_same_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CROWD", 1000)
    encoder = learnt("word2vec", planted(), threads=2)
    assert isinstance(encoder, Words)
    assert own_kind(encoder, encoder.words, [w[:4] for w in encoder.words]) == 1


def test_the_same_seed_gives_the_same_bits() -> None:
    one, other = (learnt("word2vec", planted(60)) for _ in range(2))
    assert torch.equal(one.vectors, other.vectors)


def test_the_corpus_in_numbers() -> None:
    found = corpus(text(["b a b", "c b a", "b d b"]), lower=True, min_count=2)
    assert found.words == ["b", "a"]
    assert found.counts.tolist() == [5, 2]
    assert found.ids.tolist() == [0, 1, 0, -1, 0, 1, -1, 0, 0, -1]


def test_phrases() -> None:
    rng = np.random.default_rng(0)
    plain = [f"w{i}" for i in rng.integers(0, 40, 8000)]
    texts = [" ".join([*plain[i : i + 200], "new", "york", "city"]) for i in range(0, 8000, 200)]
    once, twice = (corpus(text(texts), lower=True, min_count=5, phrases=n) for n in (1, 2))
    assert [w for w in once.words if "_" in w] == ["new_york"]
    assert "york" not in once.words
    assert [w for w in twice.words if "_" in w] == ["new_york_city"]
    assert twice.counts[twice.words.index("new_york_city")] == 40
    assert len(twice.ids) == 8000 + 2 * 40


def test_of_too_many_words_the_rarest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST", 50)
    monkeypatch.setattr(reading, "TEXTS", 10)
    texts = [f"often usual {i} {i + 1000}" for i in range(100)]
    found = corpus(text(texts), lower=True, min_count=5)
    assert found.words == ["often", "usual"]
    assert found.counts.tolist() == [100, 100]


def test_a_line_of_any_length_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TEXTS", 64)
    (tmp_path / "line.txt").write_text("a line without an end " * 60_000)  # 1.3 MB
    source = text(tmp_path / "line.txt")
    tracemalloc.start()
    found = corpus(source, lower=True, min_count=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(found.counts) == 300_000
    assert peak < 4_000_000  # the words alone, as Python's strings, would take 16 MB


def test_one_word_is_enough() -> None:
    for name in ("word2vec", "fasttext", "doc2vec"):
        for negative in (5, 0):
            vectors = encode(learnt(name, ["one one", "one"], negative=negative), ["one"])
            assert vectors.isfinite().all()


def test_too_little_text_is_told() -> None:
    with pytest.raises(DataError, match=r"no word occurs 5 times: the most frequent occurs 2 times"):
        learnt("word2vec", ["one one", "two"], min_count=5)
    with pytest.raises(DataError, match="there is no word"):
        learnt("word2vec", ["... !", "--"])


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"model": "cbw"}, UnknownName, "no model called 'cbw'"),
        ({"window": 0}, OptionError, "window is 0"),
        ({"epochs": 1.5}, OptionError, "epochs is 1.5"),
        ({"rate": 0.0}, OptionError, "rate 0.0"),
        ({"shortest": 7}, OptionError, "pieces of 7 to 6 letters"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        learnt("fasttext", ["one"], **options)


def test_pictures_are_no_texts() -> None:
    from ilk.source.images import Images

    pictures = Images(np.zeros((3, 1, 8, 8), np.uint8), ["a", "b", "c"])
    with pytest.raises(DataError, match="words are found in texts; this is a"):
        corpus(pictures, lower=True, min_count=1)
