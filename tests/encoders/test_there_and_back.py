"""Encoder and decoder together, held against `transformers` with the same weights: T5 and Pegasus.

Both are pre-norm throughout, as ours are; BART and Marian are not. Pegasus is matched whole. T5 tells places
by biases of its own, which ours has not (places are learnt or turned): these are zeros here. It does not
divide by the root of a head's size: that goes into the queries' weights.

Legend: B texts, S pieces given, T pieces wanted.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ilk.encoders._tokenizer import Pieces, Tokenizer, train
from ilk.encoders._writing import Writing
from ilk.encoders.transformer import Transformer

from .test_reference import random

transformers = pytest.importorskip("transformers", minversion="5")
LENGTH, WIDTH, DEPTH, HEADS = 16, 32, 2, 4
KINDS = ("weight", "bias")


def t5(vocabulary: int) -> tuple[Any, dict[str, Any], list[dict[str, Tensor]]]:
    config = transformers.T5Config(
        vocab_size=vocabulary, d_model=WIDTH, d_kv=WIDTH // HEADS, d_ff=64, num_layers=DEPTH, num_heads=HEADS,
        dropout_rate=0.0, pad_token_id=0, decoder_start_token_id=2,
    )  # fmt: skip
    theirs = random(transformers.T5Model(config))
    for half in (theirs.encoder, theirs.decoder):
        nn.init.zeros_(half.block[0].layer[0].SelfAttention.relative_attention_bias.weight)
    told = theirs.state_dict()

    def attention(there: str) -> Iterator[tuple[str, Tensor]]:
        q, k, v, out = (told[f"{there}.{part}.weight"] for part in ("q", "k", "v", "o"))
        yield from {
            "q.weight": q * (WIDTH // HEADS) ** 0.5,
            "kv.weight": torch.cat([k, v]),
            "out.weight": out,
        }.items()

    def half(name: str) -> Iterator[tuple[str, Tensor]]:
        yield "embed.weight", told["shared.weight"]
        yield "place.weight", torch.zeros(LENGTH, WIDTH)
        yield "even.weight", told[f"{name}.final_layer_norm.weight"]
        works = {"attention": "SelfAttention"} | ({} if name == "encoder" else {"cross": "EncDecAttention"})
        for i in range(DEPTH):
            for at, branch in enumerate([*works, "mlp"]):
                there, here = f"{name}.block.{i}.layer.{at}", f"blocks.{i}.{branch}"
                yield f"{here}.norm.weight", told[f"{there}.layer_norm.weight"]
                if branch == "mlp":
                    yield f"{here}.work.0.weight", told[f"{there}.DenseReluDense.wi.weight"]
                    yield f"{here}.work.2.weight", told[f"{there}.DenseReluDense.wo.weight"]
                else:
                    yield from ((f"{here}.work.{k}", v) for k, v in attention(f"{there}.{works[branch]}"))

    shape = {"norm": "rms", "activation": "relu", "expand": 2.0}
    return theirs, shape, [dict(half("encoder")), dict(half("decoder"))]


def pegasus(vocabulary: int) -> tuple[Any, dict[str, Any], list[dict[str, Tensor]]]:
    sizes = {
        f"{half}_{name}": size
        for half in ("encoder", "decoder")
        for name, size in (("layers", DEPTH), ("attention_heads", HEADS), ("ffn_dim", 64))
    }
    config = transformers.PegasusConfig(
        vocab_size=vocabulary, d_model=WIDTH, max_position_embeddings=LENGTH, dropout=0.0,
        pad_token_id=0, eos_token_id=3, decoder_start_token_id=2, **sizes,
    )  # fmt: skip
    theirs = random(transformers.PegasusModel(config))
    for part in theirs.modules():
        if isinstance(part, nn.LayerNorm):
            part.eps = 1e-6  # as ours has it
    told = theirs.state_dict()

    def half(name: str) -> Iterator[tuple[str, Tensor]]:
        yield "embed.weight", told["shared.weight"]
        yield "place.weight", told[f"{name}.embed_positions.weight"]
        works = {"attention": "self_attn"} | ({} if name == "encoder" else {"cross": "encoder_attn"})
        for kind in KINDS:
            yield f"even.{kind}", told[f"{name}.layer_norm.{kind}"]
            for i in range(DEPTH):
                there, here = f"{name}.layers.{i}", f"blocks.{i}"
                for branch, work in works.items():
                    q, k, v, out = (told[f"{there}.{work}.{p}_proj.{kind}"] for p in ("q", "k", "v", "out"))
                    yield f"{here}.{branch}.norm.{kind}", told[f"{there}.{work}_layer_norm.{kind}"]
                    yield f"{here}.{branch}.work.q.{kind}", q
                    yield f"{here}.{branch}.work.kv.{kind}", torch.cat([k, v])
                    yield f"{here}.{branch}.work.out.{kind}", out
                yield f"{here}.mlp.norm.{kind}", told[f"{there}.final_layer_norm.{kind}"]
                yield f"{here}.mlp.work.0.{kind}", told[f"{there}.fc1.{kind}"]
                yield f"{here}.mlp.work.2.{kind}", told[f"{there}.fc2.{kind}"]

    shape = {"norm": "layer", "activation": "gelu", "expand": 2.0}
    return theirs, shape, [dict(half("encoder")), dict(half("decoder"))]


@pytest.mark.parametrize("model", [t5, pegasus])
def test_as_published(model: Any) -> None:
    tokenizer = train("bpe", iter(["the sea is deep", "a ship on the sea"]), 290)
    V = Tokenizer(tokenizer).size
    theirs, shape, (there, back) = model(V)
    sizes = {"width": WIDTH, "depth": DEPTH, "heads": HEADS, "dropout": 0.0}
    encoder = Transformer(tokenizer, LENGTH, WIDTH, **sizes, **shape).eval()
    biases = {k: torch.zeros_like(v) for k, v in encoder.state_dict().items() if k.endswith("bias")}
    encoder.load_state_dict(biases | there)  # T5 has none
    shape |= {"context": WIDTH, "positions": "learned", "bias": model is pegasus}
    decoder = Writing(V, LENGTH, WIDTH, DEPTH, HEADS, **shape).eval()
    decoder.load_state_dict(back)
    given, wanted = torch.randint(5, V, (2, 11)), torch.randint(5, V, (2, 7))  # (B, S), (B, T)
    real = torch.arange(11) < torch.tensor([[11], [6]])  # the second text is shorter
    with torch.no_grad():
        expected = theirs(input_ids=given, attention_mask=real.long(), decoder_input_ids=wanted)
        tokens = encoder.tokens(Pieces(given, real, torch.zeros_like(given)))
        told = expected.encoder_last_hidden_state * real[..., None]
        torch.testing.assert_close(tokens, told, rtol=1e-4, atol=1e-4)
        allowed = real[:, None, None]
        z = decoder(wanted, context=tokens, context_allowed=allowed)
        torch.testing.assert_close(z, expected.last_hidden_state, rtol=1e-4, atol=1e-4)
        caches, parts = decoder.caches(), wanted.split([3, 1, 3], 1)
        bit_by_bit = [decoder(p, context=tokens, context_allowed=allowed, caches=caches) for p in parts]
        torch.testing.assert_close(torch.cat(bit_by_bit, 1), z, rtol=1e-4, atol=1e-4)
    assert expected.last_hidden_state.std() > 0.5
