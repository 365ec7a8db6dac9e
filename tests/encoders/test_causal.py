"""Published causal models in transformers with the same weights; what a causal encoder promises."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ilk import saved
from ilk.encoders import Encoder, encode
from ilk.encoders._tokenizer import train
from ilk.encoders._writing import Writing
from ilk.encoders.causal import Causal
from ilk.errors import OptionError, UnknownName

from .test_reference import random

transformers = pytest.importorskip("transformers", minversion="5")
VOCABULARY, LENGTH, WIDTH, DEPTH, HEADS = 50, 16, 32, 3, 4
TEXTS = ["the sea is deep", "a ship on the sea", "night", "the night is long and the sea is deep and dark"]


def gpt2_weights(theirs: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Their names -> ours; their linear layers lie on the other side."""
    theirs = {k: v.T if "c_" in k and v.ndim == 2 else v for k, v in theirs.items()}
    yield "embed.weight", theirs["transformer.wte.weight"]
    yield "place.weight", theirs["transformer.wpe.weight"]
    for kind in ("weight", "bias"):
        yield f"even.{kind}", theirs[f"transformer.ln_f.{kind}"]
        for i in range(DEPTH):
            layer = f"transformer.h.{i}"
            q, k, v = theirs[f"{layer}.attn.c_attn.{kind}"].chunk(3)
            yield f"blocks.{i}.attention.norm.{kind}", theirs[f"{layer}.ln_1.{kind}"]
            yield f"blocks.{i}.attention.work.q.{kind}", q
            yield f"blocks.{i}.attention.work.kv.{kind}", torch.cat([k, v])
            yield f"blocks.{i}.attention.work.out.{kind}", theirs[f"{layer}.attn.c_proj.{kind}"]
            yield f"blocks.{i}.mlp.norm.{kind}", theirs[f"{layer}.ln_2.{kind}"]
            yield f"blocks.{i}.mlp.work.0.{kind}", theirs[f"{layer}.mlp.c_fc.{kind}"]
            yield f"blocks.{i}.mlp.work.2.{kind}", theirs[f"{layer}.mlp.c_proj.{kind}"]


def llama_weights(theirs: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    yield "embed.weight", theirs["model.embed_tokens.weight"]
    yield "even.weight", theirs["model.norm.weight"]
    yield "out.weight", theirs["lm_head.weight"]
    for i in range(DEPTH):
        layer = {k.removeprefix(f"model.layers.{i}."): v for k, v in theirs.items()}
        q, k, v, out = (layer[f"self_attn.{part}_proj.weight"] for part in "qkvo")
        yield f"blocks.{i}.attention.norm.weight", layer["input_layernorm.weight"]
        yield f"blocks.{i}.attention.work.q.weight", q
        yield f"blocks.{i}.attention.work.kv.weight", torch.cat([k, v])
        yield f"blocks.{i}.attention.work.out.weight", out
        yield f"blocks.{i}.mlp.norm.weight", layer["post_attention_layernorm.weight"]
        for part in ("gate", "up", "down"):
            yield f"blocks.{i}.mlp.work.{part}.weight", layer[f"mlp.{part}_proj.weight"]


def gpt2() -> tuple[Any, Writing, dict[str, Tensor]]:
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=WIDTH, n_layer=DEPTH, n_head=HEADS,
        layer_norm_epsilon=1e-6, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    theirs = random(transformers.GPT2LMHeadModel(config))
    shape = {"positions": "learned", "norm": "layer", "activation": "gelu-tanh", "bias": True}
    ours = Writing(VOCABULARY, LENGTH, WIDTH, DEPTH, HEADS, **shape)
    return theirs, ours, dict(gpt2_weights(theirs.state_dict()))


def llama() -> tuple[Any, Writing, dict[str, Tensor]]:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=DEPTH,
        num_attention_heads=HEADS, num_key_value_heads=2, max_position_embeddings=LENGTH,
    )  # fmt: skip
    theirs = random(transformers.LlamaForCausalLM(config))
    ours = Writing(
        VOCABULARY, LENGTH, WIDTH, DEPTH, HEADS, activation="swiglu", expand=2.5, groups=2, tied=False
    )
    return theirs, ours, dict(llama_weights(theirs.state_dict()))


@pytest.mark.parametrize("model", [gpt2, llama])
def test_as_published(model: Any) -> None:
    theirs, ours, weights = model()
    ours.load_state_dict(weights)
    ours.eval()
    ids = torch.randint(0, VOCABULARY, (2, LENGTH))
    with torch.no_grad():
        expected = theirs(ids).logits
        torch.testing.assert_close(ours.logits(ours(ids)), expected, rtol=1e-4, atol=1e-4)
        caches = ours.caches()
        pieces = [ours.logits(ours(part, caches=caches)) for part in ids.split([5, 1, 1, 9], 1)]
        torch.testing.assert_close(torch.cat(pieces, 1), expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.5


@pytest.fixture(scope="module")
def tokenizer() -> str:
    return train("bpe", iter(TEXTS), 300)


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("pool", ["mean", "last"])
def test_a_vector_is_the_texts_own(tokenizer: str, positions: str, pool: str) -> None:
    torch.manual_seed(0)
    encoder = Causal(tokenizer, 24, 16, 2, 2, pool=pool, positions=positions)
    together = encode(encoder, TEXTS)
    assert together.shape == (4, 16)
    for text, vector in zip(TEXTS, together):
        torch.testing.assert_close(encode(encoder, [text])[0], vector, rtol=1e-4, atol=1e-5)
    assert len(together.unique(dim=0)) == 4


def test_the_last_token_is_the_end_of_the_text(tokenizer: str) -> None:
    torch.manual_seed(0)
    last, mean = (Causal(tokenizer, 24, 16, 2, 2, pool=pool).eval() for pool in ("last", "mean"))
    mean.load_state_dict(last.state_dict())
    ids = last.words.pieces([TEXTS[0]], 24).ids
    assert ids[0, -1] == last.words.end
    with torch.inference_mode():
        z = last.writing(ids)
        torch.testing.assert_close(last([TEXTS[0]]), z[:, -1])
        torch.testing.assert_close(mean([TEXTS[0]]), z.mean(1))


def test_attention_looks_back_alone(tokenizer: str) -> None:
    weights = Causal(tokenizer, 24, 16, 2, 2).eval().attention(TEXTS)
    assert len(weights) == 2
    assert all(torch.equal(w, w.tril()) for w in weights)
    torch.testing.assert_close(weights[0].sum(-1), torch.ones(weights[0].shape[:-1]))


def test_what_cannot_be(tokenizer: str) -> None:
    with pytest.raises(UnknownName, match="no pool called 'max'"):
        Causal(tokenizer, pool="max")
    with pytest.raises(UnknownName, match="no positions called 'sincos'"):
        Causal(tokenizer, positions="sincos")
    with pytest.raises(OptionError, match="3 dimensions a head"):
        Causal(tokenizer, dim=12, heads=4)
    with pytest.raises(OptionError, match=re.escape("length is 2")):
        Causal(tokenizer, length=2)
    with pytest.raises(OptionError, match="depth is 0"):
        Causal(tokenizer, depth=0)


def test_saved_with_its_vocabulary(tokenizer: str, tmp_path: Any) -> None:
    torch.manual_seed(0)
    encoder = Causal(tokenizer, 24, 16, 2, 2, tied=False).eval()
    saved.save(encoder, tmp_path, Encoder)
    assert torch.equal(encode(saved.load(tmp_path, Encoder), TEXTS), encode(encoder, TEXTS))
