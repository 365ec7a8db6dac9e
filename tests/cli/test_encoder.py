"""`ilk inside` and `ilk export-encoder`, in this process, on a space of digits."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from ilk import Space
from ilk.encoders import build

from ..contract import samples
from .conftest import Run


@pytest.fixture
def ilk(typed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    source = samples.images(n=6)
    encoder = build("vit", source.traits, patch=4, width=8, depth=1, heads=2, dim=5)
    Space.create("x.space", encoder, reading=source.reading).upsert(source)

    return typed


def test_inside(ilk: Run) -> None:
    code, out, err = ilk("inside", "x.space", "digit-2")
    assert (code, out.split()) == (0, ["written", "inside.png"])
    with Image.open("inside.png") as drawn:
        assert drawn.format == "PNG"
    assert "thumbnail" in err
    assert "even share" in err
    code, out, err = ilk("inside", "x", "digit-2", "--to", "a.png", "--cells", "4", "--json")
    assert (code, json.loads(out), err) == (0, {"written": "a.png"}, "")
    assert ilk("inside", "x", "digit-9")[0] == 1


def test_export_encoder(ilk: Run) -> None:
    code, out, _ = ilk("export-encoder", "x.space", "x.pt2", "--json")
    assert code == 0
    said = json.loads(out)
    assert (said["written"], said["gives"]) == ("x.pt2", 5)
    assert said["differs by"] < 1e-4
    assert torch.export.load("x.pt2").module()(torch.rand(3, 1, 16, 16)).shape == (3, 5)
    code, _, err = ilk("export-encoder", "x.space", "x.pkl")
    assert code == 1
    assert err.startswith("error: an encoder cannot be written as x.pkl\nName a .onnx or a .pt2 file.")
