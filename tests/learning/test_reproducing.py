"""A run made once more: the same to the last bit where it can be, told where it is not."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ilk
from ilk.errors import DataError, FormatError, OptionError
from ilk.learning.circumstances import fingerprint
from ilk.learning.learn import learn
from ilk.learning.reproducing import reproduce
from ilk.training.recipe import Recipe

SHORT = Recipe(steps=3, batch=16, checks=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rings"
    path.mkdir()
    rng = np.random.default_rng(0)
    for i in range(60):
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(path / f"{i:02d}.png")
    return path


def test_a_run_by_steps_is_the_same_to_the_last_bit(folder: Path, tmp_path: Path) -> None:
    learn(folder, "simclr", out=tmp_path / "a", recipe=SHORT, dim=6, width=4)
    found = reproduce(tmp_path / "a.run", out=tmp_path / "b")
    assert found.same
    assert (found.neighbours, found.changed, found.by_steps) == (1.0, {}, False)
    assert found.space == tmp_path / "b.space"
    assert (tmp_path / "b.run" / "simclr" / "encoder.json").exists()
    assert reproduce(tmp_path / "a.space").same  # named by its space


def test_a_run_by_minutes_is_made_again_by_its_steps(folder: Path, tmp_path: Path) -> None:
    recipe = Recipe(minutes=0.002, batch=16, checks=1)
    learn(folder, "simclr", out=tmp_path / "a", recipe=recipe, dim=6)  # so short: a narrow network
    found = reproduce(tmp_path / "a.run", out=tmp_path / "b")
    steps = [json.loads((tmp_path / f"{n}.run/simclr/health.json").read_bytes())["step"] for n in "ab"]
    networks = [json.loads((tmp_path / f"{n}.run/simclr/encoder.json").read_bytes()) for n in "ab"]
    assert found.by_steps
    assert steps[0] == steps[1] > 0
    assert networks[0] == networks[1]
    assert 0 <= found.neighbours <= 1


def test_another_seed_is_seen(folder: Path, tmp_path: Path) -> None:
    learn(folder, "simclr", out=tmp_path / "a", recipe=SHORT, dim=6, width=4)
    record = tmp_path / "a.run" / "learn.json"
    told = json.loads(record.read_bytes())
    told["recipe"]["seed"] = 1
    told["with"]["numpy"] = "1.0"
    record.write_text(json.dumps(told))
    found = reproduce(tmp_path / "a.run")
    assert not found.same
    assert found.neighbours < 1
    assert found.table().to_pylist() == [{"with": "numpy", "then": "1.0", "now": np.__version__}]


def test_other_data_are_refused(folder: Path, tmp_path: Path) -> None:
    learn(folder, "pca", out=tmp_path / "a", dim=4)
    assert reproduce(tmp_path / "a.run").same
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "60.png")
    with pytest.raises(DataError, match=r"does not hold what the run learnt from \(now 61 samples\)"):
        reproduce(tmp_path / "a.run")
    (folder / "60.png").unlink()
    folder.rename(tmp_path / "moved")
    assert reproduce(tmp_path / "a.run", data=tmp_path / "moved").same


def test_what_cannot_be_repeated(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is no run"):
        reproduce(folder)
    learn(ilk.images(folder), "pca", out=tmp_path / "a", dim=4)
    record = tmp_path / "a.run" / "learn.json"
    told = json.loads(record.read_bytes())
    del told["with"]
    record.write_text(json.dumps(told))
    with pytest.raises(FormatError, match="does not say how it was made"):
        reproduce(tmp_path / "a.run")


@pytest.mark.parametrize("name", ["t.txt", "g.csv"])
def test_texts_and_graphs_have_fingerprints(tmp_path: Path, name: str) -> None:
    read = ilk.text if name == "t.txt" else ilk.graphs
    text = "source,target\n" + "\n".join(f"a{i},b{i % 7}" for i in range(30))
    (tmp_path / name).write_text(text)
    first = fingerprint(read(tmp_path / name))
    assert fingerprint(read(tmp_path / name)) == first
    (tmp_path / name).write_text(text.replace("a3,", "a30,"))
    assert fingerprint(read(tmp_path / name)) != first
