"""Every verb in this process, on real pictures with two broken ones among them; Ctrl-C in one of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ilk import __version__, cli
from ilk.space import Space

from .conftest import Run

N = 60  # good pictures
FEW = ("--steps", "5", "--batch", "16", "--dim", "6", "--width", "4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits as PNG files, and what `ilk learn` made of them."""
    path = tmp_path_factory.mktemp("cli")
    (path / "digits").mkdir()
    for i, image in enumerate(load_digits().images[:N]):
        Image.fromarray((image * 15).astype(np.uint8)).save(path / "digits" / f"{i:03d}.png")
    (path / "digits" / "cut.png").write_bytes((path / "digits" / "000.png").read_bytes()[:40])
    (path / "digits" / "text.png").write_text("not a picture")
    return path


@pytest.fixture
def ilk(typed: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in the folder of the digits."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ILK_CACHE", str(tmp_path / "cache"))
    return typed


@pytest.fixture
def learnt(ilk: Run, folder: Path) -> Iterator[Path]:
    """A space of the digits, new for each test."""
    kept = folder / "kept.space"
    if not kept.exists():
        assert ilk("learn", "digits", "--objective", "pca", "--dim", "6", "--out", "kept").code == 0
    shutil.copytree(kept, folder / "d.space")
    yield folder / "d.space"
    shutil.rmtree(folder / "d.space")


# Learning


def test_learns_from_a_folder_with_broken_pictures(ilk: Run, folder: Path) -> None:
    said = ilk("learn", "digits")
    assert said.code == 0
    assert dict(line.split(maxsplit=1) for line in said.out.splitlines()[:4]) == {
        "space": "digits.space",
        "samples": "60",
        "skipped": "2",
        "dim": "256",
    }
    assert "left out 2 of 62 pictures: cut.png (" in said.err
    named = (folder / "digits.run" / "skipped.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in named[:2]] == ["id", "cut.png"]
    assert len(named) == 3
    assert Space.open(folder / "digits.space").ids() == [f"{i:03d}.png" for i in range(N)]
    assert (folder / "digits.run" / "patches" / "encoder.safetensors").exists()


def test_an_objective_takes_options_of_its_own_and_its_encoder_s(ilk: Run, folder: Path) -> None:
    said = ilk("learn", "--temperature", "0.3", "digits", "--objective=simclr", "--out", "s", "--json", *FEW)
    assert said.code == 0
    assert said.err == ""
    assert (said.json["samples"], said.json["dim"]) == (60, 6)
    asked = json.loads((folder / "s.run" / "simclr" / "recipe.json").read_text())["objective"]["keywords"]
    assert (asked["temperature"], asked["encoder"]["keywords"]["width"]) == (0.3, 4)
    with open(folder / "s.run" / "simclr" / "metrics.jsonl") as f:
        assert [json.loads(line)["step"] for line in f if "loss" in line] == [1, 2, 3, 4, 5]
    same = ilk("learn", "digits", "--objective=simclr", "--out", "s", "--temperature=0.3", *FEW)
    assert same.code == 0
    assert "Going on from step 5" in same.err


def test_pictures_are_read_as_wished(ilk: Run, folder: Path) -> None:
    words = ("--size", "6", "--channels", "3", "--stretch", "sqrt", "--normalise", "shift,flux")
    assert ilk("learn", "digits", "--objective", "pixels", "--out", "w", *words).code == 0
    reading = Space.open(folder / "w.space").reading
    assert (reading["size"], reading["channels"], reading["stretch"]) == (6, 3, "sqrt")
    assert reading["normalise"] == {"shift": True, "rotation": False, "scale": False, "flux": True}
    assert "flux" in " ".join(Space.open(folder / "w.space").metadata().column_names)


def test_replace(ilk: Run) -> None:
    assert ilk("learn", "digits", "--objective", "pca", "--dim", "6", "--out", "r").code == 0
    refused = ilk("learn", "digits", "--objective", "pixels", "--out", "r")
    assert refused.code == 1
    assert "r.space stands already, and its run was asked for another objective and dim" in refused.err
    assert "--replace" in refused.err
    assert ilk("learn", "digits", "--objective", "pixels", "--out", "r", "--replace").code == 0
    assert ilk("info", "r", "--json").json["encoder"] == "pixels"


OWN = """
from ilk.encoders import Encoder
from ilk.objectives import ClosedForm

class _Rows(Encoder):
    def __init__(self, size=8, times=1.0):
        super().__init__()
        self.size, self.times, self.dim = size, times, size
    def forward(self, x):
        return self.times * x.mean((1, 3))

class Rows(ClosedForm):
    def __init__(self, times=1.0):
        self.times = times
    def solve(self, source, *, seed=0):
        return _Rows(source.traits["size"], self.times)
"""


def test_an_objective_of_one_s_own(ilk: Run, folder: Path) -> None:
    (folder / "own_rows.py").write_text(OWN)
    assert ilk("learn", "digits", "--objective", "./own_rows.py", "--times", "2", "--out", "o").code == 0
    space = Space.open(folder / "o.space")
    first = np.asarray(Image.open(folder / "digits" / "000.png"), np.float32) / 255
    assert np.allclose(space.vectors()[0], 2 * first.mean(1), atol=1e-6)
    found = ilk("--use", "own_rows.py", "search", "o", "digits/001.png", "-k", "1", "--json").json
    assert found[0]["id"] == "001.png"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["learn", "nowhere"], "error: there is no 'nowhere' in "),
        (
            ["learn", "digits", "--objective", "simcrl"],
            "no objective called 'simcrl'\nDid you mean 'simclr'?",
        ),
        (
            ["learn", "digits", "--objective", "simclr", "--temprature", "1"],
            "no option of simclr called 'temprature'\n"
            "Did you mean 'temperature'? Known: about, as, augment, batch, ",
        ),
        (["learn", "digits", "--minuts", "1"], "no option of auto called 'minuts'\nDid you mean 'minutes'?"),
        (["learn", "digits", "--encoder", "vut", "--objective", "simclr"], "no encoder called 'vut'"),
        (["learn", "digits", "more"], "'digits' and 'more' given to learn from"),
        (["learn", "digits", "--steps", "5", "--minutes", "1"], "steps and minutes given"),
        (["learn", "digits", "--batch", "0"], "batch is 0; expected more than 0"),
        (["learn", "digits", "--stretch", "up"], "no stretch called 'up'\nKnown: asinh, linear, log, sqrt."),
        (
            ["learn", "digits", "--normalise", "up"],
            "--normalise 'up'\nKnown: all, shift, rotation, scale, fl",
        ),
        (["learn", "digits", "--label", "kind"], "no metadata column called 'kind'\nKnown: none."),
        (["learn", "digits", "--strict", "--out", "never"], "cut.png: not an image"),
        (["learn", "digits/text.png"], "digits/text.png cannot be read: not an image"),
        (["learn", "digits", "--objective", "pca", "--out", "digits/000.png/x"], "Not a directory"),
        (["info", "nowhere"], "no space nowhere\nHere are: "),
        (["info", "digits/000.png"], "no space at digits/000.png"),
        (["search", "d", "999"], "no row, and no file, called '999'\nKnown: 000.png, 001.png"),
        (["search", "d", "000.png", "-k", "0"], "k=0"),
        (["search", "d", "000.png", "--where", "size > 3"], "where='size > 3' cannot be used"),
        (["search", "d", "digits/text.png"], "digits/text.png cannot be read: not an image"),
        (["add", "d", "nowhere"], "there is no 'nowhere' in "),
        (["add", "d", "digits", "--strict"], "cut.png: not an image"),
        (["clusters", "d", "-k", "1000"], "1000 clusters of 60 rows"),
        (["clusters", "d", "--covariance", "round"], "no covariance called 'round'"),
        (["map", "d", "--to", "m.jpg"], "cannot be drawn as m.jpg"),
        (["export", "d", "nowhere/x.parquet"], "cannot write the file nowhere/x.parquet"),
        (["delete", "d", ""], "'' cannot be an id"),
        (["--use", "nothing.py", "info", "d"], "no file nothing.py"),
    ],
)
def test_an_error_says_what_came_and_what_to_do(ilk: Run, learnt: Path, words: list[str], told: str) -> None:
    said = ilk(*words)
    assert said.code == 1
    assert told in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert len(Space.open(learnt)) == N
    assert not list(Path().glob("never.*"))


@pytest.mark.parametrize(
    "words",
    [
        ["serch"],
        ["learn"],
        ["search", "d"],
        ["search", "d", "000.png", "-k", "many"],
        ["info", "d", "--jsn"],
        ["delete", "d"],
        ["learn", "digits", "--steps", "some"],
        [],
    ],
)
def test_wrong_usage_exits_with_2(ilk: Run, words: list[str]) -> None:
    said = ilk(*words)
    assert said.code == 2
    assert "Usage: ilk" in said.err + said.out


def test_help_and_version(ilk: Run) -> None:
    assert ilk("--version") == (0, f"ilk {__version__}\n", "")
    said = ilk("--help")
    assert said.code == 0
    verbs = [c.name or c.callback.__name__.strip("_") for c in cli.app.registered_commands if c.callback]
    assert set(verbs) >= {
        "learn",
        "add",
        "search",
        "clusters",
        "anomalies",
        "map",
        "info",
        "export",
        "delete",
    }
    for verb in verbs:
        assert f"\n  {verb} " in said.out
        assert ilk(verb, "--help").out.startswith(f"Usage: ilk {verb}")


# Asking


def test_search_by_id_and_by_file(ilk: Run, learnt: Path) -> None:
    by_id = ilk("search", "d.space", "003.png", "-k", "4")
    assert by_id.code == 0
    head, *rows = [line.split("\t") for line in by_id.out.splitlines()]
    assert head == ["rank", "id", "distance"]
    assert [r[0] for r in rows] == ["1", "2", "3", "4"]
    assert "003.png" not in [r[1] for r in rows]
    by_file = ilk("search", "d", "digits/003.png", "-k", "5", "--json").json
    assert by_file[0]["id"] == "003.png"
    assert abs(by_file[0]["distance"]) < 1e-5
    assert [r["id"] for r in by_file[1:]] == [r[1] for r in rows]
    only = ilk("search", "d", "003.png", "--where", "id < '002.png'", "--json").json
    assert {r["id"] for r in only} == {"000.png", "001.png"}


def test_clusters_anomalies_and_the_layers_they_leave(ilk: Run, learnt: Path) -> None:
    groups = ilk("clusters", "d", "-k", "3", "--starts", "2", "--json").json
    assert sum(row["size"] for row in groups["rows"]) == N
    assert len(groups["rows"]) == 3
    assert groups["says"].startswith("3 groups")
    odd = ilk("anomalies", "d", "--top", "4")
    assert odd.code == 0
    assert len(odd.out.splitlines()) == 5
    assert odd.err.startswith(f"None of {N} rows is odd beyond chance. The least likely is ")
    about = ilk("info", "d", "--json").json
    assert (about["rows"], about["dim"], set(about["layers"])) == (N, 6, {"cluster", "anomaly"})
    assert "layers" in ilk("info", "d").out


def test_a_map_as_png_and_svg(ilk: Run, learnt: Path, folder: Path) -> None:
    said = ilk("map", "d")
    assert (said.code, said.out.split()[:2]) == (0, ["map", "d.png"])
    with Image.open(folder / "d.png") as drawn:
        assert drawn.size[0] > 300
    assert ilk("map", "d", "--to", "m.svg", "--json").json == {"map": "m.svg", "rows": N}
    assert "<svg" in (folder / "m.svg").read_text()[:300]
    assert Space.open(learnt).layer("map").num_rows == N


def test_export(ilk: Run, learnt: Path, folder: Path) -> None:
    ilk("clusters", "d", "-k", "2", "--starts", "1")
    assert ilk("export", "d", "x.parquet", "--json").json == {"written": "x.parquet", "rows": N}
    table = pq.read_table(folder / "x.parquet")
    assert table["id"].to_pylist() == Space.open(learnt).ids()
    assert np.array_equal(np.stack(table["vector"].to_numpy()), Space.open(learnt).vectors())
    assert "cluster" in table.column_names


def test_delete_and_add_again(ilk: Run, learnt: Path) -> None:
    said = ilk("delete", "d", "003.png", "007.png", "nobody.png")
    assert (said.code, said.out) == (0, "deleted  2\n")
    assert "1 of 3 ids are not in d.space" in said.err
    assert len(Space.open(learnt)) == N - 2
    assert ilk("add", "d", "digits", "--json").json == {"added": 2, "replaced": N - 2, "skipped": 2}
    assert ilk("search", "d", "003.png", "-k", "1").code == 0


def test_objectives(ilk: Run) -> None:
    listed = {row["objective"]: row for row in ilk("objectives", "--json").json}
    assert {"patches", "simclr", "autoencoder", "pca", "pixels", "random"} <= set(listed)
    assert "temperature=0.2" in listed["simclr"]["options"]


# Interruptions


def _started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ilk", *words],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.whole
def test_ctrl_c_while_learning_leaves_a_space_and_the_same_command_goes_on(
    ilk: Run, folder: Path, tmp_path: Path
) -> None:
    words = ("learn", "digits", "--objective", "simclr", "--out", "c", "--batch", "16", "--dim", "6")
    process = _started(folder, *words, "--width", "4", "--steps", "100000")
    log = folder / "c.run" / "simclr" / "recipe.json"
    while not log.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Ending after this step, with what is learnt so far." in err
    assert "Stopped at step " in err
    assert f"samples       {N}" in out
    stopped = json.loads((folder / "c.run" / "simclr" / "health.json").read_text())["step"]
    assert ilk("search", "c", "digits/003.png", "-k", "1", "--json").json[0]["id"] == "003.png"
    again = ilk(*words, "--width", "4", "--steps", "100000", "--batch", "8")
    assert again.code == 1
    assert "was started otherwise: recipe.batch was 16, now 8" in again.err
    assert stopped >= 1


def test_ctrl_c_elsewhere_says_that_the_same_command_goes_on(
    ilk: Run, learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Space, "add", pressed)
    said = ilk("add", "d", "digits")
    assert said.code == 130
    assert said.err.endswith("Stopped. What was reported as done is kept; the same command goes on.\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_no_room_for_the_answer(learnt: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ilk", "info", str(learnt)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode != 0
    assert done.stderr.startswith("error: [Errno 28] No space left on device")
