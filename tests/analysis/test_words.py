"""Questions to a space of words whose vectors are set by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

import ilk
from ilk.encoders.words import Words
from ilk.errors import OptionError, SpaceError, UnknownName
from ilk.objectives._words.vectors import Vocabulary
from ilk.space import Space

ROYAL, MALE, YOUNG = np.eye(3, dtype=np.float32)
KNOWN = {
    "king": ROYAL + MALE,
    "queen": ROYAL - MALE,
    "man": MALE + 0.1 * YOUNG,
    "woman": -MALE + 0.1 * YOUNG,
    "prince": ROYAL + MALE + YOUNG,
    "princess": ROYAL - MALE + YOUNG,
}


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    encoder = Words([*KNOWN], 3)
    encoder.vectors.copy_(torch.from_numpy(np.stack([*KNOWN.values()])))
    content = Vocabulary(encoder, {"reader": "text", "by": "line"})
    made = Space.create(
        tmp_path_factory.mktemp("words") / "royal.space", encoder.eval(), reading=content.reading
    )
    made.upsert(content)
    return made


@pytest.mark.parametrize("multiply", [False, True])
def test_what_is_to_woman_as_king_is_to_man(space: Space, multiply: bool) -> None:
    assert ilk.words(space, "king - man + woman", 1, multiply=multiply).words == ["queen"]


def test_cosines_are_added(space: Space) -> None:
    found = ilk.words(space, "king", 2)
    cosine = 2 / np.sqrt(2 * 3)
    assert found.words[0] == "prince"
    assert found.likeness[0] == pytest.approx(cosine, abs=1e-5)
    assert len(ilk.words(space, "King", 10).words) == 5  # itself is no answer, however it is written
    assert ilk.likeness(space, "king", "prince") == pytest.approx(cosine, abs=1e-5)


def test_cosines_are_multiplied(space: Space) -> None:
    unit = {w: v / np.linalg.norm(v) for w, v in KNOWN.items()}
    best = {
        w: (1.001 + unit[w] @ unit["king"])
        / 2
        * (1.001 + unit[w] @ unit["woman"])
        / (1.001 + unit[w] @ unit["man"])
        for w in ("queen", "princess", "prince")
    }
    found = ilk.words(space, "king - man + woman", 3, multiply=True)
    assert found.words == sorted(best, key=lambda w: -best[w])
    assert found.table().column_names == ["word", "likeness"]


def test_the_odd_one(space: Space) -> None:
    assert ilk.odd_one_out(space, ["king", "prince", "woman", "queen"]) == "woman"


def test_questions_that_cannot_be_answered(space: Space) -> None:
    with pytest.raises(UnknownName, match=r"no word called 'quen'\nDid you mean 'queen'\?"):
        ilk.words(space, "quen")
    with pytest.raises(OptionError, match="is no question"):
        ilk.words(space, " ")
    with pytest.raises(OptionError, match="leaves nothing over"):
        ilk.words(space, "king - king")
    with pytest.raises(OptionError, match="k=0"):
        ilk.words(space, "king", 0)
    with pytest.raises(OptionError, match="2 words have no odd one"):
        ilk.odd_one_out(space, ["king", "queen"])


@pytest.mark.parametrize("form", ["text", "binary", "glove", "fasttext"])
def test_a_space_goes_out_and_comes_back(space: Space, form: str, tmp_path: Path) -> None:
    ilk.export_words(space, tmp_path / "royal.vec", form)
    again = ilk.import_words(tmp_path / "royal.vec", tmp_path / "again.space")
    assert again.ids() == space.ids()
    assert np.allclose(again.vectors(), space.vectors(), atol=1e-6)
    assert again.metadata().column_names == ["count"]


def test_texts_have_vectors_in_it_too(space: Space) -> None:
    found = space.search(space.encode(["a king, a prince"]), 2)
    assert set(found.ids[0]) == {"king", "prince"}


def test_learnt_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    kinds = [[f"{kind}{i}" for i in range(5)] for kind in ("walk", "sing")]
    Path("corpus.txt").write_text("\n".join(" ".join(rng.choice(kinds[i % 2], 8)) for i in range(400)))
    options = {"dim": 8, "threads": 1, "sample": 0.0, "rate": 0.05}
    for _ in range(2):  # the second time goes on with what stands
        space = ilk.learn("corpus.txt", "word2vec", recipe=ilk.Recipe(epochs=6), **options)
        assert len(space) == 10
    assert sum(space.metadata()["count"].to_pylist()) == 3200
    found = ilk.words(space, "walk0", 4).words
    assert sorted(found) == ["walk1", "walk2", "walk3", "walk4"]


def test_only_words_are_written(tmp_path: Path) -> None:
    from ilk.encoders.pixels import Pixels

    other = Space.create(tmp_path / "other.space", Pixels(1, 4).eval(), reading={"reader": "images"})
    with pytest.raises(SpaceError, match="is no space of words"):
        ilk.export_words(other, tmp_path / "file")
