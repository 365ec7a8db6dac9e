import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ilk import saved
from ilk.decoders import Decoder
from ilk.encoders import Encoder
from ilk.encoders.convnet import ConvNet
from ilk.encoders.pixels import Pixels
from ilk.encoders.projected import Projected
from ilk.errors import FormatError, IlkError


def small(seed: int = 0) -> ConvNet:
    torch.manual_seed(seed)
    return ConvNet(1, 16, dim=8, width=4).eval()


def load(folder: Path) -> Encoder:
    return saved.load(folder, Encoder)  # type: ignore[type-abstract]


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    encoder = small()
    saved.save(encoder, tmp_path / "new", Encoder)
    assert sorted(os.listdir(tmp_path / "new")) == ["encoder.json", "encoder.safetensors"]
    again = load(tmp_path / "new")
    x = torch.rand(3, 1, 16, 16)
    assert torch.equal(again(x), encoder(x))
    assert not again.training
    assert saved.fingerprint(again) == saved.fingerprint(encoder)


def test_a_network_within_a_network(tmp_path: Path) -> None:
    outer = Projected(Projected(Pixels(1, 4), 6), 2)
    with torch.no_grad():
        outer.matrix.normal_()
    saved.save(outer, tmp_path, Encoder)
    again = load(tmp_path)
    assert saved.describe(again) == saved.describe(outer)
    assert saved.describe(again)["keywords"]["encoder"]["keywords"]["encoder"] == {
        "class": "pixels",
        "keywords": {"channels": 1, "size": 4, "power": 1.0, "largest": 64},
    }
    assert saved.fingerprint(again) == saved.fingerprint(outer)


def test_the_fingerprint_tells_class_keywords_and_weights_apart() -> None:
    encoder = small()
    assert saved.fingerprint(small()) == saved.fingerprint(encoder)
    one_off = small()
    with torch.no_grad():
        one_off.head.bias[3] += 1e-6
    others = [small(1), one_off, ConvNet(1, 32, dim=8, width=4), Pixels(1, 4), Pixels(1, 4, power=0.5)]
    prints = [saved.fingerprint(e) for e in (encoder, *others)]
    assert len(set(prints)) == 6
    assert all(len(p) == 16 and int(p, 16) >= 0 for p in prints)


def test_the_fingerprint_does_not_ask_for_memory_order_or_gradients() -> None:
    encoder, other = small(), small().requires_grad_(False).to(memory_format=torch.contiguous_format)
    assert saved.fingerprint(encoder) == saved.fingerprint(other)


def test_a_folder_without_one(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no encoder in .*\nExpected encoder.json and encoder.safetensors"):
        load(tmp_path)


def rewritten(folder: Path, **changes: Any) -> None:
    path = folder / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 99}, "has format 99; this ilk reads up to 1"),
        ({"format": "1"}, "is damaged"),
        ({"class": "convnets"}, "Encoder class 'convnets' is not known"),
        ({"class": "os:system"}, "Encoder class 'os:system' is not known"),
        ({"class": 3}, "is damaged|is not known"),
        ({"class": ["convnet"]}, "is damaged|is not known"),
        ({"keywords": {"dimension": 3}}, "is damaged: .*unexpected keyword argument 'dimension'"),
        ({"keywords": {"dim": "8"}}, "is damaged"),
        ({"keywords": {"dim": 9, "size": 16, "width": 4}}, r"is damaged: (?s:.)*size mismatch for head"),
        ({"keywords": None}, "is damaged"),
        ({"keywords": {"size": 0}}, "is damaged"),
        ({"keywords": {"channels": -1}}, "is damaged"),
        ({"keywords": {"dim": 10**30}}, "is damaged"),
    ],
)
def test_a_description_that_does_not_hold(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    saved.save(small(), tmp_path, Encoder)
    rewritten(tmp_path, **changes)
    with pytest.raises(FormatError, match=why):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "3", "\xff", '"' * 9, "[" * 100_000])
def test_a_description_that_is_no_json(tmp_path: Path, text: str) -> None:
    saved.save(small(), tmp_path, Encoder)
    (tmp_path / "encoder.json").write_text(text, encoding="latin-1")
    with pytest.raises(FormatError, match=r"the encoder in .* is damaged"):
        load(tmp_path)


def test_weights_of_another_network(tmp_path: Path) -> None:
    saved.save(small(), tmp_path / "a", Encoder)
    saved.save(Pixels(1, 4), tmp_path / "b", Encoder)
    (tmp_path / "b" / "encoder.safetensors").replace(tmp_path / "a" / "encoder.safetensors")
    with pytest.raises(FormatError, match=r"is damaged: (?s:.)*Missing key"):
        load(tmp_path / "a")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["encoder.json", "encoder.safetensors"]), st.integers(0), st.binary(max_size=9), st.data()
)
def test_any_damage_is_told_or_does_no_harm(
    tmp_path: Path, name: str, place: int, put: bytes, data: st.DataObject
) -> None:
    saved.save(Projected(Pixels(1, 4), 2), tmp_path, Encoder)
    whole = (tmp_path / name).read_bytes()
    place %= len(whole)
    cut = data.draw(st.booleans())
    (tmp_path / name).write_bytes(whole[:place] + put + (b"" if cut else whole[place + len(put) :]))
    try:
        encoder = load(tmp_path)
    except IlkError as e:
        told = str(e)
    else:
        told = str(tmp_path) if isinstance(encoder, Encoder) else ""
    assert str(tmp_path) in told or "not known" in told


class Outside(Encoder):
    """Not of ilk: found only because this module has been imported."""

    def __init__(self, dim: int = 3) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : self.dim]


def test_a_class_from_outside_is_known_where_it_was_imported(tmp_path: Path) -> None:
    saved.save(Outside(2), tmp_path, Encoder)
    assert saved.describe(Outside(2))["class"] == f"{__name__}:Outside"
    assert isinstance(load(tmp_path), Outside)


LOADS = """
import sys
from pathlib import Path
from ilk import saved
from ilk.encoders import Encoder
try:
    saved.load(Path(sys.argv[1]), Encoder)
except saved.FormatError as e:
    print(e)
print("evil" in sys.modules)
"""


@pytest.mark.whole
def test_what_a_file_names_is_never_imported(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nPath('was run').touch()\nfrom ilk.encoders.pixels import Pixels as Evil\n"
    )
    (tmp_path / "evil.py").write_text(code)
    saved.save(Pixels(1, 4), tmp_path, Encoder)
    rewritten(tmp_path, **{"class": "evil:Evil"})
    told = subprocess.run(
        [sys.executable, "-c", LOADS, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{Path(saved.__file__).parents[1]}:{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert "Encoder class 'evil:Evil' is not known\nImport the module that defines it" in told
    assert told.endswith("False\n")
    assert not (tmp_path / "was run").exists()


def test_an_encoder_is_no_decoder(tmp_path: Path) -> None:
    saved.save(Pixels(1, 4), tmp_path, Decoder)
    with pytest.raises(FormatError, match="Decoder class 'pixels' is not known"):
        saved.load(tmp_path, Decoder)  # type: ignore[type-abstract]


def test_a_save_that_is_cut_short_leaves_what_stood(tmp_path: Path) -> None:
    saved.save(small(0), tmp_path, Encoder)
    before = saved.fingerprint(load(tmp_path))
    (tmp_path / "encoder.safetensors.new").write_bytes(b"half")  # killed while writing the next one
    assert saved.fingerprint(load(tmp_path)) == before
    saved.save(small(1), tmp_path, Encoder)
    assert saved.fingerprint(load(tmp_path)) == saved.fingerprint(small(1))
    assert sorted(os.listdir(tmp_path)) == ["encoder.json", "encoder.safetensors"]
