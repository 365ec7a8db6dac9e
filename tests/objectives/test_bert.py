"""BERT and SimCSE: what is hidden, what is told, what is near."""

from math import log

import pytest
import torch

from ilk.encoders._tokenizer import train
from ilk.encoders.convnet import ConvNet
from ilk.encoders.transformer import Transformer
from ilk.errors import OptionError
from ilk.objectives.bert import BERT, IGNORED
from ilk.objectives.simcse import SimCSE, span

TEXTS = ["the cat sat on the mat. the dog sat too.", "a dog and a cat. a mat and a hat."] * 64


@pytest.fixture(scope="module")
def vocabulary() -> str:
    return train("wordpiece", iter(TEXTS), 60)


def encoder(vocabulary: str, **options: object) -> Transformer:
    torch.manual_seed(0)
    return Transformer(vocabulary, 32, 16, width=16, depth=1, heads=2, **options)  # type: ignore[arg-type]


def test_fifteen_in_a_hundred_are_told_most_of_them_hidden(vocabulary: str) -> None:
    objective = BERT(encoder(vocabulary), masked=0.3)
    torch.manual_seed(0)
    seen, told, _ = objective.views(TEXTS)
    before = objective.encoder.pieces(TEXTS).ids
    asked = told != IGNORED
    words = objective.encoder.words
    may = (before > 4) & seen.real
    assert torch.equal(told[asked], before[asked])
    assert not (asked & ~may).any()
    assert torch.equal(seen.ids[~asked], before[~asked])
    assert asked.sum() / may.sum() == pytest.approx(0.3, abs=0.04)
    hidden = (seen.ids[asked] == words.mask).float().mean()
    same = (seen.ids[asked] == before[asked]).float().mean()
    assert hidden == pytest.approx(0.8, abs=0.06)
    assert same == pytest.approx(0.1, abs=0.05)
    assert (seen.ids[asked] > 3).all()  # no mark of another meaning


def test_at_first_every_piece_is_about_as_likely(vocabulary: str) -> None:
    objective = BERT(encoder(vocabulary)).eval()
    loss = objective.loss(*objective.views(TEXTS[:16]), progress=0.0)["words"]
    assert loss.item() == pytest.approx(log(objective.encoder.words.size), rel=0.1)
    empty = objective.loss(*objective.views(["", ""]), progress=0.0)["words"]
    assert empty.item() == 0


def test_whether_halves_belong_together(vocabulary: str) -> None:
    objective = BERT(encoder(vocabulary, segments=True), next_sentence=True)
    torch.manual_seed(0)
    pieces, _, truth = objective.views(TEXTS[:8])
    assert set(truth.tolist()) == {0, 1}
    assert pieces.segments.max() == 1
    assert set(objective.loss(*objective.views(TEXTS[:8]), progress=0.0)) == {"words", "next sentence"}


def test_drop_out_alone_makes_two_of_one(vocabulary: str) -> None:
    objective = SimCSE(encoder(vocabulary), projector=())
    a, b = objective.views(TEXTS[:2])
    assert a == b == TEXTS[:2]
    objective.eval()
    alike = objective.loss(TEXTS[:1] * 4, TEXTS[:1] * 4, progress=0.0)["contrast"]
    assert alike.item() == pytest.approx(log(2 * 4 - 1), abs=1e-4)  # all the same: no better than a guess


def test_spans_stand_together() -> None:
    torch.manual_seed(0)
    words = [str(i) for i in range(20)]
    for _ in range(50):
        found = span(" ".join(words), 0.25).split()
        start = int(found[0])
        assert 5 <= len(found) <= 20
        assert found == words[start : start + len(found)]
    assert (span("one", 0.5), span("", 0.5)) == ("one", "")


def test_halves_share_no_word(vocabulary: str) -> None:
    objective = SimCSE(encoder(vocabulary, dropout=0.0), halves=True)
    assert objective.views(["one two. three four", "five six"]) == (
        ["one two.", "five"],
        ["three four", "six"],
    )


def test_what_makes_no_sense_is_refused(vocabulary: str) -> None:
    for wrong in (
        lambda: BERT(ConvNet()),  # type: ignore[arg-type]
        lambda: BERT(encoder(vocabulary), masked=1.0),
        lambda: BERT(encoder(vocabulary), next_sentence=True),
        lambda: SimCSE(ConvNet()),  # type: ignore[arg-type]
        lambda: SimCSE(encoder(vocabulary, dropout=0.0)),
        lambda: SimCSE(encoder(vocabulary), cropped=0.0),
        lambda: SimCSE(encoder(vocabulary), cropped=0.5, halves=True),
    ):
        with pytest.raises(OptionError):
            wrong()
