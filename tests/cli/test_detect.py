"""`ilk detect`, as it is typed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ilk.encoders.convnet import ConvNet
from ilk.encoders.detector import Detector
from ilk.space import Space

from .conftest import Run


@pytest.fixture(autouse=True)
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ILK_CACHE", str(tmp_path / "cache"))
    Path("sky").mkdir()
    rng = np.random.default_rng(0)
    light = 40 + 3 * rng.standard_normal((60, 60))
    light[10:20, 30:42] += 150
    light[40:50, 5:13] += 100
    Image.fromarray(light.clip(0, 255).astype(np.uint8)).save("sky/a.png")
    Path("truth.csv").write_text("path,x0,y0,x1,y1\na.png,30,10,42,20\na.png,5,40,13,50\n")


def test_discover(typed: Run) -> None:
    said = typed("detect", "discover", "sky", "--csv", "found.csv", "--draw", "drawn", "--json")
    assert said.code == 0
    assert said.json["says"] == "2 things in 1 pictures; in 0 of them none."
    assert [said.json["rows"][0][c] for c in ("x0", "y0", "x1", "y1")] == pytest.approx(
        [30, 10, 42, 20], abs=1
    )
    assert Path("found.csv").read_text().startswith('"picture","x0"')
    assert Path("drawn/a.png.png").exists()


def test_judge(typed: Run) -> None:
    said = typed("detect", "discover", "sky", "--judge", "truth.csv", "--draw", "how")
    assert said.out.splitlines()[0].split("\t") == ["of", "things", "mAP@50", "mAP@50:95"]
    assert said.out.splitlines()[1].startswith("thing\t2\t1")
    assert {p.name for p in Path("how").iterdir()} == {"errors.png", "confusion.png", "precision.png"}


def test_into_a_space(typed: Run) -> None:
    said = typed(
        "detect", "discover", "sky", "--into", "objects.space", "--objective", "pixels", "--size", "8"
    )
    assert "rows      2" in said.out
    assert Space.open("objects.space").metadata()["parent"].to_pylist() == ["a.png"] * 2


def test_a_run(typed: Run) -> None:
    Space.create("d.space", Detector(ConvNet(1, 16, width=8), ["cat"], pyramid=16), reading={"size": 60})
    said = typed("detect", "d", "sky", "--least", "0.5", "--json")
    assert said.json["says"] == "0 things in 1 pictures; in 1 of them none."
    said = typed("detect", "d", "sky", "--least", "0.5", "--into", "none")
    assert (said.code, said.err.splitlines()[0]) == (1, "error: nothing was found")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("gone", "sky"), "no run gone"),
        (("discover", "nowhere"), "there is no 'nowhere'"),
        (("discover", "sky", "--soft"), "--soft or --objective detector with discover"),
        (("discover", "sky", "--least", "-1"), "least is -1"),
        (("gone", "sky", "--by", "x"), "--by, --smallest or --largest with a run"),
        (("discover", "sky", "--smallest", "50", "--largest", "9"), "things of 50 to 9 pixels"),
    ],
)
def test_what_makes_no_sense(typed: Run, words: tuple[str, ...], what: str) -> None:
    said = typed("detect", *words)
    assert said.code == 1
    assert what in said.err
