"""Models of `transformers` from a folder: their own output, saved and found again without the folder."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ilk import Space, saved
from ilk.encoders import Encoder
from ilk.encoders.hub import Hub
from ilk.errors import DataError, FormatError, MissingExtra, OptionError
from ilk.objectives.pretrained import Pretrained

from ..contract import samples

transformers = pytest.importorskip("transformers", minversion="5")
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VIT = {**SMALL, "image_size": 32, "patch_size": 8}
PREPARED = {"size": {"height": 32, "width": 32}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}


def written(folder: Path, network: Any, prepared: dict[str, Any] | None = None) -> Path:
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared or PREPARED))
    return folder


def resnet() -> Any:
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 8, 8, 12], "depths": [1, 1, 1, 1]}
    return transformers.ResNetModel(transformers.ResNetConfig(**sizes)).eval()


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = transformers.ViTForImageClassification(transformers.ViTConfig(**VIT))
    return written(tmp_path_factory.mktemp("hub") / "vit", network)


@pytest.fixture
def x() -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_the_vector_is_the_cls_token_of_the_evened_picture(vit: Path, x: Tensor) -> None:
    theirs = transformers.ViTModel.from_pretrained(vit, add_pooling_layer=False).eval()
    mean, std = (torch.tensor(PREPARED[k])[:, None, None] for k in ("image_mean", "image_std"))
    encoder = Hub(str(vit))
    assert encoder.dim == 16
    torch.testing.assert_close(encoder(x), theirs((x - mean) / std).last_hidden_state[:, 0])
    grey = x[:, :1]
    torch.testing.assert_close(Hub(str(vit), channels=1)(grey), encoder(grey.expand(-1, 3, -1, -1)))
    small = F.interpolate(x, (32, 32), mode="bicubic", antialias=True)
    assert torch.equal(encoder(small), encoder(x))
    assert [a.shape for a in encoder.attention(x)] == [(2, 2, 17, 17)] * 2


@torch.no_grad()
def test_an_earlier_layer_and_another_side(vit: Path, x: Tensor) -> None:
    theirs = transformers.ViTModel.from_pretrained(vit, add_pooling_layer=False).eval()
    encoder = Hub(str(vit), layer=1, side=48)
    out = theirs(encoder.prepared(x), output_hidden_states=True, interpolate_pos_encoding=True)
    assert out.hidden_states[1].shape == (2, 37, 16)
    torch.testing.assert_close(encoder(x), out.hidden_states[1][:, 1:].mean(1))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["resnet", "dinov2", "clip", "mae"])
def test_models_of_other_kinds(kind: str, tmp_path: Path, x: Tensor) -> None:
    torch.manual_seed(0)
    if kind == "resnet":
        network = resnet()
        expected = network(x).pooler_output.flatten(1)
    elif kind == "dinov2":
        network = transformers.Dinov2Model(transformers.Dinov2Config(**VIT)).eval()
        expected = network(x).last_hidden_state[:, 0]
    elif kind == "clip":  # of pictures and texts, the half that sees
        text = {**SMALL, "vocab_size": 50, "num_hidden_layers": 1}
        config = transformers.CLIPConfig(vision_config=VIT, text_config=text, projection_dim=8)
        network = transformers.CLIPModel(config).eval()
        expected = network.vision_model(x).pooler_output
    else:  # nothing is hidden
        network = transformers.ViTMAEModel(transformers.ViTMAEConfig(**VIT, mask_ratio=0.0)).eval()
        expected = network(x).last_hidden_state[:, 0]
    plain = {"size": {"shortest_edge": 40}, "do_center_crop": True, "crop_size": 32, "do_normalize": False}
    encoder = Hub(str(written(tmp_path, network, plain)))
    assert encoder.seen == 32
    torch.testing.assert_close(encoder(x), expected, rtol=1e-4, atol=1e-5)


def test_in_a_space_it_needs_its_folder_no_more(vit: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vit, tmp_path / "copy")
    source = samples.images(3, 16, 8)
    space = Space.create(tmp_path / "x.space", Hub(str(folder)), reading=source.reading)
    space.upsert(source)
    shutil.rmtree(folder)
    again = Space.open(tmp_path / "x.space")
    np.testing.assert_array_equal(again.encode(source), space.vectors())


def test_frozen_or_learning_on(tmp_path: Path, x: Tensor) -> None:
    folder = str(written(tmp_path, resnet()))
    frozen, tuned = Hub(folder), Hub(folder, tune=True)
    before = saved.fingerprint(frozen)
    assert not frozen.train()(x).requires_grad
    assert saved.fingerprint(frozen) == before  # batch norm has not moved
    tuned.train()(x).sum().backward()
    assert all(p.grad is not None for p in tuned.parameters())
    assert not torch.equal(tuned.eval()(x), frozen.eval()(x))  # batch norm has


def test_the_closed_form_keeps_the_main_axes(vit: Path) -> None:
    source = samples.images(1, 16, 32)
    encoder = Pretrained(model=str(vit), dim=5).solve(source)
    assert isinstance(encoder, Encoder)
    assert encoder(source.batch(np.arange(4))).shape == (4, 5)
    assert Pretrained(model=str(vit)).solve(source).dim == 16


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        ("config.json", DataError, "no pretrained vision model"),
        ("preprocessor_config.json", DataError, "no pretrained vision model"),
        ("model.safetensors", DataError, "the weights of .* cannot be loaded"),
    ],
)
def test_a_folder_that_lacks_something(
    vit: Path, tmp_path: Path, damage: str, error: type[Exception], says: str
) -> None:
    folder = shutil.copytree(vit, tmp_path / "copy")
    (folder / damage).unlink()
    with pytest.raises(error, match=says):
        Hub(str(folder))


def test_pickled_weights_are_not_opened(vit: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(vit, tmp_path / "copy")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"the weights of .* cannot be loaded"):
        Hub(str(folder))


def test_weights_that_are_missing_are_not_made_up(vit: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(vit, tmp_path / "copy")
    tensors = load_file(folder / "model.safetensors")
    del tensors[next(k for k in tensors if "0.intermediate.dense.weight" in k)]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(FormatError, match=r"lacks 1 of its weights \(layers\.0\.mlp\.fc1\.weight"):
        Hub(str(folder))


def test_what_cannot_be(vit: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no model named"):
        Hub()
    with pytest.raises(DataError, match=r"no folder \./nothing"):
        Hub("./nothing")
    with pytest.raises(OptionError, match="sees 3 channels; the pictures have 5"):
        Hub(str(vit), channels=5)
    with pytest.raises(OptionError, match=r"layer 7 of .*\nGive 0 to 2"):
        Hub(str(vit), layer=7)
    with pytest.raises(OptionError, match="tune with a layer"):
        Hub(str(vit), layer=1, tune=True)
    text = transformers.BertModel(transformers.BertConfig(**SMALL, vocab_size=30))
    with pytest.raises(OptionError, match="takes input_ids, not pictures"):
        Hub(str(written(tmp_path / "bert", text)))
    with pytest.raises(FormatError, match="does not say how pictures are prepared"):
        Hub(str(written(tmp_path / "no", resnet(), {"size": 32})))


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"needs transformers, .*\npip install 'ilk\[hub\]'"):
        Hub("anything")
