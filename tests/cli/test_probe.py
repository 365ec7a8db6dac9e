"""`ilk probe`, in this process, on a space of digits."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ilk import Space, cli, console
from ilk.encoders.pixels import Pixels

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ilk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    x, y = load_digits(return_X_y=True)
    space = Space.create("d.space", Pixels(channels=1, size=8), reading={"reader": "images"})
    names = [str(i) for i in range(200)]
    space.upsert_vectors(names, (x[:200] / 16).astype("float32"), pa.table({"digit": y[:200]}))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ilk", *words])
        monkeypatch.setattr(console, "quiet", False)
        with pytest.raises(SystemExit) as done:
            cli.main()
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    return run


def test_probe(ilk: Run) -> None:
    code, out, err = ilk("probe", "d", "digit", "--how", "knn", "-k", "3", "--picture", "c.png", "--write")
    assert code == 0
    assert "by knn" in err
    assert out.splitlines()[0].split("\t") == ["measure", "value", "low", "high", "guess"]
    assert "truth\tas 0\t" in out
    with Image.open("c.png") as drawn:
        assert drawn.format == "PNG"
    assert Space.open("d.space").layers() == ["predicted-digit"]
    code, out, err = ilk("probe", "d", "digit", "--how", "tree", "--criterion", "entropy", "--json")
    assert (code, err) == (0, "")
    assert [len(row) for row in json.loads(out)["confusion"]] == [11] * 10


def test_shots_and_bad_input(ilk: Run) -> None:
    code, out, _ = ilk("probe", "d", "digit", "--shots", "3", "--json")
    assert code == 0
    assert json.loads(out)["labels"] == 10
    assert ilk("probe", "d", "digit", "--shots", "3", "--write")[0] == 1
    assert "no column called 'digt'" in ilk("probe", "d", "digt")[2]
    assert (
        "no option of knn called 'kernel'" in ilk("probe", "d", "digit", "--how", "knn", "--kernel", "rbf")[2]
    )
