from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ilk.analysis._probed import Measure, Probed
from ilk.errors import DataError, OptionError
from ilk.view.confusion import confusion
from ilk.view.grid import BLUE


def found(counts: np.ndarray | None, labels: list[str]) -> Probed:
    return Probed("tree", 20, 5, {"accuracy": Measure(1, 1, 1, 0.5)}, np.zeros(0), None, labels, counts)


@pytest.mark.parametrize("labels", [["a", "b"], ["a long name of a label here", "b"]])
def test_all_right_is_blue_on_the_diagonal(tmp_path: Path, labels: list[str]) -> None:
    path = confusion(found(np.diag([10, 10]), labels), tmp_path / "c.png")
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    blue = np.abs(pixels - BLUE).max(2) < 8
    assert 0.6 < blue.sum() / (2 * 44 * 44) < 1  # two of the four cells


def test_what_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="numbers"):
        confusion(found(None, []), tmp_path / "c.png")
    with pytest.raises(OptionError, match=r"c\.pdf"):
        confusion(found(np.eye(2, dtype=int), ["a", "b"]), tmp_path / "c.pdf")
