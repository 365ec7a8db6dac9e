"""`ilk finetune` in this process."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from ilk.encoders.convnet import ConvNet
from ilk.source.images import Images, images
from ilk.space import Space

from .conftest import Run


def test_finetune(typed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = load_digits()
    np.save("d.npy", (data.images[:120] * 15).astype(np.uint8))
    read = images("d.npy")
    source = Images(read.pixels, read.ids, columns=pa.table({"digit": data.target[:120]}))
    torch.manual_seed(0)
    space = Space.create("d.space", ConvNet(size=8, width=4, dim=8), reading=source.reading)
    space.upsert(source)
    short = ("--label", "digit", "--steps", "3", "--batch", "32")

    said = typed("finetune", "d", "d.npy", *short, "--picture", "c.png")
    assert said.code == 0
    assert "rows not learnt from get the right digit" in said.err
    assert said.out.splitlines()[0].split("\t")[:3] == ["measure", "probe", "probe_low"]
    assert said.out.count("truth\tas 0\t") == 2
    assert said.out.splitlines()[-1].split() == ["space", "d-finetuned.space"]
    with Image.open("c.png") as drawn:
        assert drawn.format == "PNG"

    more = ("--by", "siamese", "--loss", "contrastive", "--margin", "0.5", "--out", "s", "--json")
    told = typed("finetune", "d.space", "d.npy", *short, *more)
    assert (told.code, told.err) == (0, "")
    assert [len(row) for row in told.json["probe"]["confusion"]] == [11] * 10
    assert told.json["space"] == "s.space"

    assert "nobody noted where the data of d.space lie" in typed("finetune", "d", *short).err
    assert "no column called 'dgit'" in typed("finetune", "d", "d.npy", "--label", "dgit").err
