"""What is written gives the encoder's own vectors, elsewhere too; what others wrote can be used."""

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ilk import Space, saved
from ilk.encoders import Encoder, build, embed, export
from ilk.encoders._export import NEAR
from ilk.encoders.onnx import Onnx
from ilk.encoders.projected import project
from ilk.errors import DataError, EncoderMismatch, FormatError, MissingExtra, OptionError
from ilk.objectives.pretrained import Pretrained

from ..contract import samples

onnxruntime = pytest.importorskip("onnxruntime")
SMALL_VIT = {"width": 16, "depth": 2, "heads": 2, "dim": 6, "patch": 4, "registers": 1}
MADE: dict[str, Any] = {
    "convnet": lambda traits: build("convnet", traits, width=4, dim=6),
    "vit": lambda traits: build("vit", traits, positions="rotary", **SMALL_VIT),
    "patches": lambda traits: build("patches", traits, words=16, depth=4),
    "hub": lambda traits: build("hub", traits, model=samples.seeing(samples.images(1)), side=24),
}


def made(kind: str) -> Encoder:
    torch.manual_seed(0)
    encoder: Encoder = MADE[kind]({"channels": 1, "size": 16})
    return encoder.eval()


def test_onnx_gives_the_encoders_vectors(tmp_path: Path) -> None:
    encoder, source = made("vit"), samples.images()
    assert export(encoder, tmp_path / "x.onnx", channels=1, size=16) <= NEAR
    again = Onnx(str(tmp_path / "x.onnx"), channels=1, size=16)
    assert again.dim == encoder.dim
    own = embed(encoder, source)
    np.testing.assert_allclose(embed(again, source), own, rtol=0, atol=1e-4 * np.abs(own).max())


@pytest.mark.parametrize("kind", ["convnet", "hub"])
def test_pt2_gives_the_encoders_vectors(kind: str, tmp_path: Path) -> None:
    encoder, x = made(kind), samples.images().batch(np.arange(5))
    export(encoder, tmp_path / "x.pt2", channels=1, size=16)
    program = torch.export.load(tmp_path / "x.pt2").module()
    torch.testing.assert_close(program(x), encoder(x), rtol=1e-4, atol=1e-4)


def test_a_projected_encoder_is_written_whole(tmp_path: Path) -> None:
    source = samples.images()
    encoder = project(made("patches"), source, 4, root=True).train()
    export(encoder, tmp_path / "x.onnx", channels=1, size=16)
    assert encoder.training
    again = embed(Onnx(str(tmp_path / "x.onnx")), source)
    np.testing.assert_allclose(again, embed(encoder, source), atol=1e-4)


class _Mean(Encoder):
    dim = 1

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "another":  # what is written differs from what runs here
            return x.mean((1, 2, 3))[:, None] + 0.001 * torch.compiler.is_exporting()
        return torch.tensor([[p.mean().item()] for p in x])  # no graph of operations


def test_what_differs_or_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(EncoderMismatch, match=r"x\.pt2 would give vectors that differ by 0\.002 of"):
        export(_Mean("another"), tmp_path / "x.pt2", channels=1, size=8)
    with pytest.raises(OptionError, match=r"_Mean cannot be written as x\.onnx: "):
        export(_Mean("loop"), tmp_path / "x.onnx", channels=1, size=8)
    with pytest.raises(OptionError, match=r"cannot be written as x\.pth"):
        export(made("convnet"), tmp_path / "x.pth", channels=1, size=16)
    source = samples.images()
    with pytest.raises(OptionError, match=r"pixels\.onnx is an ONNX file already"):
        export(Onnx(samples.exported(source)), tmp_path / "x.onnx", channels=1, size=16)
    assert list(tmp_path.iterdir()) == []


def test_in_a_space_it_needs_its_file_no_more(tmp_path: Path) -> None:
    source = samples.images(n=8)
    path = Path(samples.exported(source))
    encoder = Onnx(str(path), **{k: source.traits[k] for k in ("channels", "size")})
    space = Space.create(tmp_path / "x.space", encoder, reading=source.reading)
    space.upsert(source)
    path.unlink()
    again = Space.open(tmp_path / "x.space")
    np.testing.assert_array_equal(again.encode(source), space.vectors())
    twin = copy.deepcopy(encoder)  # one that has run already
    assert saved.fingerprint(twin) == again.fingerprint
    assert torch.equal(twin(source.batch(np.arange(3))), encoder(source.batch(np.arange(3))))


def test_the_closed_form_looks_through_it() -> None:
    source = samples.images(3)
    path = samples.exported(source)
    assert Pretrained(model=path, dim=4).solve(source).dim == 4
    with pytest.raises(OptionError, match="side or layer for an ONNX file"):
        Pretrained(model=path, layer=2).solve(source)


def graph(path: Path, node: str, before: list[int], after: list[int]) -> str:
    """A model of one node, as another tool may have written it."""
    from onnx import TensorProto, helper, save

    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", before), ("y", after))]
    made = helper.make_graph([helper.make_node(node, ["x"], ["y"])], "one", ends[:1], ends[1:])
    save(helper.make_model(made, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return str(path)


def test_made_for_one_picture_it_is_run_for_each(tmp_path: Path) -> None:
    encoder, x = Onnx(graph(tmp_path / "x.onnx", "Flatten", [1, 1, 4, 4], [1, 16])), torch.rand(5, 1, 4, 4)
    assert torch.equal(encoder(x), x.flatten(1))


def test_what_cannot_be_run(tmp_path: Path) -> None:
    path = samples.exported(samples.images(3))
    with pytest.raises(
        OptionError, match=r"takes 3 channels; the pictures have 1\nRead the pictures with 3 ch"
    ):
        Onnx(path, channels=1)
    with pytest.raises(OptionError, match="takes 16 pixels; the pictures have 28"):
        Onnx(path, channels=3, size=28)
    with pytest.raises(OptionError, match="no model named"):
        Onnx()
    with pytest.raises(DataError, match="no file nothing"):
        Onnx("nothing.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"\x08 no model")
    with pytest.raises(FormatError, match="is no ONNX model that can be run"):
        Onnx(str(tmp_path / "bad.onnx"))
    with pytest.raises(FormatError, match=r"takes x tensor\(float\) \[2, 3\]\nExpected one input"):
        Onnx(graph(tmp_path / "flat.onnx", "Relu", [2, 3], [2, 3]))


def test_without_the_libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = samples.exported(samples.images())
    for library in ("onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"needs onnxruntime, .*\npip install 'ilk\[onnx\]'"):
        Onnx(path)
    with pytest.raises(MissingExtra, match="writing ONNX needs onnxscript"):
        export(made("convnet"), tmp_path / "x.onnx", channels=1, size=16)
