"""The published implementations in transformers, with the same weights: outputs agree to 1e-4."""

import re
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ilk.encoders import Encoder
from ilk.encoders._attention import rotate, rotation
from ilk.encoders.resnet import ResNet
from ilk.encoders.vit import ViT

transformers = pytest.importorskip("transformers", minversion="5")
LAYERS, HEADS, WIDTH = 3, 4, 32


def random(network: nn.Module) -> nn.Module:
    """Weights large enough that every part matters."""
    torch.manual_seed(0)
    for name, p in network.state_dict().items():
        if "running_var" in name:
            p.uniform_(0.5, 2)
        elif p.ndim == 4:
            p.normal_(0, (2 / p[0].numel()) ** 0.5)
        elif p.is_floating_point():
            p.normal_(1 if p.ndim == 1 and name.endswith(("weight", "lambda1")) else 0, 0.2)
    return network.eval()


def vit_weights(theirs: dict[str, Tensor], layers: int) -> Iterator[tuple[str, Tensor]]:
    """Their names -> ours, for ViT and DINOv2."""
    place = theirs["embeddings.position_embeddings"][0]
    registers = theirs.get("embeddings.register_tokens", torch.zeros(1, 0, WIDTH))[0]
    yield "special", torch.cat([theirs["embeddings.cls_token"][0] + place[:1], registers])
    yield "place", place[1:]
    yield "embed.weight", theirs["embeddings.patch_embeddings.projection.weight"].flatten(1)
    yield "embed.bias", theirs["embeddings.patch_embeddings.projection.bias"]
    for i in range(layers):
        start = re.compile(rf"(encoder\.layer|layers)\.{i}\.")
        layer = {start.sub("", k): v for k, v in theirs.items() if start.match(k)}
        first, second = (
            ("norm1", "norm2") if "norm1.weight" in layer else ("layernorm_before", "layernorm_after")
        )
        for kind in ("weight", "bias"):
            yield f"blocks.{i}.attention.norm.{kind}", layer[f"{first}.{kind}"]
            q, k, v, out = (layer[f"attention.{part}_proj.{kind}"] for part in "qkvo")
            yield f"blocks.{i}.attention.work.q.{kind}", q
            yield f"blocks.{i}.attention.work.kv.{kind}", torch.cat([k, v])
            yield f"blocks.{i}.attention.work.out.{kind}", out
            yield f"blocks.{i}.mlp.norm.{kind}", layer[f"{second}.{kind}"]
            yield f"blocks.{i}.mlp.work.0.{kind}", layer[f"mlp.fc1.{kind}"]
            yield f"blocks.{i}.mlp.work.2.{kind}", layer[f"mlp.fc2.{kind}"]
        if "layer_scale1.lambda1" in layer:
            yield f"blocks.{i}.attention.scale", layer["layer_scale1.lambda1"]
            yield f"blocks.{i}.mlp.scale", layer["layer_scale2.lambda1"]
    for kind in ("weight", "bias"):
        yield f"norm.{kind}", theirs[f"layernorm.{kind}"]


def load(ours: Encoder, weights: dict[str, Tensor]) -> None:
    missing, unexpected = ours.load_state_dict(weights, strict=False)
    assert unexpected == []
    assert [m for m in missing if not m.startswith("standardise") and "tracked" not in m] == []


@pytest.mark.parametrize("side", [16, 24])  # 24: the positions are interpolated
def test_vit(side: int) -> None:
    config = transformers.ViTConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=4 * WIDTH,
        image_size=16, patch_size=4, num_channels=3, layer_norm_eps=1e-6,
    )  # fmt: skip
    theirs = random(transformers.ViTModel(config, add_pooling_layer=False))
    ours = ViT(3, 16, WIDTH, 4, width=WIDTH, depth=LAYERS, heads=HEADS).eval()
    load(ours, dict(vit_weights(theirs.state_dict(), LAYERS)))
    x = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected = theirs(x, interpolate_pos_encoding=side != 16).last_hidden_state
        torch.testing.assert_close(ours.tokens(x), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours(x), expected[:, 0], rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.5


def test_dinov2_with_registers_and_layer_scale() -> None:
    config = transformers.Dinov2WithRegistersConfig(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, image_size=16, patch_size=4,
        num_register_tokens=2, num_channels=1, attn_implementation="eager",
    )  # fmt: skip
    theirs = random(transformers.Dinov2WithRegistersModel(config))
    ours = ViT(1, 16, WIDTH, 4, width=WIDTH, depth=LAYERS, heads=HEADS, registers=2, layer_scale=1.0).eval()
    load(ours, dict(vit_weights(theirs.state_dict(), LAYERS)))
    x = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        expected = theirs(x, output_attentions=True)
        torch.testing.assert_close(ours.tokens(x), expected.last_hidden_state, rtol=1e-4, atol=1e-4)
        for a, b in zip(ours.attention(x), expected.attentions, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_rotary_positions_of_llama() -> None:
    from transformers.models.llama import modeling_llama as llama

    config = transformers.LlamaConfig(hidden_size=WIDTH, num_attention_heads=HEADS, rope_theta=10000.0)
    q, k = torch.randn(2, 1, HEADS, 9, WIDTH // HEADS)
    places = torch.arange(9)
    cos, sin = llama.LlamaRotaryEmbedding(config)(q, places[None])
    by = rotation(places[:, None], WIDTH // HEADS)
    for ours, theirs in zip((rotate(q, by), rotate(k, by)), llama.apply_rotary_pos_emb(q, k, cos, sin)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


RESNET = (
    (r"embedder\.embedder\.convolution\.", "front.0."),
    (r"embedder\.embedder\.normalization\.", "front.1."),
    (r"shortcut\.convolution\.", "short.0."),
    (r"shortcut\.normalization\.", "short.1."),
)


def resnet_name(theirs: str, depths: list[int]) -> str:
    for pattern, ours in RESNET:
        theirs = re.sub(pattern, ours, theirs)
    where = re.match(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(.*)", theirs)
    if where is None:
        return theirs
    block = sum(depths[: int(where[1])]) + int(where[2])
    inner = re.sub(r"layer\.(\d)\.convolution", lambda m: f"change.{3 * int(m[1])}", where[3])
    inner = re.sub(r"layer\.(\d)\.normalization", lambda m: f"change.{3 * int(m[1]) + 1}", inner)
    return f"body.{block}.{inner}"


@pytest.mark.parametrize(("depth", "kind"), [(18, "basic"), (50, "bottleneck")])
def test_resnet(depth: int, kind: str) -> None:
    wide = 4 if depth == 50 else 1
    depths = [3, 4, 6, 3] if depth == 50 else [2, 2, 2, 2]
    config = transformers.ResNetConfig(
        num_channels=3, embedding_size=4, hidden_sizes=[4 * wide * 2**i for i in range(4)], depths=depths,
        layer_type=kind,
    )  # fmt: skip
    theirs = random(transformers.ResNetModel(config))
    ours = ResNet(3, 64, 32 * wide, depth, width=4).eval()
    load(ours, {resnet_name(k, depths): v for k, v in theirs.state_dict().items()})
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        out = theirs(x)
        near = {"rtol": 1e-4, "atol": 1e-4 * float(out.last_hidden_state.std())}
        torch.testing.assert_close(ours.body(ours.front(x)), out.last_hidden_state, **near)
        torch.testing.assert_close(ours(x), out.pooler_output.flatten(1), **near)
    assert out.pooler_output.std() > 0.5
