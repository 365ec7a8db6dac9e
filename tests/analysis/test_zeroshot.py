"""Classes by their names: values by hand, and a space whose encoder says what it is told to."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import ilk
from ilk.analysis.zeroshot import zero_shot
from ilk.encoders import build
from ilk.encoders.two import Two
from ilk.errors import OptionError, SpaceError, UnknownName
from ilk.find import use

ENCODER = '''
import torch
from torch import Tensor
from ilk.encoders import Encoder

class Letters(Encoder):
    """How many a, b and c a text holds."""

    def __init__(self, letters: str = "abc") -> None:
        super().__init__()
        self.letters, self.dim = letters, len(letters)

    def forward(self, x: list[str]) -> Tensor:
        return torch.tensor([[float(t.count(l)) for l in self.letters] for t in x])
'''


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> ilk.Space:
    """Vectors in three dimensions; a text lies where its letters a, b and c say."""
    folder = tmp_path_factory.mktemp("zero")
    (folder / "letters.py").write_text(ENCODER)
    letters = use(folder / "letters.py").Letters()
    two = Two(build("pixels", {"channels": 1, "size": 2}), letters, 3)
    with torch.no_grad():
        two.of_words.weight.copy_(torch.eye(3))
        two.scale.fill_(2.0)
    space = ilk.Space.create(folder / "s.space", two, reading={"reader": "images", "size": 2, "channels": 1})
    labels = pa.table({"label": ["A_A", "bb", "bb", "other", None]})
    vectors = np.array([[3, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32)
    space.upsert_vectors(["p", "q", "r", "s", "t"], vectors, labels)
    return space


def test_the_nearest_name_and_its_probability_by_hand(space: ilk.Space) -> None:
    found = zero_shot(space, ["a a", "bb"], template="{}", label="label")
    order = {i: row for row, i in enumerate(found.ids)}
    assert [found.chosen[order[i]] for i in "pqr"] == [0, 1, 0]
    # Cosines 1 and 0, times the encoder's scale of 2
    assert found.probability[order["p"]] == pytest.approx(np.e**2 / (np.e**2 + 1))
    assert found.probability[order["s"]] == found.probability[order["t"]] == pytest.approx(0.5)
    # p, q and r have one of the classes as their label; r's is wrong
    assert (found.asked, found.right) == (3, pytest.approx(2 / 3))
    assert "66.7% are right" in found.sentence()
    assert found.table()["rows"].to_pylist() == np.bincount(found.chosen).tolist()


def test_the_mean_of_templates(space: ilk.Space) -> None:
    """ab lies between a and b; the middle of it and a is (1 + 1/sqrt 2, 1/sqrt 2) over its length."""
    found = zero_shot(space, ["a", "c"], template=["{}", "{}b"], write=False)
    row = list(found.ids).index("p")
    cosine = (1 + 0.5**0.5) / np.hypot(1 + 0.5**0.5, 0.5**0.5)
    assert found.probability[row] == pytest.approx(1 / (1 + np.exp(-2 * cosine)), rel=1e-5)


def test_it_is_kept_as_a_layer(space: ilk.Space) -> None:
    zero_shot(space, ["a", "b", "c"], template="{}", layer="letters")
    kept = space.layer("letters")
    classes = dict(zip(kept["id"].to_pylist(), kept["class"].to_pylist()))
    assert (classes["p"], classes["q"], classes["t"]) == ("a", "b", "c")
    assert space.info()["layers"]["letters"]["parameters"]["classes"] == ["a", "b", "c"]
    zero_shot(space, ["a", "b"], template="{}", write=False, layer="never")
    assert "never" not in space.layers()


def test_what_is_refused(space: ilk.Space, tmp_path: Path) -> None:
    for classes in ([], ["a"], ["a", "a"], ["a", " "]):
        with pytest.raises(OptionError):
            zero_shot(space, classes)
    with pytest.raises(OptionError, match="where the name goes"):
        zero_shot(space, ["a", "b"], template="a picture")
    with pytest.raises(UnknownName):
        zero_shot(space, ["a", "b"], label="lable")
    blind = ilk.Space.create(tmp_path / "p.space", build("pixels", {"channels": 1, "size": 2}), reading={})
    with pytest.raises(SpaceError, match="reads no words"):
        zero_shot(blind, ["a", "b"])
