"""Do a picture and a caption match? What is drawn to be told apart, values, and what it sorts again."""

from pathlib import Path

import numpy as np
import pytest
import torch

import ilk
from ilk.analysis._sorting import scorer
from ilk.analysis.retrieval import both_ways
from ilk.analysis.zeroshot import _scale
from ilk.encoders import build, embed
from ilk.encoders._tokenizer import train
from ilk.encoders.fused import Fused
from ilk.encoders.two import Two
from ilk.errors import OptionError
from ilk.objectives.matching import Matching, drawn, match
from ilk.source.images import Images
from ilk.source.pairs import Pairs
from ilk.source.text import Text
from ilk.training.fit import fit
from ilk.training.recipe import Recipe


def test_by_hand() -> None:
    """All log odds 0: every answer is a coin's. Then three certain ones, and one surely wrong."""
    told = torch.tensor([True, True])
    assert match(torch.zeros(2), torch.zeros(2, 2), told).item() == pytest.approx(np.log(2))
    wrong = torch.tensor([[-50.0, 8.0], [-50.0, -50.0]])
    assert match(torch.full((2,), 50.0), wrong, told).item() == pytest.approx(8 / 4 / 2, rel=1e-3)
    only = match(torch.full((2,), 50.0), wrong, torch.tensor([True, False]))
    assert only.item() == pytest.approx(0, abs=1e-6)
    assert match(torch.zeros(2), wrong, ~told).item() == pytest.approx(np.log(2) / 2)  # none to tell apart


def test_what_is_near_is_drawn_and_what_says_the_same_never() -> None:
    torch.manual_seed(0)
    near = torch.tensor([[9.0, 2, 0, 9], [2, 9, 2, 2], [0, 0, 9, 0], [0, 0, 0, 9]])
    other = torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]]).bool()
    rows = torch.stack([drawn(near, other) for _ in range(2000)])  # (draws, 4)
    assert set(rows[:, 0].tolist()) == {1, 2}
    share = np.exp(2) / (np.exp(2) + 1)
    assert (rows[:, 0] == 1).float().mean().item() == pytest.approx(share, abs=0.03)
    assert set(rows[:, 3].tolist()) == {0, 1, 2}
    assert rows[:, 2].min() >= 0  # there is no other: any, and not counted


def halves(n: int = 160) -> Pairs:
    """A colour above another; the caption tells which is above, so that both colours alone tell nothing."""
    colours = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
    rng = np.random.default_rng(0)
    told = [tuple(rng.permutation([*colours])[:2]) for _ in range(n)]
    pixels = np.zeros((n, 3, 16, 16))
    for i, (above, below) in enumerate(told):
        pixels[i, :, :8], pixels[i, :, 8:] = (np.array(colours[c])[:, None, None] for c in (above, below))
    pixels = np.clip(pixels + rng.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    says, ids = [f"{a} above {b}" for a, b in told], [str(i) for i in range(n)]
    return Pairs(Images(pixels, ids), Text(says, ids))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Fused:
    source = halves().take(np.arange(120))
    torch.manual_seed(0)
    words = train("wordpiece", iter(source.captions.batch(np.arange(120))), 60)
    small = {"length": 8, "dim": 16, "width": 32, "depth": 1, "heads": 2}
    reading = build("transformer", {}, tokenizer=words, **small)
    encoder = Fused(Two(build("convnet", source.traits, dim=16, width=8), reading, 16), depth=1, heads=2)
    recipe = Recipe(steps=40, batch=32, held_out=0, checks=1)
    fit(Matching(encoder), source, recipe, run=tmp_path_factory.mktemp("matching"))
    return encoder.eval()


def test_what_is_above_is_told_and_looking_at_both_spoils_nothing(learnt: Fused) -> None:
    asked = halves().take(np.arange(120, 160))
    said = asked.captions.batch(np.arange(40))
    vectors = embed(learnt, asked.pictures), embed(learnt, asked.captions)
    found = both_ways(*vectors, said, scorer(learnt, asked))
    assert [way.name for way in found.ways] == [
        *("words to pictures", "pictures to words"),
        *("words to pictures, sorted again", "pictures to words, sorted again"),
    ]
    assert all(way.recall[0] > 0.9 for way in found.ways)


def test_the_score_is_the_cosine_and_what_looking_at_both_adds(learnt: Fused) -> None:
    asked = halves().take(np.arange(120, 160))
    with torch.inference_mode():
        seen, said = learnt.apart(*asked.batch(np.arange(40)))
        own = learnt.score(seen, said)
        cosine = (seen.vector * said.vector).sum(1) * learnt.scale
        added = learnt.beyond(seen, said)
    assert torch.allclose(own - cosine, added, atol=1e-4)
    rows = np.arange(40)
    assert scorer(learnt, asked)(rows, rows) == pytest.approx(own.numpy(), abs=1e-3)


def test_a_space_that_words_ask(tmp_path: Path) -> None:
    source = halves(40)
    small = {"dim": 8, "width": 4, "vocabulary": 60}
    recipe = Recipe(steps=1, batch=8, checks=1)
    space = ilk.learn(source, "matching", out=tmp_path / "flags", recipe=recipe, **small)
    assert space.in_words
    assert space.info()["encoder"] == "fused"
    assert space.search("red above blue", 3).ids.shape == (1, 3)
    assert len(ilk.retrieval(space, source).ways) == 4
    assert _scale(space) == pytest.approx(1 / 0.07, rel=0.1)


def test_what_is_refused() -> None:
    convnet = build("convnet", {"channels": 3, "size": 16}, width=4)
    with pytest.raises(OptionError, match="Fused"):
        Matching(Two(convnet, convnet, 8))  # type: ignore[arg-type]
