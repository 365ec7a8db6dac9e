"""Fine-tuning by hand-made spaces of digits around a small network that has learnt nothing."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from ilk import Recipe, Space, finetune, images
from ilk.encoders import Encoder
from ilk.encoders.convnet import ConvNet
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError, UnknownName
from ilk.learning.target import Target
from ilk.source import Source
from ilk.source.images import Images

N = 240
BRIEFLY = Recipe(steps=60, batch=64, learning_rate=2e-3, checks=2, held_out=0.1)
IN_VAIN = Recipe(steps=1, batch=64, checks=1, learning_rate=1e-9)
TRUTH = load_digits().target[:N]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PNG files, a table that labels two of three, and the space that a run would have made of them."""
    path = tmp_path_factory.mktemp("digits")
    with open(path / "labels.csv", "w", newline="") as f:
        table = csv.writer(f)
        table.writerow(["path", "digit", "amount", "same"])
        for i, pixels in enumerate(load_digits().images[:N]):
            Image.fromarray((pixels * 15).astype(np.uint8)).save(path / f"{i:03d}.png")
            table.writerow([f"{i:03d}.png", "" if i % 3 == 0 else f"d{TRUTH[i]}", i / 7, "one"])
    filled(path, images(path / "labels.csv", cache=False))
    return path


def filled(folder: Path, source: Source, encoder: Encoder | None = None, name: str = "net") -> Space:
    torch.manual_seed(0)
    target = Target(folder / name, {}, source, found_at=str(folder / "labels.csv"), replace=False)
    return target.fill(encoder or untaught(source), None, source)


def untaught(source: Source) -> Encoder:
    """First weights; only batch norm has seen the pictures."""
    encoder = ConvNet(size=8, width=4, dim=8).train()
    with torch.no_grad():
        for _ in range(30):
            encoder(source.batch(np.arange(N)))
    return encoder.eval()


def test_it_learns_says_so_and_tells_every_row(folder: Path, tmp_path: Path) -> None:
    before = Space.open(folder / "net.space")
    found = finetune(folder / "net.space", label="digit", out=tmp_path / "taught", recipe=BRIEFLY)
    assert found.helped
    assert found.won - found.lost == round(
        (found.after.measures["accuracy"].value - found.before.measures["accuracy"].value) * found.after.rows
    )
    assert found.learnt + found.after.rows == 2 * N // 3
    assert f"of {found.after.rows} rows not learnt from get the right digit" in found.sentence()
    assert found.table()["measure"].to_pylist() == ["accuracy", "precision", "recall", "F1"]

    space = found.space
    assert (space.path, len(space), space.dim) == (tmp_path / "taught.space", N, 8)
    assert space.fingerprint != before.fingerprint
    np.testing.assert_allclose(space.encode(folder / "labels.csv"), space.vectors(), rtol=1e-4, atol=1e-5)
    layer = space.layer("predicted-digit").sort_by("id")
    assert Counter(layer["digit_used"].to_pylist()) == {
        "learnt": found.learnt,
        "asked": found.after.rows,
        "": N // 3,
    }
    told, used = layer["digit_predicted"].to_pylist(), layer["digit_used"].to_pylist()
    free = [told[i] == f"d{TRUTH[i]}" for i in range(N) if not used[i]]
    assert np.mean(free) > 0.7  # rows that nobody labelled
    asked = np.mean([told[i] == f"d{TRUTH[i]}" for i in range(N) if used[i] == "asked"])
    assert asked == found.after.measures["accuracy"].value
    health = json.loads((tmp_path / "taught.run/labels/health.json").read_text())["health"]
    assert health["by_label"]
    assert health["held_out"]


def test_what_does_not_help_is_not_kept(folder: Path, tmp_path: Path) -> None:
    found = finetune(folder / "net.space", label="digit", out=tmp_path / "vain", recipe=IN_VAIN)
    assert (found.helped, found.won, found.lost, found.chance) == (False, 0, 0, 1.0)
    assert found.sentence().startswith("Fine-tuning did not help; the encoder stays as it was.")
    assert found.space.fingerprint == Space.open(folder / "net.space").fingerprint
    assert len(found.space.layer("predicted-digit")) == N


class Dying(Images):
    """Cannot be read any more after so many batches: as a process that is killed there."""

    left = 14

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("killed")
        return super().batch(rows)


def test_a_killed_run_goes_on_as_if_never_stopped(folder: Path, tmp_path: Path) -> None:
    start, source = Space.open(folder / "net.space"), images(folder / "labels.csv", cache=False)
    often = Recipe(steps=12, batch=32, checks=1, checkpoint_seconds=0)

    def tuned(name: str, data: Source) -> str:
        return finetune(start, data, label="digit", out=tmp_path / name, recipe=often).space.fingerprint

    dying = Dying(source.pixels, source.ids, columns=source.columns, reading=source.reading)
    with pytest.raises(RuntimeError, match="killed"):
        tuned("one", dying)
    assert 0 < len((tmp_path / "one.run/labels/metrics.jsonl").read_text().splitlines()) < 12
    assert tuned("one", source) == tuned("two", source)


def test_labels_that_were_given_in_a_layer(folder: Path, tmp_path: Path) -> None:
    """As `ilk look` keeps them: of some rows, in a column that the data do not have."""
    space = filled(tmp_path, images(folder / "labels.csv", cache=False), name="marked")
    some = list(range(0, N, 2))
    table = {"id": [f"{i:03d}.png" for i in some], "labelled": [f"d{TRUTH[i]}" for i in some]}
    space.write_layer("labels", pa.table(table), {})
    found = finetune(space, folder, label="labelled", by="siamese", margin=0.5, recipe=BRIEFLY)
    assert found.space.path == tmp_path / "marked-finetuned.space"
    assert found.learnt + found.after.rows == len(some)
    assert found.helped
    layer = found.space.layer("predicted-labelled")
    assert {"labelled_predicted", "labelled"} <= set(layer.column_names)
    with pytest.raises(DataError, match=r"none of the 9 samples \(the first is 000000\) is a row of"):
        finetune(space, np.zeros((9, 8, 8), np.uint8), label="labelled")


def test_a_run_without_a_space_is_a_beginning_too(folder: Path, tmp_path: Path) -> None:
    finetune(folder / "net.run", label="digit", out=tmp_path / "first", recipe=IN_VAIN)
    found = finetune(tmp_path / "first.run/labels", label="digit", recipe=IN_VAIN)
    assert found.space.path == tmp_path / "first-labels-finetuned.space"


@pytest.mark.parametrize(
    ("error", "said", "asked"),
    [
        (UnknownName, "no column called 'digt'", {"label": "digt"}),
        (DataError, "amount holds amounts", {"label": "amount"}),
        (DataError, "1 of 1 labels of same", {"label": "same"}),
        (UnknownName, "way of fine-tuning called 'pairs'", {"by": "pairs"}),
        (UnknownName, "option of fine-tuning by labels called 'mining'", {"mining": "hard"}),
        (UnknownName, "siamese loss called 'tripled'", {"by": "siamese", "how": "tripled"}),
        (OptionError, "front is 0", {"front": 0}),
    ],
)
def test_bad_input_is_named_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path, error: type[Exception], said: str, asked: dict[str, Any]
) -> None:
    with pytest.raises(error, match=said):
        finetune(folder / "net.space", out=tmp_path / "bad", **{"label": "digit", "recipe": IN_VAIN} | asked)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_learn_and_data_that_are_gone(folder: Path, tmp_path: Path) -> None:
    source = images(folder / "labels.csv", cache=False)
    with pytest.raises(OptionError, match="no weight that could learn"):
        finetune(filled(tmp_path, source, Pixels(channels=1, size=8), "fixed"), label="digit")
    gone = filled(tmp_path, source, name="gone")  # notes a table that is not there
    with pytest.raises(
        DataError, match=r"(?s)lay in .*labels.csv, and are not there any more.*gone.space DATA"
    ):
        finetune(gone, label="digit")
    (tmp_path / "gone.run/learn.json").unlink()
    with pytest.raises(DataError, match="nobody noted"):
        finetune(gone, label="digit")
